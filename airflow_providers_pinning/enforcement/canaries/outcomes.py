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
What came of a canary run is written down when it happens.

Airflow keeps a run's present state only: one that is cleared, deleted or set by hand has no past, so a verdict that
reads it can be clicked into another one. What the scheduler finds when it ends a canary run is recorded in the same
transaction, also when the run timed out. Live runs are told by their run ids, so they cost nothing.

Shown by ``tests/unit/enforcement/canaries/test_outcomes.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call


def update_state(call: Call) -> Any:
    """Decide about a run, and record the outcome of a canary run that is decided."""
    run = call.instance
    if not may_be_canary(run.run_id):
        return call.proceed()
    session = call.session
    decided = call.proceed()
    _record(run, session=session)
    return decided


def schedule_dag_run(call: Call) -> Any:
    """Decide about a run, and record the outcome of a canary run that timed out."""
    run = call.dag_run
    if not may_be_canary(run.run_id):
        return call.proceed()
    session = call.session
    callback = call.proceed()
    # What the run decided itself was recorded by then, so what is left timed out.
    _record(run, reason="timed_out", session=session)
    return callback


def _record(run: Any, *, reason: str | None = None, session: Any) -> None:
    from airflow_providers_pinning.domain.canaries.outcomes import record_outcome

    record_outcome(run, reason=reason, session=session)
