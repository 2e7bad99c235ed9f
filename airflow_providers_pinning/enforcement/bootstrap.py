# Licensed to the Apache Software Foundation (ASF) under one
# or more contributor license agreements.  See the NOTICE file
# distributed with this work for additional information
# regarding copyright ownership.  The ASF licenses this file
# to you under the Apache License, Version 2.0 (the
# "License"); you may not use this file except in compliance
# with the License.  You may obtain a copy of the License at
#
#   http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing,
# software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
# KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations
# under the License.
"""
Entry point of the enforcement, loaded by ``import airflow`` in every process.

Airflow loads the entry points of the group ``airflow.policy`` before it configures its database
session, which is before any model is imported, and does not swallow their exceptions. A plugin's
``on_load`` would be too late (``airflow dags trigger`` has read the latest version by then) and would
fail open. Keep this module small: it runs in task processes too.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.checking import check_airflow_version
from airflow_providers_pinning.enforcement.patching import register


def install() -> None:
    """
    Register the patches, and apply them now to modules that are already imported.

    :raises EnforcementError: if this Airflow is not supported by the patches
    """
    check_airflow_version()
    register()


install()
