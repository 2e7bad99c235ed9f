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
Outcomes of canary runs, recorded when they end.

The first outcome of a run is final. Clearing, deleting or setting the run later is only added to the record, so
nobody can click away a failure, or turn an untested run into a success.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from functools import cache

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.comparison import compare_with_original
from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.domain.tries import earlier_tries, of_current_tries
from airflow_providers_pinning.models import RoutedRun, WithheldEffect


class EndReason(str, Enum):
    """Why a run ended."""

    FINISHED = "finished"
    """Its tasks decided."""
    TIMED_OUT = "timed_out"
    """It exceeded the Dag's ``dagrun_timeout``."""
    SET_BY_HAND = "set_by_hand"
    """Someone set its state."""
    DELETED = "deleted"
    """Someone deleted it before it ended, and a task of it had failed by then."""
    OVERRAN_GAP = "overran_gap"
    """A live run fell due, and the two must not overlap. It counts as failed."""
    VERSION_REJECTED = "version_rejected"
    """Its version was rejected before it started. It is no evidence."""


class CountsAs(str, Enum):
    """How an outcome counts for a verdict."""

    SUCCESS = "success"
    FAILED = "failed"
    FAILED_TASKS = "failed_tasks"
    """Successful although a task failed after all retries: a failure, unless the task fails in live runs too."""
    NOTHING = "nothing"
    """No evidence: nothing was tested, or a user decided instead of the scheduler."""


class NoEvidence(str, Enum):
    """Why a run is not evidence."""

    NO_TASK = "no_task"
    """It had no task."""
    NO_TASK_RAN = "no_task_ran"
    """Each of its tasks was skipped or removed."""
    SET_BY_HAND = "set_by_hand"
    """Its state, or that of a task, was set by hand before it finished."""
    NEVER_STARTED = "never_started"
    """A task is successful but never started, so its state was set by hand in a way that was not recorded."""
    VERSION_REJECTED = "version_rejected"
    """It was ended because its version was rejected."""


@dataclass(frozen=True)
class Outcome:
    """Summary of the task instances of a finished run."""

    task_instances: int
    tasks_by_state: dict[str, int]
    failed_tasks: tuple[str, ...]
    """Tasks that failed after all retries, including those that were cleared or set later."""
    upstream_failed_tasks: tuple[str, ...]
    tries: dict[str, int]
    """Number of tries of the tasks that needed more than one."""
    active_seconds: float
    never_started: tuple[str, ...]
    """Tasks that are successful but never started."""

    @property
    def tried(self) -> int:
        """Number of task instances that were neither skipped nor removed."""
        passed_over = (TaskInstanceState.SKIPPED, TaskInstanceState.REMOVED)
        return self.task_instances - sum(self.tasks_by_state.get(state.value, 0) for state in passed_over)


def record_outcome(run: DagRun, *, reason: str | None = None, session: Session) -> bool:
    """
    Record the outcome of a canary run, unless it is already recorded.

    Live runs cost no statement, and canary runs a number that does not depend on their tasks.

    :param run: a run that has its final state, as have its task instances
    :param reason: why it ended, one of :class:`EndReason`; by default its tasks finished
    :param session: database session; the caller commits
    :return: whether it was recorded now
    """
    if not may_be_canary(run.run_id) or run.state not in State.finished_dr_states:
        return False
    # Write the run before locking its record: all code locks the two in this order.
    session.flush()
    routed = locked_record(run.dag_id, run.run_id, session=session)
    if routed is None or routed.state is not None:
        return False
    ended_by = EndReason(reason or EndReason.FINISHED)
    outcome = _outcome(run, routed, session=session)
    no_evidence = _why_no_evidence(run, routed, outcome, ended_by)
    more = session.execute(_history_and_withheld(), {"dag_id": run.dag_id, "run_id": run.run_id}).one()
    routed.state = str(run.state)
    routed.started_at, routed.ended_at = run.start_date, run.end_date or timezone.utcnow()
    routed.counts_as = _counts_as(run, outcome, no_evidence).value
    routed.active_seconds = outcome.active_seconds + float(more.seconds or 0)
    routed.retried_tasks, routed.withheld_effects = len(outcome.tries), more.withheld
    routed.outcome = {
        "reason": ended_by.value,
        "no_evidence": no_evidence.value if no_evidence else None,
        "task_instances": outcome.task_instances,
        "tasks_by_state": outcome.tasks_by_state,
        "failed_tasks": list(outcome.failed_tasks),
        "upstream_failed_tasks": list(outcome.upstream_failed_tasks),
        "tries": outcome.tries,
        "never_started": list(outcome.never_started),
    }
    if routed.replay_of is not None:
        compared = compare_with_original(run, routed.replay_of, session=session)
        routed.outcome["replay"] = compared
        routed.output_differences = compared.get("differences")
    session.flush()
    return True


def locked_record(dag_id: str, run_id: str, *, session: Session) -> RoutedRun | None:
    """Lock and return the record of a run. A caller that also writes the run must do that first."""
    return session.get(RoutedRun, (dag_id, run_id), with_for_update=True, populate_existing=True)


def _outcome(run: DagRun, routed: RoutedRun, *, session: Session) -> Outcome:
    rows = session.execute(_by_task_and_state(), {"dag_id": run.dag_id, "run_id": run.run_id}).all()
    hidden, by_hand = _altered_tasks(routed)
    by_state: dict[str, int] = {}
    tries: dict[str, int] = {}
    for row in rows:
        by_state[_word(row.state)] = by_state.get(_word(row.state), 0) + row.instances
        if row.tries > 1:
            tries[row.task_id] = max(row.tries, tries.get(row.task_id, 0))
    return Outcome(
        task_instances=sum(row.instances for row in rows),
        tasks_by_state=by_state,
        failed_tasks=tuple(sorted((_tasks_in(TaskInstanceState.FAILED, rows) - by_hand) | hidden)),
        upstream_failed_tasks=tuple(sorted(_tasks_in(TaskInstanceState.UPSTREAM_FAILED, rows))),
        tries=tries,
        active_seconds=sum(float(row.seconds or 0) for row in rows),
        never_started=tuple(
            sorted({row.task_id for row in rows if row.state == TaskInstanceState.SUCCESS and not row.fewest_tries})
        ),
    )


def _altered_tasks(routed: RoutedRun) -> tuple[set[str], set[str]]:
    """Return the tasks that had failed before a user cleared or set them, and those whose state a user set."""
    hidden: set[str] = set()
    by_hand: set[str] = set()
    for altered in routed.alterations or ():
        hidden.update(altered.get("failed_tasks", ()))
        if altered.get("by_hand"):
            by_hand.update(altered.get("tasks", ()))
        else:
            by_hand.difference_update(altered.get("tasks", ()))
    return hidden, by_hand


def _word(state: str | None) -> str:
    return str(state) if state else "none"


def _tasks_in(state: TaskInstanceState, rows: Collection[Row]) -> set[str]:
    return {row.task_id for row in rows if row.state == state}


def _why_no_evidence(run: DagRun, routed: RoutedRun, outcome: Outcome, ended_by: EndReason) -> NoEvidence | None:
    """Return why a run is not evidence. A failure found by the scheduler always is, whatever was done to the run."""
    if ended_by is EndReason.VERSION_REJECTED:
        return NoEvidence.VERSION_REJECTED
    if outcome.failed_tasks:
        return None
    if ended_by is EndReason.SET_BY_HAND or any(altered.get("by_hand") for altered in routed.alterations or ()):
        return NoEvidence.SET_BY_HAND
    if run.state == DagRunState.FAILED:
        return None
    if not outcome.task_instances:
        return NoEvidence.NO_TASK
    if not outcome.tried:
        return NoEvidence.NO_TASK_RAN
    return NoEvidence.NEVER_STARTED if outcome.never_started else None


def _counts_as(run: DagRun, outcome: Outcome, no_evidence: NoEvidence | None) -> CountsAs:
    if no_evidence:
        return CountsAs.NOTHING
    if run.state == DagRunState.FAILED:
        return CountsAs.FAILED
    return CountsAs.FAILED_TASKS if outcome.failed_tasks else CountsAs.SUCCESS


@cache
def _by_task_and_state() -> Select:
    return (
        select(
            TaskInstance.task_id,
            TaskInstance.state,
            func.count().label("instances"),
            func.max(TaskInstance.try_number).label("tries"),
            func.min(TaskInstance.try_number).label("fewest_tries"),
            func.sum(TaskInstance.duration).label("seconds"),
        )
        .where(
            TaskInstance.dag_id == bindparam("dag_id"), TaskInstance.run_id == bindparam("run_id"), *of_current_tries()
        )
        .group_by(TaskInstance.task_id, TaskInstance.state)
    )


@cache
def _history_and_withheld() -> Select:
    (earlier, are_earlier), withheld = earlier_tries(), WithheldEffect
    seconds = select(func.sum(earlier.c.duration))
    effects = select(func.count()).select_from(withheld)
    return select(
        seconds.where(earlier.c.dag_id == bindparam("dag_id"), earlier.c.run_id == bindparam("run_id"), *are_earlier)
        .scalar_subquery()
        .label("seconds"),
        effects.where(withheld.dag_id == bindparam("dag_id"), withheld.run_id == bindparam("run_id"))
        .scalar_subquery()
        .label("withheld"),
    )
