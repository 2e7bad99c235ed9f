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
"""Runs that use a version regardless of the pin, such as canary runs, and how to distinguish them from live runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, inspect, literal, or_, select, tuple_
from sqlalchemy.orm import ORMExecuteState, Session, aliased, with_loader_criteria

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import CANARY_PREFIX

_UNSCHEDULED = ("NullTimetable", "PartitionedAtRuntime")
"""Names of the timetables of Dags without a schedule."""

CANARY = "canary"
"""Kind of routed runs that are canary runs."""


@cache
def of_canary_runs(model: Any = DagRun) -> ColumnElement[bool]:
    """
    Build the condition that a row of the enclosing statement belongs to a canary run.

    :param model: ``DagRun``, or another model with ``dag_id`` and ``run_id``
    """
    return _is_recorded(model)


@cache
def has_live_runs() -> ColumnElement[bool]:
    """
    Build the condition that the ``DagVersion`` of the enclosing statement has live runs.

    It probes an index for each version, because a version may have very many runs. It does not use the Dag's ID, which
    would make some databases read all runs of the Dag.
    """
    of_version = DagRun.created_dag_version_id == DagVersion.id
    return select(literal(1)).where(of_version, ~of_canary_runs()).exists()


@cache
def takes_no_slot() -> ColumnElement[bool]:
    """Build the condition that a ``DagRun`` is a canary run that does not count as a live run."""
    return _is_recorded(DagRun, RoutedRun.shares_slots.is_not(True))


def _is_recorded(model: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """
    Build the condition that a canary run of the enclosing statement is recorded, with optional further conditions.

    The run ID is checked first, so live runs cost no probe of the pin store. For the others, the primary key is probed,
    without ``EXISTS``, for which PostgreSQL may read the whole table. It needs no statement of its own.
    """
    recorded = (
        select(RoutedRun.run_id)
        .where(
            RoutedRun.dag_id == model.dag_id, RoutedRun.run_id == model.run_id, RoutedRun.kind == CANARY, *conditions
        )
        .correlate(model)
        .scalar_subquery()
    )
    return and_(model.run_id.startswith(CANARY_PREFIX, autoescape=True), recorded.is_not(None))


@contextmanager
def only_live(
    model: Any,
    *,
    session: Session,
    replayed: ScalarSelect[str] | None = None,
    named: ColumnElement[bool] | None = None,
) -> Iterator[None]:
    """
    Make the session's SELECTs of a model inside the block skip rows of canary runs.

    :param model: ``DagRun``, or another model with ``dag_id`` and ``run_id``
    :param session: database session
    :param replayed: subquery of the run that the asking run replays: the replay sees the past of that run, but not the
        run itself
    :param named: condition for canary runs that are included anyway
    """
    mapper = inspect(model)
    passed = ~of_canary_runs(model) if named is None else or_(~of_canary_runs(model), named)

    def pass_over(state: ORMExecuteState) -> None:
        # A statement about another model joins that model's own run, of whichever kind.
        if state.bind_mapper is mapper and isinstance(state.statement, Select) and not state.is_column_load:
            state.statement = state.statement.where(passed)
            if replayed is not None:
                state.statement = state.statement.where(model.run_id.is_distinct_from(replayed))

    with listening(session, pass_over):
        yield


@contextmanager
def only_live_before(
    date: datetime | None, *, session: Session, replayed: ScalarSelect[str] | None = None
) -> Iterator[None]:
    """
    As :func:`only_live` for task instances of runs before a date, of which any is enough.

    The newest is looked for, which is near: by any other order, all canary runs may come first.
    """
    mapper = inspect(TaskInstance)

    def begin_at_the_newest(state: ORMExecuteState) -> None:
        if date is not None and state.bind_mapper is mapper and isinstance(state.statement, Select):
            newest_first = state.statement.select_from(TaskInstance).join(TaskInstance.dag_run)
            state.statement = newest_first.where(DagRun.logical_date < date).order_by(DagRun.logical_date.desc())

    with only_live(TaskInstance, session=session, replayed=replayed), listening(session, begin_at_the_newest):
        yield


@contextmanager
def only_live_joined(*, session: Session) -> Iterator[None]:
    """Make the session's SELECTs inside the block pass over canary runs that they join, or look for in sub-queries."""

    def pass_over(state: ORMExecuteState) -> None:
        if isinstance(state.statement, Select) and not state.is_column_load and not state.is_relationship_load:
            state.statement = state.statement.options(_live())

    with listening(session, pass_over):
        yield


@cache
def _live() -> Any:
    return with_loader_criteria(DagRun, ~of_canary_runs(), propagate_to_loaders=False)


def replayed_by_run(dag_id: Any, run_id: str) -> ScalarSelect[str] | None:
    """
    Build the subquery of the run that a run replays; ``None`` if it is not a replay, such as all live runs.

    :param dag_id: the Dag, or its column in the enclosing statement
    :param run_id: the run
    """
    if not may_be_canary(run_id):
        return None
    replay = select(RoutedRun.replay_of).where(RoutedRun.dag_id == dag_id, RoutedRun.run_id == run_id)
    return replay.correlate_except(RoutedRun).scalar_subquery()


def replayed_by_task(task_instance_id: Any) -> ScalarSelect[str]:
    """Build the subquery of the run that a task's run replays."""
    of_task = and_(TaskInstance.dag_id == RoutedRun.dag_id, TaskInstance.run_id == RoutedRun.run_id)
    replay = select(RoutedRun.replay_of).join(TaskInstance, of_task).where(TaskInstance.id == task_instance_id)
    return replay.correlate(None).scalar_subquery()


def replayed_at(dag_id: str, logical_date: datetime | None) -> ScalarSelect[str] | None:
    """Build the subquery of the run that the run at a logical date replays. Live runs have dates of full seconds."""
    if logical_date is None or not logical_date.microsecond:
        return None
    run = aliased(DagRun)
    of_run = and_(run.dag_id == RoutedRun.dag_id, run.run_id == RoutedRun.run_id)
    replay = select(RoutedRun.replay_of).join(run, of_run).where(run.dag_id == dag_id, run.logical_date == logical_date)
    return replay.correlate(None).scalar_subquery()


def canaries_among(runs: Collection[tuple[str, str]], *, session: Session) -> set[tuple[str, str]]:
    """
    Return which of the runs are canary runs. If no run ID has their format, no statement is sent.

    :param runs: Dag and run IDs
    :param session: database session
    """
    possible = {run for run in runs if may_be_canary(run[1])}
    if not possible:
        return set()
    query = select(RoutedRun.dag_id, RoutedRun.run_id).where(
        RoutedRun.kind == CANARY, tuple_(RoutedRun.dag_id, RoutedRun.run_id).in_(possible)
    )
    return {(row.dag_id, row.run_id) for row in session.execute(query)}


def live_runs(dag_id: str, types: Collection[DagRunType]) -> Select:
    """
    Build the lookup of a Dag's live runs, newest first.

    :param dag_id: the Dag
    :param types: types of its live runs
    """
    return (
        select(DagRun)
        .where(
            DagRun.dag_id == dag_id,
            DagRun.run_type.in_(types),
            DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
            ~of_canary_runs(),
        )
        .order_by(DagRun.id.desc())
    )


def live_types(dag_model: DagModel) -> tuple[DagRunType, ...]:
    """Return the types that live runs of a Dag have."""
    scheduled = (DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED)
    if dag_model.timetable_type.rpartition(".")[2] not in _UNSCHEDULED:
        return scheduled
    return (*scheduled, DagRunType.MANUAL, DagRunType.OPERATOR_TRIGGERED, DagRunType.ASSET_MATERIALIZATION)
