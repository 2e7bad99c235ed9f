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
How canary and live runs of a Dag share its slots (``max_active_runs``).

Live runs are created and started as if there were no canary runs, which are counted separately. If live runs may
overlap, a canary run is ``behind`` them: it starts when none is waiting. If they must never overlap, it needs a
``gap`` between them. With ``shared`` slots, it counts as a live run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Result,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from airflow_providers_pinning.domain.canaries import isolation
from airflow_providers_pinning.domain.canaries.routed_runs import takes_no_slot
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import Gap


@contextmanager
def without_canaries(session: Session) -> Iterator[None]:
    """Make the session's SELECTs inside the block skip canary runs, wherever runs are counted or joined."""

    def pass_over(state: ORMExecuteState) -> None:
        if _is_select(state):
            state.statement = state.statement.options(_only_live())

    with listening(session, pass_over):
        yield


@contextmanager
def live_runs_to_start(session: Session) -> Iterator[dict[str, bool]]:
    """
    Restrict the scheduler's query for queued runs inside the block to live runs that may start.

    While a canary run has a gap, no live run of its Dag may start. The statement that counts running runs also returns
    the Dags with canary runs to handle, so no further statement is needed.

    :return: these Dags, and whether a canary run has a gap in them; filled at the end of the block
    """
    with_canaries: dict[str, bool] = {}

    def look(state: ORMExecuteState) -> Result | None:
        if not _is_select(state):
            return None
        if _counts_running(cast("Select", state.statement)):
            rows = state.invoke_statement(statement=_counting_canaries()).freeze()
            with_canaries.update((row[0], False) for row in rows.data if row[1] == _CANARIES)
            with_canaries.update((row[0], True) for row in rows.data if row[1] == _IN_GAP)
            return rows()
        state.statement = state.statement.options(_only_live_outside_gaps())
        return None

    with listening(session, look):
        yield with_canaries


_decided: ContextVar[DagRun | None] = ContextVar("pinning_decided_run", default=None)


@contextmanager
def deciding_about(run: DagRun) -> Iterator[None]:
    """Mark the run whose state is being decided, for :func:`frees_no_slot`."""
    token = _decided.set(run)
    try:
        yield
    finally:
        _decided.reset(token)


def frees_no_slot(*, session: Session) -> bool:
    """Return whether the run whose state is being decided is a canary run whose end frees no slot of live runs."""
    run = _decided.get()
    return run is not None and not isolation.takes_slot(run.dag_id, run.run_id, session=session)


_CANARIES, _IN_GAP = -1, -2
"""What stands where Airflow's count of running runs has the id of a backfill, and which it never looks up."""


def _counts_running(statement: Select) -> bool:
    return [column.key for column in statement.selected_columns] == ["dag_id", "backfill_id", "num_running"]


@cache
def _counting_canaries() -> CompoundSelect:
    """
    Count running runs as Airflow does, without canary runs, and find Dags with canary runs that wait or have a gap.

    Built once, because it is used in every turn.
    """
    counted_as = case((takes_no_slot(), _CANARIES), else_=DagRun.backfill_id).label("counted_as")
    running = (
        select(DagRun.dag_id, counted_as, func.count(DagRun.id).label("num_running"))
        .where(DagRun.state == DagRunState.RUNNING)
        .group_by(DagRun.dag_id, "counted_as")
    )
    waiting = (
        select(DagRun.dag_id, literal(_CANARIES), func.count(DagRun.id))
        .join(DagModel, DagModel.dag_id == DagRun.dag_id)
        .where(
            DagRun.state == DagRunState.QUEUED,
            DagModel.is_paused.is_(False),
            DagModel.is_stale.is_(False),
            takes_no_slot(),
        )
        .group_by(DagRun.dag_id)
    )
    return union_all(running, waiting, select(Gap.dag_id, literal(_IN_GAP), literal(1)))


def _has_gap() -> ColumnElement[bool]:
    return select(literal(1)).where(Gap.dag_id == DagRun.dag_id).correlate(DagRun).exists()


@cache
def _only_live() -> Any:
    return with_loader_criteria(DagRun, ~takes_no_slot(), propagate_to_loaders=False)


@cache
def _only_live_outside_gaps() -> Any:
    free = or_(DagRun.state != DagRunState.QUEUED, ~_has_gap())
    return with_loader_criteria(DagRun, and_(~takes_no_slot(), free), propagate_to_loaders=False)


def _is_select(state: ORMExecuteState) -> bool:
    # A canary run that the session already has can still be refreshed.
    return isinstance(state.statement, Select) and not state.is_column_load and not state.is_relationship_load
