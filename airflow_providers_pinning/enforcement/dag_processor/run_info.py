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
Read the latest runs of many Dags at once.

Airflow reads them Dag by Dag while it writes the few Dags of a file. A release writes thousands, and locks their rows
meanwhile. So it reads them in advance and uses them here; otherwise Airflow reads them.

Shown by ``tests/unit/enforcement/dag_processor/test_run_info.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def calculate(call: Call) -> Any:
    """Use the runs of the Dag that are already known."""
    known = getattr(call.dag, "run_info", None)
    return call.proceed() if known is None else call.instance(*known)
