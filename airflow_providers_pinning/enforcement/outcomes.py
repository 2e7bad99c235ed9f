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

Stock keeps a run's present state only: one that is cleared, deleted or set by hand has no past, so a verdict that
reads it can be clicked into another one. What the scheduler finds when it ends a canary run is recorded in the same
transaction, also when the run timed out. Live runs are told by their run ids, so they cost nothing.

Shown by ``tests/unit/enforcement/test_outcomes.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.contract import wrap


def install_on_dag_run(module: ModuleType) -> None:
    """Patch ``airflow.models.dagrun``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def update(wrapped: Any, run: Any, *, session: Any = NEW_SESSION, **kwargs: Any) -> Any:
        decided = wrapped(session=session, **kwargs)
        _record(run, session=session)
        return decided

    def update_state(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if not may_be_canary(instance.run_id):
            return wrapped(*args, **kwargs)
        return update(wrapped, instance, *args, **kwargs)

    wrap(module, "DagRun.update_state", update_state)


def install_on_scheduler(module: ModuleType) -> None:
    """Patch ``airflow.jobs.scheduler_job_runner``, which ends runs that time out without asking them."""

    def schedule_dag_run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        run = args[0] if args else kwargs["dag_run"]
        callback = wrapped(*args, **kwargs)
        if may_be_canary(run.run_id):
            # What the run decided itself was recorded by then, so what is left timed out.
            _record(run, reason="timed_out", session=kwargs["session"] if "session" in kwargs else args[1])
        return callback

    wrap(module, "SchedulerJobRunner._schedule_dag_run", schedule_dag_run)


def _record(run: Any, *, reason: str | None = None, session: Any) -> None:
    from airflow_providers_pinning.domain.canaries.outcomes import record_outcome

    record_outcome(run, reason=reason, session=session)
