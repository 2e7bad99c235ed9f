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
"""The unfinished runs of Dags, separated into canary and live runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow.models.backfill import Backfill
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, State
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.isolation import SLOTS, default_slots
from airflow_providers_pinning.domain.canaries.routed_runs import CANARY, takes_no_slot
from airflow_providers_pinning.domain.clocks import latest_clock
from airflow_providers_pinning.models import Gap, RoutedRun
from airflow_providers_pinning.vocabulary import Slots


@dataclass(frozen=True)
class Canary:
    """An unfinished canary run that uses no slot of live runs."""

    id: int
    run_id: str
    state: str
    run_after: datetime
    dag_version_id: UUID
    slots: Slots


@dataclass
class Live:
    """The unfinished live runs of a Dag."""

    active: int = 0
    waiting: int = 0
    """Queued runs that are due."""
    ahead: int = 0
    """Waiting runs that a canary run stays behind. Runs held only by their own backfill's limit are not among them."""
    queued_for: datetime | None = None
    """Earliest start of the runs that are queued for later."""

    @property
    def is_idle(self) -> bool:
        """Whether no run is running, or could be."""
        return not self.active and not self.waiting


@dataclass
class View:
    """The basis of decisions about several Dags, read in a number of statements that does not grow with them."""

    gaps: dict[str, Gap]
    now: datetime
    """The time by the clock that makes live runs due first."""
    canaries: dict[str, list[Canary]] = field(default_factory=lambda: defaultdict(list))
    live: dict[str, Live] = field(default_factory=lambda: defaultdict(Live))


def unfinished_runs(dag_ids: Collection[str], *, queued: int | None = None, session: Session) -> View:
    """
    Read the unfinished runs of Dags, separated into canary and live runs.

    :param dag_ids: the Dags
    :param queued: maximum number of waiting canary runs to read per Dag, besides one that has a gap; all by default
    :param session: database session
    """
    gaps = session.scalars(select(Gap).where(Gap.dag_id.in_(dag_ids)).execution_options(populate_existing=True))
    view = View({gap.dag_id: gap for gap in gaps}, latest_clock(session=session))
    canaries = (
        select(DagRun, RoutedRun.isolation, RoutedRun.dag_version_id, DagModel.max_active_runs)
        .with_only_columns(
            DagRun.id,
            DagRun.dag_id,
            DagRun.run_id,
            DagRun.state,
            DagRun.run_after,
            RoutedRun.dag_version_id,
            RoutedRun.isolation,
            DagModel.max_active_runs,
        )
        .join(RoutedRun, (RoutedRun.dag_id == DagRun.dag_id) & (RoutedRun.run_id == DagRun.run_id))
        .join(DagModel, DagModel.dag_id == DagRun.dag_id)
        .where(
            DagRun.dag_id.in_(dag_ids),
            DagRun.state.in_(State.unfinished_dr_states),
            RoutedRun.kind == CANARY,
            RoutedRun.shares_slots.is_not(True),
        )
        .order_by(DagRun.run_after, DagRun.id)
    )
    if queued is not None:
        with_gaps = [gap.run_id for gap in view.gaps.values()]
        canaries = canaries.where(
            or_(
                # Those that run take the places of those that wait.
                DagRun.state != DagRunState.QUEUED,
                DagRun.id.in_(_first_of_each(dag_ids, queued)),
                DagRun.run_id.in_(with_gaps),
            )
        )
    for row in session.execute(canaries):
        slots = _slots(row.isolation, row.max_active_runs)
        view.canaries[row.dag_id].append(
            Canary(row.id, row.run_id, row.state, row.run_after, row.dag_version_id, slots)
        )
    _count_live(dag_ids, view, session=session)
    return view


def _first_of_each(dag_ids: Collection[str], number: int) -> Select:
    """Build the look-up of so many canary runs of each Dag that wait, and come first."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=(DagRun.run_after, DagRun.id))
    placed = (
        select(DagRun.id, place.label("place"))
        .where(DagRun.dag_id.in_(dag_ids), DagRun.state == DagRunState.QUEUED, takes_no_slot())
        .subquery()
    )
    return select(placed.c.id).where(placed.c.place <= number)


def _slots(isolation: Mapping[str, Any] | None, max_active_runs: int | None) -> Slots:
    """Return the slots of a canary run. Since its creation, live runs may have become unable to overlap."""
    stored = (isolation or {}).get(SLOTS)
    return Slots.GAP if Slots.GAP in (stored, default_slots(max_active_runs)) else Slots.BEHIND


def _count_live(dag_ids: Collection[str], view: View, *, session: Session) -> None:
    is_due = DagRun.run_after <= view.now
    rows = session.execute(
        select(
            DagRun.dag_id,
            DagRun.state,
            DagRun.backfill_id,
            Backfill.max_active_runs,
            func.coalesce(Backfill.is_paused, False).label("is_paused"),
            is_due.label("is_due"),
            func.count(DagRun.id).label("runs"),
            func.min(DagRun.run_after).label("earliest"),
        )
        .outerjoin(Backfill, Backfill.id == DagRun.backfill_id)
        .where(DagRun.dag_id.in_(dag_ids), DagRun.state.in_(State.unfinished_dr_states), ~takes_no_slot())
        .group_by(DagRun.dag_id, DagRun.state, DagRun.backfill_id, Backfill.max_active_runs, Backfill.is_paused, is_due)
    ).all()
    of_backfills: Counter[int] = Counter()
    for row in rows:
        if row.state == DagRunState.RUNNING:
            view.live[row.dag_id].active += row.runs
            of_backfills[row.backfill_id] += row.runs
    for row in rows:
        live = view.live[row.dag_id]
        if row.state != DagRunState.QUEUED or row.is_paused:
            continue
        if not row.is_due:
            live.queued_for = min(row.earliest, live.queued_for or row.earliest)
            continue
        live.waiting += row.runs
        if row.backfill_id is None or of_backfills[row.backfill_id] < row.max_active_runs:
            live.ahead += row.runs
