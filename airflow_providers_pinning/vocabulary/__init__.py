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
The vocabulary shared by the REST API, the command line, hooks, operators and the documentation.

It only imports the standard library, so workers, the API server and every ``airflow`` command can use it. Import from
this package, not from its modules. It exports everything that they declare.
"""

from __future__ import annotations

from airflow_providers_pinning.vocabulary.commits import *  # noqa: F403
from airflow_providers_pinning.vocabulary.history import *  # noqa: F403
from airflow_providers_pinning.vocabulary.isolation import *  # noqa: F403
from airflow_providers_pinning.vocabulary.limits import *  # noqa: F403
from airflow_providers_pinning.vocabulary.lists import *  # noqa: F403
from airflow_providers_pinning.vocabulary.policies import *  # noqa: F403
from airflow_providers_pinning.vocabulary.ramps import *  # noqa: F403
from airflow_providers_pinning.vocabulary.refusals import *  # noqa: F403
from airflow_providers_pinning.vocabulary.releases import *  # noqa: F403
from airflow_providers_pinning.vocabulary.repairs import *  # noqa: F403
from airflow_providers_pinning.vocabulary.requests import *  # noqa: F403
from airflow_providers_pinning.vocabulary.soak import *  # noqa: F403
