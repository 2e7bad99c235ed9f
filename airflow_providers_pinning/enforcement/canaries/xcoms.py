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
A task of a canary run can only write XComs of its own run.

Tasks may set or delete XComs of any run. Live tasks would read what a candidate wrote.

Shown by ``tests/unit/enforcement/canaries/test_other_runs.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import asking_run, refuse_elsewhere


def set_xcom(call: Call) -> Any:
    """Set an XCom; for a canary run, only of its own tasks."""
    return _own(call)


def delete_xcom(call: Call) -> Any:
    """Delete an XCom; for a canary run, only of its own tasks."""
    return _own(call)


def _own(call: Call) -> Any:
    if (asking := asking_run()) is not None:
        refuse_elsewhere(asking, call.dag_id, call.run_id)
    return call.proceed()
