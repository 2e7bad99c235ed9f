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
The outcomes of a pinned version's runs since it was pinned.

This is separate from enforcement: a pin whose runs all fail is still enforced.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import ColumnElement, ScalarSelect, Select, Subquery, and_, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import MAX_FAILED_TASKS

FAILED_RUNS_LOOKED_AT = 100
"""Number of the newest failed runs to check for failed tasks."""

FAILURES_LOOKED_AT = 1000
"""Maximum number of failed task instances of these runs to read, newest first."""


@dataclass(frozen=True)
class RunsSincePin:
    """The live runs of a pinned version since it was pinned, without canary runs and backfills."""

    finished: int = 0
    failed: int = 0
    unfinished: int = 0
    failing: bool = False
    """Whether the newest finished run failed."""
    failed_tasks: dict[str, int] = field(default_factory=dict)
    """Number of the newest failed runs in which each task failed; only for a single Dag."""

    def __str__(self) -> str:
        if not (self.finished or self.unfinished):
            return "none yet"
        parts = [f"{self.failed} failed of {self.finished}"] if self.finished else []
        return ", ".join([*parts, *([f"{self.unfinished} in progress"] if self.unfinished else [])])


def of_runs_since_pin() -> tuple[ColumnElement[bool], ...]:
    """Build the conditions that a ``DagRun`` is a run since the pin in the same statement."""
    return _since_pin(DagRun)


def _since_pin(run: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        run.dag_id == Pin.dag_id,
        run.id > Pin.last_run_before,
        run.created_dag_version_id == Pin.dag_version_id,
        run.run_type != DagRunType.BACKFILL_JOB,
        run.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        ~of_canary_runs(run),
    )


@cache
def count_failed_runs() -> ScalarSelect[int]:
    """Build the number of failed runs since the pin in the enclosing statement. Failed runs of a Dag have an index."""
    run = aliased(DagRun)
    failed = select(func.count()).select_from(run).where(*_since_pin(run), run.state == DagRunState.FAILED)
    return failed.correlate(Pin).scalar_subquery()


@cache
def is_failing() -> ColumnElement[bool]:
    """
    Build the condition that the newest finished run since the pin in the enclosing statement failed.

    Failed runs are searched first, because most pins have none, which already decides.
    """
    newest = {}
    for state in (DagRunState.FAILED, DagRunState.SUCCESS):
        run = aliased(DagRun)
        newest[state] = (
            select(func.max(run.id)).where(*_since_pin(run), run.state == state).correlate(Pin).scalar_subquery()
        )
    failed = newest[DagRunState.FAILED]
    return and_(failed.is_not(None), failed > func.coalesce(newest[DagRunState.SUCCESS], 0))


def runs_since_pin(dag_ids: Collection[str], *, session: Session) -> dict[str, RunsSincePin]:
    """
    Count the runs of many Dags since their pins, with one statement.

    :param dag_ids: pinned Dags
    :param session: database session
    """
    if not dag_ids:
        return {}
    states: dict[str, dict[str, tuple[int, int]]] = {dag_id: {} for dag_id in dag_ids}
    for dag_id, state, number, newest in session.execute(_by_state(), {"dag_ids": list(dag_ids)}):
        states[dag_id][state] = (number, newest)
    return {dag_id: _summary(found) for dag_id, found in states.items()}


def _summary(found: dict[str, tuple[int, int]]) -> RunsSincePin:
    failed, newest_failed = found.get(DagRunState.FAILED.value, (0, 0))
    succeeded, newest_success = found.get(DagRunState.SUCCESS.value, (0, 0))
    return RunsSincePin(
        finished=failed + succeeded,
        failed=failed,
        unfinished=sum(number for number, _ in found.values()) - failed - succeeded,
        failing=newest_failed > newest_success,
    )


@cache
def _by_state() -> Select:
    return (
        select(DagRun.dag_id, DagRun.state, func.count(), func.max(DagRun.id))
        .join(Pin, and_(*of_runs_since_pin()))
        .where(Pin.dag_id.in_(bindparam("dag_ids", expanding=True)))
        .group_by(DagRun.dag_id, DagRun.state)
    )


@dataclass(frozen=True)
class FailedTask:
    """The newest failure of a task in the runs since the pin."""

    task_id: str
    run_id: str
    map_index: int
    """-1 if the task is not mapped."""
    try_number: int
    ended_at: datetime | None


def newest_failures(dag_id: str, *, session: Session) -> list[FailedTask]:
    """Return the newest failure of each task that failed since the pin of a Dag, newest first."""
    newest: dict[str, FailedTask] = {}
    for row in session.execute(_failures(), {"dag_id": dag_id}):
        newest.setdefault(row.task_id, FailedTask(*row))
        if len(newest) == MAX_FAILED_TASKS:
            break
    return list(newest.values())


@cache
def _failures() -> Select:
    failed = _failed_runs()
    return (
        select(
            TaskInstance.task_id,
            TaskInstance.run_id,
            TaskInstance.map_index,
            TaskInstance.try_number,
            TaskInstance.end_date,
        )
        .join(failed, failed.c.run_id == TaskInstance.run_id)
        .where(
            TaskInstance.dag_id == bindparam("dag_id"),
            TaskInstance.state == TaskInstanceState.FAILED,
            *of_current_tries(),
        )
        .order_by(failed.c.id.desc(), TaskInstance.task_id, TaskInstance.map_index)
        .limit(FAILURES_LOOKED_AT)
    )


def failed_tasks_since_pin(dag_id: str, *, session: Session) -> dict[str, int]:
    """Count in how many of the newest failed runs since the pin each task failed, the most failures first."""
    return {row.task_id: row.runs for row in session.execute(_failed_tasks(), {"dag_id": dag_id})}


def _failed_runs() -> Subquery:
    return (
        select(DagRun.id, DagRun.run_id)
        .join(Pin, and_(*of_runs_since_pin()))
        .where(Pin.dag_id == bindparam("dag_id"), DagRun.state == DagRunState.FAILED)
        .order_by(DagRun.id.desc())
        .limit(FAILED_RUNS_LOOKED_AT)
        .subquery()
    )


@cache
def _failed_tasks() -> Select:
    failed = _failed_runs()
    runs = func.count(TaskInstance.run_id.distinct()).label("runs")
    return (
        select(TaskInstance.task_id, runs)
        .join(failed, failed.c.run_id == TaskInstance.run_id)
        .where(
            TaskInstance.dag_id == bindparam("dag_id"),
            TaskInstance.state == TaskInstanceState.FAILED,
            *of_current_tries(),
        )
        .group_by(TaskInstance.task_id)
        .order_by(runs.desc(), TaskInstance.task_id)
        .limit(MAX_FAILED_TASKS)
    )
