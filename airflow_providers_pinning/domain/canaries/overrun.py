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
"""Stop canary runs when a live run is due, and tell how long their processes may survive."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from airflow._shared.timezones import timezone
from airflow.configuration import conf
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import EndReason, record_outcome
from airflow_providers_pinning.domain.canaries.unfinished_runs import Canary
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.models import Gap
from airflow_providers_pinning.vocabulary import MAX_NOTE

log = logging.getLogger(__name__)

OVERRAN = "overran its gap"
"""Note on a canary run that was ended because a live run was due."""

KILL_SECONDS = 10.0
"""Seconds that a task process has to exit before it is killed (SIGTERM, then SIGKILL, 5 s each)."""

_UNDER_WAY = (
    TaskInstanceState.RUNNING,
    TaskInstanceState.RESTARTING,
    TaskInstanceState.DEFERRED,
    TaskInstanceState.UP_FOR_RESCHEDULE,
    TaskInstanceState.UP_FOR_RETRY,
    TaskInstanceState.AWAITING_INPUT,
)
"""States of tasks that have started. The others are skipped, as in Airflow when it ends a run."""


class Scheduler(Protocol):
    """What these decisions need from a scheduler."""

    def start(self, run_id: int) -> bool:
        """Start a queued run as Airflow does, and return whether it was started."""

    def announce_end(self, run: DagRun) -> None:
        """Tell listeners that a run has failed."""

    def still_runs(self, task_instance: TaskInstance) -> bool | None:
        """Return whether the task's process is alive; ``None`` if no executor of this scheduler knows."""


def is_under_way(canary: Canary, dag_id: str, *, session: Session) -> bool:
    """Return whether a run has running tasks. A queued run may have some if a user set it back to queued."""
    query = select(literal(1)).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == canary.run_id, *of_current_tries()
    )
    return session.scalar(query.where(TaskInstance.state.in_(_UNDER_WAY)).limit(1)) is not None


def end_overrun(canary: Canary, scheduler: Scheduler, *, session: Session) -> bool:
    """
    Fail a canary run because a live run is waiting.

    :return: False if another process is changing it right now, so it must be tried again in the next turn
    """
    query = select(DagRun).where(DagRun.id == canary.id).execution_options(populate_existing=True)
    run = session.scalar(with_row_locks(query, of=DagRun, session=session, skip_locked=True))
    if run is None:
        return False
    unfinished = (
        TaskInstance.dag_id == run.dag_id,
        TaskInstance.run_id == run.run_id,
        *of_current_tries(),
        or_(TaskInstance.state.is_(None), TaskInstance.state.in_(State.unfinished)),
    )
    tasks = select(TaskInstance).where(*unfinished).execution_options(populate_existing=True)
    locked = session.scalars(with_row_locks(tasks, of=TaskInstance, session=session, skip_locked=True)).unique().all()
    if len(locked) != session.scalar(select(func.count()).select_from(TaskInstance).where(*unfinished)):
        return False
    now = timezone.utcnow()
    for ti in locked:
        ti.state = TaskInstanceState.FAILED if ti.state in _UNDER_WAY else TaskInstanceState.SKIPPED
        ti.start_date, ti.end_date = ti.start_date or now, now
        ti.duration = (now - ti.start_date).total_seconds()
    run.state = DagRunState.FAILED
    # The database would refuse a note that is too long, which would crash the scheduler.
    run.note = f"{run.note[: MAX_NOTE - len(OVERRAN) - 2]}; {OVERRAN}" if run.note else OVERRAN
    record_outcome(run, reason=EndReason.OVERRAN_GAP.value, session=session)
    log.warning(
        "Stopping canary run %s of Dag %s because a live run fell due: runs of this Dag must not overlap, and the "
        "canary run took longer than recent runs.",
        run.run_id,
        run.dag_id,
    )
    scheduler.announce_end(run)
    return True


def has_processes(gap: Gap, scheduler: Scheduler, *, session: Session) -> bool:
    """
    Return whether a task process of a finished run may still be alive.

    A task that is ended from outside notices it at its next heartbeat. The scheduler that gave it to an executor
    knows when the executor is done with it. If no one knows, the maximum lifetime of the process has to pass.
    """
    now = database_clock(session=session)
    silence = timedelta(seconds=_silence())
    timeout = max(timedelta(seconds=conf.getint("scheduler", "task_instance_heartbeat_timeout")), silence)
    run = (DagRun.dag_id == gap.dag_id, DagRun.run_id == gap.run_id)
    if session.scalar(select(literal(1)).where(*run)) is None:
        return gap.ended_at is not None and gap.ended_at > now - silence
    began = select(TaskInstance).where(
        TaskInstance.dag_id == gap.dag_id, TaskInstance.run_id == gap.run_id, TaskInstance.pid.is_not(None)
    )
    recent = or_(TaskInstance.end_date.is_(None), TaskInstance.end_date > now - timeout)
    for ti in session.scalars(began.where(recent)).unique():
        still_runs = scheduler.still_runs(ti)
        # Not the task's end date, which another host wrote by its own clock.
        since = gap.ended_at or now
        if still_runs or (still_runs is None and since > now - silence):
            return True
    return False


def _silence() -> float:
    """Return the seconds after which a task process that was told to exit, or cannot send heartbeats, is gone."""
    interval = conf.getint("workers", "min_heartbeat_interval")
    # A supervisor that just misses one interval sends its heartbeat at the end of the next.
    return 2.0 * interval * conf.getint("workers", "max_failed_heartbeats") + KILL_SECONDS
