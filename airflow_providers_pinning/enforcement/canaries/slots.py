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
Canary runs take no slots of live runs.

Airflow counts every run of a Dag against ``max_active_runs``: where runs are created (``DagRun.active_runs_of_dags``,
``DagModel.dags_needing_dagruns``) and where they are started (``SchedulerJobRunner._start_queued_dagruns``). A slow
or waiting canary run would block live runs, and with ``catchup=False`` their intervals would be lost. So these
statements ignore canary runs, and canary runs start after the live runs. One of Airflow's own statements also tells
whether there are any canary runs to handle.

When a live run finishes, Airflow recomputes whether the limit is reached (``_set_exceeds_max_active_runs``). This is
skipped for canary runs: in the meantime, a live run may be created that Airflow would not have counted yet without
canary runs.

If a canary run makes way for a live run, the live run starts when the last process of the canary run has ended. The
executor reports the end of a task's process, which Airflow forgets after reading it (``_process_executor_events``);
for canary runs it is remembered.

Since Airflow 3.4, a Dag that drains is paused when all its runs are finished (``_finalize_draining_dags``). A canary
run that takes no slot does not delay this; it stops with the Dag, and goes on with it.

Shown by ``tests/unit/enforcement/canaries/test_slots.py``, ``tests/system/test_gaps.py``,
``tests/integration/test_gaps.py`` and ``tests/unit/enforcement/canaries/test_draining.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call

ENDED = "_pinning_ended"
"""Attribute of the scheduler: tasks of canary runs whose processes are known to have ended."""

REMEMBERED = 1000
"""How many of them to remember."""


def active_runs_of_dags(call: Call) -> Any:
    """Count the active live runs."""
    from airflow_providers_pinning.domain.canaries.slots import without_canaries

    with without_canaries(call.session):
        return call.proceed()


def process_executor_events(call: Call) -> int:
    """Note which tasks of canary runs the executor has finished, before Airflow reads its events."""
    for key, (state, _) in call.executor.event_buffer.items():
        if may_be_canary(getattr(key, "run_id", None)) and state in ("success", "failed"):
            ended = call.instance.__dict__.setdefault(ENDED, {})
            ended[key] = None
            if len(ended) > REMEMBERED:
                del ended[next(iter(ended))]
    processed: int = call.proceed()
    return processed


def start_queued_dagruns(call: Call) -> None:
    """Start live runs, then handle canary runs, if there are any."""
    from airflow_providers_pinning.domain.canaries.slots import live_runs_to_start
    from airflow_providers_pinning.domain.canaries.turns import take_turn

    session = call.session
    with live_runs_to_start(session) as with_canaries:
        call.proceed()
    if with_canaries:
        take_turn(with_canaries, _Scheduler(call.instance, session), session=session)


def schedule_dag_run(call: Call) -> Any:
    """Decide the state of a run like Airflow, and note which run it is if it may be a canary run."""
    if not may_be_canary(call.dag_run.run_id):
        return call.proceed()
    from airflow_providers_pinning.domain.canaries.slots import deciding_about

    with deciding_about(call.dag_run):
        return call.proceed()


def set_exceeds_max_active_runs(call: Call) -> None:
    """Compute whether the limit of live runs is reached, unless a canary run has ended."""
    from airflow_providers_pinning.domain.canaries.slots import frees_no_slot

    if not frees_no_slot(session=call.session):
        call.proceed()


def finalize_draining_dags(call: Call) -> None:
    """Pause draining Dags whose live runs are finished."""
    from airflow_providers_pinning.domain.canaries.slots import without_canaries

    with without_canaries(call.session):
        call.proceed()


class _Scheduler:
    """Airflow's scheduler, as used for canary runs."""

    def __init__(self, runner: Any, session: Any) -> None:
        self._runner = runner
        self._session = session

    def start(self, run_id: int) -> bool:
        """Start a queued run, as ``_start_queued_dagruns`` does."""
        from airflow._shared.timezones import timezone
        from airflow.models.dagrun import DagRun
        from airflow.utils.sqlalchemy import with_row_locks
        from airflow.utils.state import DagRunState
        from sqlalchemy import select

        query = select(DagRun).where(DagRun.id == run_id, DagRun.state == DagRunState.QUEUED)
        query = query.execution_options(populate_existing=True)
        run = self._session.scalar(with_row_locks(query, of=DagRun, session=self._session, skip_locked=True))
        if run is None or not self._prepare(run):
            return False
        run.state = DagRunState.RUNNING
        run.start_date = timezone.utcnow()
        run.notify_dagrun_state_changed(msg="started")
        return True

    def announce_end(self, run: Any) -> None:
        """Notify listeners that a run has failed."""
        if self._prepare(run):
            run.notify_dagrun_state_changed(msg="overran_gap")

    def still_runs(self, task_instance: Any) -> bool | None:
        """Return whether the task's process is alive; ``None`` if no executor of this scheduler knows."""
        if task_instance.queued_by_job_id != self._runner.job.id:
            return None
        if task_instance.key in self._runner.__dict__.get(ENDED, {}):
            return False
        # An executor may forget a task right after it started, so not knowing it means nothing.
        return any(executor.has_task(task_instance) for executor in self._runner.executors) or None

    def _prepare(self, run: Any) -> bool:
        """Set the attributes of the run that listeners use."""
        run.dag = self._runner.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=self._session)
        if not run.dag:
            self._runner.log.error("The version of canary run %s of Dag %s was deleted", run.run_id, run.dag_id)
            return False
        self._runner._stamp_team_names([run], self._session)
        return True
