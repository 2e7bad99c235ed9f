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
Record the outcome of a canary run when it ends.

Airflow only stores the current state of a run: if a user clears, deletes or sets it, the past is lost, and a verdict
based on it can be changed with a click. So when the scheduler ends a canary run, or when it times out, the outcome is
recorded in the same transaction. Live runs are recognized by their run IDs, so they cost nothing.

Shown by ``tests/unit/enforcement/canaries/test_outcomes.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call


def update_state(call: Call) -> Any:
    """Decide the state of a run, and record the outcome of a canary run."""
    run = call.instance
    if not may_be_canary(run.run_id):
        return call.proceed()
    session = call.session
    decided = call.proceed()
    _record(run, session=session)
    return decided


def schedule_dag_run(call: Call) -> Any:
    """Decide the state of a run, and record a canary run that timed out."""
    run = call.dag_run
    if not may_be_canary(run.run_id):
        return call.proceed()
    session = call.session
    callback = call.proceed()
    # Outcomes decided by the run itself are already recorded, so this one timed out.
    _record(run, reason="timed_out", session=session)
    return callback


def _record(run: Any, *, reason: str | None = None, session: Any) -> None:
    from airflow_providers_pinning.domain.canaries.outcomes import record_outcome

    record_outcome(run, reason=reason, session=session)
