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
Manual changes to canary runs, recorded next to the outcome, which they must not affect.

Until a run has an outcome, this also records tasks that have failed, because clearing or setting them would hide the
failure, and tasks whose state a user has set, because that state says nothing about the version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import CountsAs, EndReason, locked_record, record_outcome
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.models import RoutedRun

actor: ContextVar[str | None] = ContextVar("pinning_actor", default=None)
"""Name of the user whose request is being handled, if any."""

_decided_here: ContextVar[bool] = ContextVar("pinning_decided_here", default=False)

CLEARED, DELETED = "cleared", "deleted"


@contextmanager
def decided_here() -> Iterator[None]:
    """Mark that this package, not a user, calls Airflow's functions that set states."""
    token = _decided_here.set(True)
    try:
        yield
    finally:
        _decided_here.reset(token)


def is_decided_here() -> bool:
    """Return whether this package sets the states, or a step of an operation that is recorded as a whole."""
    return _decided_here.get()


def failed_tasks(dag_id: str, run_id: str, *, session: Session) -> set[str]:
    """Return the tasks of a run that have failed after all retries so far."""
    query = select(TaskInstance.task_id).distinct()
    query = query.where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, *of_current_tries())
    return set(session.scalars(query.where(TaskInstance.state == TaskInstanceState.FAILED)))


def failed_tasks_of_canaries(dag_id: str, *, session: Session) -> dict[str, set[str]]:
    """Return, by run, the tasks that have failed after all retries so far in canary runs without an outcome."""
    query = (
        select(TaskInstance.run_id, TaskInstance.task_id)
        .distinct()
        .join(RoutedRun, (RoutedRun.dag_id == TaskInstance.dag_id) & (RoutedRun.run_id == TaskInstance.run_id))
        .where(RoutedRun.dag_id == dag_id, RoutedRun.state.is_(None), TaskInstance.state == TaskInstanceState.FAILED)
        .where(*of_current_tries())
    )
    failed: dict[str, set[str]] = defaultdict(set)
    for row in session.execute(query):
        failed[row.run_id].add(row.task_id)
    return failed


def note_clearing(
    dag_id: str, run_id: str, *, tasks: Collection[str], failed: Collection[str], session: Session
) -> None:
    """
    Record that tasks of a canary run were cleared.

    :param tasks: the tasks
    :param failed: tasks of the run that had failed before
    """
    _note(dag_id, run_id, CLEARED, tasks=tasks, failed=failed, session=session)


def note_state(
    dag_id: str,
    run_id: str,
    state: str,
    *,
    tasks: Collection[str],
    failed: Collection[str] = (),
    of_run: bool = False,
    session: Session,
) -> None:
    """
    Note that the state of a canary run or of some of its tasks was set by hand.

    A run that is finished by this has its outcome now: no evidence, unless a task had failed before.

    :param state: the state that was set
    :param tasks: the tasks whose state is from a person
    :param failed: tasks of the run that had failed before
    :param of_run: whether the state of the whole run was set
    """
    what = f"set to {state}" if of_run else f"{_named(tasks)} set to {state}"
    decided = not of_run or state in State.finished_dr_states
    _note(dag_id, run_id, what, tasks=tasks, failed=failed, by_hand=decided, session=session)
    if of_run and decided:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is not None:
            record_outcome(run, reason=EndReason.SET_BY_HAND.value, session=session)


def note_deletion(run: DagRun, connection: Connection) -> None:
    """
    Note that a canary run was deleted, in the flush that deletes it.

    One whose outcome was never recorded, since it finished before outcomes were, or since it was put back before it
    finished, leaves what is known against it.
    """
    record = RoutedRun.__table__
    key = (record.c.dag_id == run.dag_id) & (record.c.run_id == run.run_id)
    routed = connection.execute(select(record).where(key).with_for_update()).one_or_none()
    if routed is None:
        return
    values: dict[str, Any] = {"alterations": [*(routed.alterations or ()), _altered(DELETED)]}
    hidden = {task for altered in routed.alterations or () for task in altered.get("failed_tasks", ())}
    if routed.state is None and (hidden or run.state == DagRunState.FAILED):
        values |= {
            "state": DagRunState.FAILED.value,
            "started_at": run.start_date,
            "ended_at": run.end_date or timezone.utcnow(),
            "counts_as": (CountsAs.FAILED_TASKS if hidden else CountsAs.FAILED).value,
            "outcome": {"reason": EndReason.DELETED.value, "no_evidence": None, "failed_tasks": sorted(hidden)},
        }
    connection.execute(update(RoutedRun).where(key).values(**values))


def note_task_deletion(dag_id: str, run_id: str, task_id: str, failed: bool, connection: Connection | Session) -> None:
    """
    Note that a task of a canary run is deleted by a person, in the flush or before the statement that deletes it.

    Airflow itself deletes tasks, which have not begun, where a mapped one is expanded.

    :param dag_id: the Dag
    :param run_id: the run
    :param task_id: the task
    :param failed: whether it had failed
    :param connection: connection or session of the deletion
    """
    record = RoutedRun.__table__
    key = (record.c.dag_id == dag_id) & (record.c.run_id == run_id)
    if actor.get() is None and not failed:
        return
    routed = connection.execute(select(record).where(key).with_for_update()).one_or_none()
    if routed is None:
        return
    altered = _altered(f"{_named([task_id])} {DELETED}")
    if routed.state is None:
        altered |= {"tasks": [task_id], "failed_tasks": [task_id] if failed else [], "by_hand": True}
    alterations = [*(routed.alterations or ()), altered]
    connection.execute(update(RoutedRun).where(key).values(alterations=alterations))


def note_deletion_of_attempts(
    dag_id: str, run_id: str, task_id: str, map_index: int | None, region_id: UUID | None, *, session: Session
) -> None:
    """
    Note that every try of a task of a canary run is about to be deleted, by a statement that nothing listens to.

    :param dag_id: the Dag
    :param run_id: the run
    :param task_id: the task
    :param map_index: which of a mapped task; ``None`` for all
    :param region_id: which of a loop; ``None`` for all
    :param session: database session
    """
    tries = select(TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id
    )
    if map_index is not None:
        tries = tries.where(TaskInstance.map_index == map_index)
    if region_id is not None:
        tries = tries.where(TaskInstance.region_id == region_id)
    if states := set(session.scalars(tries.distinct())):
        note_task_deletion(dag_id, run_id, task_id, TaskInstanceState.FAILED in states, session)


def note_gone(routed: RoutedRun) -> None:
    """Note that a run is gone without anybody having been seen deleting it."""
    if not any(altered["what"] == DELETED for altered in routed.alterations or ()):
        routed.alterations = [*(routed.alterations or ()), _altered(DELETED)]


def _note(
    dag_id: str,
    run_id: str,
    what: str,
    *,
    tasks: Collection[str],
    failed: Collection[str],
    by_hand: bool = False,
    session: Session,
) -> None:
    # The run and its tasks are written before the record is locked: everybody locks them in this order.
    session.flush()
    routed = locked_record(dag_id, run_id, session=session)
    if routed is None:
        return
    altered = _altered(what)
    if routed.state is None:
        altered |= {"tasks": sorted(tasks), "failed_tasks": sorted(failed), "by_hand": by_hand}
    routed.alterations = [*(routed.alterations or ()), altered]
    session.flush()


def _altered(what: str) -> dict[str, Any]:
    return {"what": what, "actor": actor.get(), "at": timezone.utcnow().isoformat()}


def _named(tasks: Collection[str]) -> str:
    return f"task {next(iter(tasks))}" if len(tasks) == 1 else f"{len(tasks)} tasks"
