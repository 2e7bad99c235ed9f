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
Select the runs for a verdict, each with how it counts.

Canary runs count by the outcome recorded when they finished, whatever happened later. Live runs have no such record.
They count by their current state and task instances, and the audit log shows which of them were set by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from airflow_providers_pinning.domain.canaries.outcomes import CountsAs
from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.tries import earlier_tries, of_current_tries
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import RunKind

RUNNING = "running"
"""How an unfinished run counts."""

KNOWN = "known"
"""How a run counts in which only tasks failed that also fail in live runs."""

_PASSED_OVER = (TaskInstanceState.SKIPPED, TaskInstanceState.REMOVED)


@dataclass(frozen=True)
class Scope:
    """The version, kind and start time of the runs to judge."""

    dag_id: str
    dag_version_id: UUID
    kind: RunKind
    since: datetime
    live_types: tuple[DagRunType, ...]
    """Types of the Dag's live runs."""


def judged_runs(
    scope: Scope,
    *,
    known_tasks: Collection[str] = (),
    known_runs: Collection[str] = (),
    set_in_bulk: Collection[str] = (),
) -> Subquery:
    """
    Build the subquery of the runs in a scope.

    Its columns are ``run_id``, ``order_id``, ``counts_as``, ``cleared``, ``started``, ``ended``, ``retried_tasks``,
    ``withheld_effects``, ``compared``, ``not_compared`` and ``output_differences``.

    :param known_tasks: tasks that also fail in live runs
    :param known_runs: canary runs in which only such tasks failed
    :param set_in_bulk: live runs whose state was set in bulk
    """
    canaries, live = _canaries(scope, known_tasks, known_runs), _live(scope, known_tasks, set_in_bulk)
    if scope.kind is RunKind.CANARY:
        return canaries.subquery()
    return live.subquery() if scope.kind is RunKind.LIVE else union_all(canaries, live).subquery()


def of_canaries(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions on the records of canary runs in a scope."""
    return (RoutedRun.dag_id == scope.dag_id, RoutedRun.dag_version_id == scope.dag_version_id)


def of_live_runs(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions on the live runs in a scope."""
    runs = (
        DagRun.dag_id == scope.dag_id,
        DagRun.created_dag_version_id == scope.dag_version_id,
        DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        DagRun.created_at >= scope.since,
        ~of_canary_runs(),
    )
    return (*runs, DagRun.run_type.in_(scope.live_types)) if scope.kind is RunKind.LIVE else runs


def set_by_hand(scope: Scope, *columns: Any) -> Select:
    """Build the lookup, in the audit log, of runs whose state was set by hand. It selects their IDs by default."""
    set_to = [Log.extra.like(f'%"state": "{state.value}"%') for state in State.finished_dr_states]
    return select(*(columns or (Log.run_id,))).where(
        Log.event == "patch_dag_run", Log.dag_id == scope.dag_id, Log.dttm >= scope.since, or_(*set_to)
    )


def not_set_by_hand(scope: Scope, set_in_bulk: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """
    Build the conditions on live runs whose state was not set by hand.

    :param set_in_bulk: live runs whose state was set in bulk
    """
    by_hand = set_by_hand(scope).where(Log.run_id.is_not(None))
    return (DagRun.run_id.not_in(by_hand), DagRun.run_id.not_in(set_in_bulk))


def seconds_of_run() -> ColumnElement[float]:
    """Build the total run time, in seconds over all tries, of the tasks of the run in the enclosing statement."""
    current = select(func.sum(TaskInstance.duration)).where(*_of_run())
    table, are_earlier = earlier_tries()
    earlier = select(func.sum(table.c.duration)).where(
        table.c.dag_id == DagRun.dag_id, table.c.run_id == DagRun.run_id, *are_earlier
    )
    return func.coalesce(current.correlate(DagRun).scalar_subquery(), 0.0) + func.coalesce(
        earlier.correlate(DagRun).scalar_subquery(), 0.0
    )


def has_task() -> ColumnElement[bool]:
    """Build the condition that the run in the enclosing statement has a task."""
    return _exists()


def retried_tasks_of_run() -> ScalarSelect[int]:
    """Build the number of tasks with more than one try, of the run in the enclosing statement."""
    return (
        select(func.count(TaskInstance.task_id.distinct()))
        .where(*_of_run(), TaskInstance.try_number > 1)
        .correlate(DagRun)
        .scalar_subquery()
    )


def _canaries(scope: Scope, known_tasks: Collection[str], known_runs: Collection[str]) -> Select:
    recorded = case(
        (and_(RoutedRun.counts_as == CountsAs.FAILED_TASKS.value, RoutedRun.run_id.in_(known_runs)), KNOWN),
        else_=RoutedRun.counts_as,
    )
    # Runs that finished before outcomes were recorded count by their state, if no user changed it.
    untouched = and_(DagRun.clear_number == 0, RoutedRun.alterations.is_(null()))
    counts_as = case(
        (RoutedRun.counts_as.is_not(None), recorded),
        (DagRun.state.not_in(State.finished_dr_states), RUNNING),
        (~untouched, CountsAs.NOTHING.value),
        (DagRun.state == DagRunState.FAILED, CountsAs.FAILED.value),
        (~_exists(TaskInstance.state.is_(None) | TaskInstance.state.not_in(_PASSED_OVER)), CountsAs.NOTHING.value),
        (_failed_task(TaskInstance.task_id.not_in(known_tasks)), CountsAs.FAILED_TASKS.value),
        (_failed_task(), KNOWN),
        else_=CountsAs.SUCCESS.value,
    )
    tells = _is_compared_with_another_version(scope)
    return (
        select(
            RoutedRun.run_id.label("run_id"),
            func.coalesce(DagRun.id, 0).label("order_id"),
            counts_as.label("counts_as"),
            case((DagRun.clear_number > 0, 1), else_=0).label("cleared"),
            func.coalesce(RoutedRun.started_at, DagRun.start_date).label("started"),
            func.coalesce(RoutedRun.ended_at, DagRun.end_date, RoutedRun.created_at).label("ended"),
            func.coalesce(RoutedRun.retried_tasks, 0).label("retried_tasks"),
            func.coalesce(RoutedRun.withheld_effects, 0).label("withheld_effects"),
            case((tells, 1), else_=0).label("compared"),
            case((and_(RoutedRun.replay_of.is_not(None), RoutedRun.state.is_not(None), ~tells), 1), else_=0).label(
                "not_compared"
            ),
            func.coalesce(RoutedRun.output_differences, 0).label("output_differences"),
        )
        .select_from(RoutedRun)
        .outerjoin(DagRun, and_(DagRun.dag_id == RoutedRun.dag_id, DagRun.run_id == RoutedRun.run_id))
        .where(
            *of_canaries(scope),
            func.coalesce(DagRun.created_at, RoutedRun.created_at) >= scope.since,
            # A run that was deleted before anything was known about it does not count.
            or_(RoutedRun.state.is_not(None), DagRun.id.is_not(None)),
        )
    )


def _is_compared_with_another_version(scope: Scope) -> ColumnElement[bool]:
    """Build the condition that a replay was compared; with a run of its own version it agrees whatever was changed."""
    of_original = RoutedRun.outcome["replay"]["original_dag_version_id"].as_string()
    return and_(RoutedRun.output_differences.is_not(None), of_original.is_distinct_from(str(scope.dag_version_id)))


def _live(scope: Scope, known_tasks: Collection[str], set_in_bulk: Collection[str]) -> Select:
    by_hand = DagRun.run_id.in_(set_by_hand(scope))
    counts_as = case(
        (DagRun.state.not_in(State.finished_dr_states), RUNNING),
        (or_(by_hand, DagRun.run_id.in_(set_in_bulk)) if set_in_bulk else by_hand, CountsAs.NOTHING.value),
        (DagRun.state == DagRunState.FAILED, CountsAs.FAILED.value),
        else_=_by_its_tasks(known_tasks),
    )
    return select(
        DagRun.run_id.label("run_id"),
        DagRun.id.label("order_id"),
        counts_as.label("counts_as"),
        case((DagRun.clear_number > 0, 1), else_=0).label("cleared"),
        DagRun.start_date.label("started"),
        func.coalesce(DagRun.end_date, DagRun.created_at).label("ended"),
        literal(0).label("retried_tasks"),
        literal(0).label("withheld_effects"),
        literal(0).label("compared"),
        literal(0).label("not_compared"),
        literal(0).label("output_differences"),
    ).where(*of_live_runs(scope))


def _by_its_tasks(known_tasks: Collection[str]) -> ColumnElement[str]:
    """
    Build how the successful live run in the enclosing statement counts.

    This probes an index once for each run, whatever the database's statistics say. A join with all task instances is
    faster with accurate statistics, but may compare all runs with each other with outdated ones, such as for a Dag with
    many recent runs. The state is not a condition of the probe, because the database might then choose an index on
    states.
    """
    failed = TaskInstance.state == TaskInstanceState.FAILED
    known = TaskInstance.task_id.in_(known_tasks)
    severity = case((and_(failed, known), 1), (failed, 2), else_=0)
    worst = select(func.max(severity)).where(*_of_run()).correlate(DagRun).scalar_subquery()
    counts_as = {0: CountsAs.SUCCESS.value, 1: KNOWN, 2: CountsAs.FAILED_TASKS.value}
    return case(counts_as, value=worst, else_=CountsAs.NOTHING.value)


def _of_run() -> tuple[ColumnElement[bool], ...]:
    return (TaskInstance.dag_id == DagRun.dag_id, TaskInstance.run_id == DagRun.run_id, *of_current_tries())


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).where(*_of_run(), *conditions).correlate(DagRun).exists()


def _failed_task(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return _exists(TaskInstance.state == TaskInstanceState.FAILED, *conditions)
