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
"""Length of the gaps between the live runs of a Dag, and of the gap that a canary run needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.state import State
from sqlalchemy import or_, select, union_all
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag

RECENT_RUNS = 20
"""Number of finished runs from which the duration of the next one is estimated."""

TICKS = 50
"""Number of scheduled runs to look ahead for the longest gap, such as one over a weekend."""


@dataclass(frozen=True)
class Need:
    """The time that must remain until the next live run."""

    gap: timedelta
    is_known: bool
    """Whether runs were observed to take that long; otherwise it is half of the time between two scheduled runs."""


def longest_recent_run(dag_id: str, dag_version_id: UUID | None, *, session: Session) -> timedelta | None:
    """
    Return the duration of the longest recent finished run, or ``None`` if there is none.

    :param dag_id: the Dag whose live runs count
    :param dag_version_id: a version whose canary runs count too
    """
    counted = (
        ~of_canary_runs()
        if dag_version_id is None
        else or_(DagRun.created_dag_version_id == dag_version_id, ~of_canary_runs())
    )
    finished = select(DagRun.id, DagRun.start_date, DagRun.end_date).where(
        DagRun.dag_id == dag_id,
        DagRun.state.in_(State.finished_dr_states),
        DagRun.start_date.is_not(None),
        DagRun.end_date.is_not(None),
        counted,
    )
    # Ordered by ID, the database may read the runs of all other Dags for a Dag without recent runs. Dated runs have an
    # index by Dag and date. For the others there is none, so the sum prevents the use of the primary key.
    dated = finished.where(DagRun.logical_date.is_not(None)).order_by(DagRun.logical_date.desc())
    undated = finished.where(DagRun.logical_date.is_(None)).order_by((DagRun.id + 0).desc())
    both = union_all(*(select(part.limit(RECENT_RUNS).subquery()) for part in (dated, undated)))
    newest = sorted(session.execute(both), key=lambda row: row.id, reverse=True)[:RECENT_RUNS]
    return max((row.end_date - row.start_date for row in newest), default=None)


def needed_gap(dag_model: DagModel, dag_version_id: UUID | None, *, session: Session) -> Need | None:
    """
    Return the length of the gap that a canary run needs, or ``None`` if it cannot be estimated.

    Until such a run has finished, half of the time between two scheduled runs is reserved.
    """
    seen = longest_recent_run(dag_model.dag_id, dag_version_id, session=session)
    if seen is not None:
        return Need(seen, is_known=True)
    following = _following(dag_model, session=session)
    return Need(following / 2, is_known=False) if following is not None else None


REMEMBERED = timedelta(minutes=1)
"""How long the needed gap is cached. Another scheduler may see runs finish in the meantime."""

_needed: dict[str, tuple[UUID, datetime, Need | None]] = {}


def remembered_need(dag_model: DagModel, dag_version_id: UUID, *, session: Session) -> Need | None:
    """Return what :func:`needed_gap` does, cached so that a waiting canary run does not cost a query each turn."""
    now = timezone.utcnow()
    known = _needed.get(dag_model.dag_id)
    if known is None or known[0] != dag_version_id or not now - REMEMBERED < known[1] <= now:
        need = needed_gap(dag_model, dag_version_id, session=session)
        known = _needed[dag_model.dag_id] = (dag_version_id, now, need)
    return known[2]


def forget_need(dag_id: str) -> None:
    """Clear the cached gap of a Dag, because one of its runs is about to finish."""
    _needed.pop(dag_id, None)


_followed: dict[str, tuple[datetime, timedelta | None]] = {}


def _following(dag_model: DagModel, *, session: Session) -> timedelta | None:
    """Return the time between the next two scheduled runs, cached until the first of them is due."""
    due = dag_model.next_dagrun_create_after
    if due is None:
        return None
    known = _followed.get(dag_model.dag_id)
    if known is None or known[0] != due:
        dag = active_dag(dag_model.dag_id, session=session)
        ticks = _ahead(dag, dag_model, 2) if dag is not None else []
        known = _followed[dag_model.dag_id] = (due, ticks[1] - ticks[0] if len(ticks) == 2 else None)
    return known[1]


def upcoming(dag: SerializedDAG, dag_model: DagModel, count: int) -> list[datetime]:
    """Return when the next scheduled runs are due."""
    info = dag.timetable.next_run_info_from_dag_model(dag_model=dag_model)
    times: list[datetime] = []
    while info is not None and len(times) < count:
        if times and info.run_after <= times[-1]:
            # A schedule without fixed times, such as @continuous.
            times.append(info.run_after)
            break
        times.append(info.run_after)
        info = dag.next_dagrun_info(last_automated_run_info=info)
    return times


def _ahead(dag: SerializedDAG, dag_model: DagModel, count: int) -> list[datetime]:
    """
    Return when the next scheduled runs are due whose distances follow the schedule.

    Without catchup, an overdue run is followed by the latest one; the time between them is not a gap.
    """
    if dag.catchup:
        return upcoming(dag, dag_model, count)
    now = timezone.utcnow()
    return [tick for tick in upcoming(dag, dag_model, count + 2) if tick >= now][:count]


def longest_gap(dag: SerializedDAG, dag_model: DagModel, *, session: Session) -> timedelta | None:
    """
    Return the longest time that the schedule leaves between the end of a live run and the start of the next one.

    ``None`` if there is no such time, because no run is scheduled, or only one.
    """
    ticks = _ahead(dag, dag_model, TICKS)
    if len(ticks) < 2:
        return None
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    live = longest_recent_run(dag_model.dag_id, None, session=session) or timedelta()
    return max(longest - live, timedelta())


def is_draining(dag_model: DagModel) -> bool:
    """Return whether the Dag is draining, so its schedule creates no runs until that ends (Airflow 3.4)."""
    return bool(getattr(dag_model, "is_draining", False))


def _waits_for_assets(dag_model: DagModel) -> bool:
    """Return whether a due run is only created once assets have events as well (Airflow 3.4)."""
    return bool(getattr(dag_model, "timetable_asset_gated", False))


def time_left(dag_model: DagModel, queued_for: datetime | None, now: datetime) -> timedelta | None:
    """
    Return the time until the next known live run is due; ``None`` if none is known.

    :param dag_model: the Dag
    :param queued_for: earliest start of the runs that are queued for later
    :param now: the time by the clock that makes live runs due first
    """
    due = [queued_for] if queued_for is not None else []
    creates_none = dag_model.has_import_errors or dag_model.exceeds_max_non_backfill or is_draining(dag_model)
    due_at = dag_model.next_dagrun_create_after
    if due_at is not None and not creates_none and not (due_at <= now and _waits_for_assets(dag_model)):
        due.append(due_at)
    return min(due) - now if due else None
