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
"""The list of pinned Dags."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from sqlalchemy import ColumnElement, SQLColumnExpression, func, not_, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.head import Head, heads_of, is_troubled_at_head
from airflow_providers_pinning.domain.files.relation import (
    related_behind,
)
from airflow_providers_pinning.domain.monitoring.health import Health, judge
from airflow_providers_pinning.domain.monitoring.health_flags import HEALTH_COLUMNS, is_unhealthy, with_live_rows
from airflow_providers_pinning.domain.monitoring.pending import PendingChange, activation_problems, pending_changes
from airflow_providers_pinning.domain.monitoring.pin_filters import has_owner, has_tag, has_waiting_candidate, is_held
from airflow_providers_pinning.domain.monitoring.ramps import RampSummary, ramps_of
from airflow_providers_pinning.domain.monitoring.release_state import Hold, PinInfo, hold_of
from airflow_providers_pinning.domain.monitoring.runs_since_pin import (
    RunsSincePin,
    count_failed_runs,
    is_failing,
    runs_since_pin,
)
from airflow_providers_pinning.domain.sessions import without_compiling
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    pinned_identity,
)
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import PinOrder


@dataclass(frozen=True)
class PinSummary:
    """One pinned Dag in the list of pins."""

    dag_id: str
    revision: int
    active: VersionIdentity
    latest_version_number: int | None
    versions_behind: int
    related_versions_behind: int
    """Number of these with changes related to the Dag."""
    pin: PinInfo
    hold: Hold | None
    health: Health
    head: Head
    runs: RunsSincePin
    pending: PendingChange | None
    """A pin, unpin or rollback that takes effect at a given time."""
    ramp: RampSummary | None
    """A second version used by a share of new runs."""


@dataclass(frozen=True)
class PinFilter:
    """Which pins to list."""

    sight: Sight | None = None
    """Only Dags that the caller may see; ``None`` means all."""
    dag_id_pattern: str | None = None
    """Part of the Dag ID, case-insensitive; ``%`` matches anything and ``_`` any character."""
    behind: bool | None = None
    """Only Dags whose active version is not (or is) the latest."""
    unhealthy: bool | None = None
    """Only pins that have (or do not have) a problem."""
    failing: bool | None = None
    """Only Dags whose newest finished run since the pin failed, or only others."""
    troubled_at_head: bool | None = None
    """Only Dags that are missing or broken at HEAD, or only others."""
    held: bool | None = None
    """Only Dags on hold, or only others."""
    waiting: bool | None = None
    """Only Dags with a candidate that is newer than the active version, or only others."""
    scheduled: bool | None = None
    """Only Dags with a change that takes effect later, or only others."""
    tags: tuple[str, ...] = ()
    """Only Dags with one of these tags, if any are given."""
    bundles: tuple[str, ...] = ()
    """Only Dags whose pinned version comes from one of these bundles."""
    owners: tuple[str, ...] = ()
    """Only Dags with one of these owners."""
    dag_id_globs: tuple[str, ...] = ()
    """Only Dags whose ID matches one of these patterns, with the wildcards ``*`` and ``?``."""
    actors: tuple[str, ...] = ()
    """Only Dags that one of these users pinned last."""
    among: Callable[[Collection[str]], Set[str]] | None = None
    """Only those of some Dags that it returns, for what the row of a pin does not tell; ``None`` means all."""


def list_pins(
    which: PinFilter,
    *,
    order: PinOrder = PinOrder.DAG_ID,
    descending: bool = False,
    limit: int,
    offset: int,
    session: Session,
) -> tuple[list[PinSummary], int]:
    """
    List pinned Dags, and count them all.

    :param which: which Dags to list
    :param order: the sort key
    :param descending: whether the greatest, or newest, comes first
    :param limit: maximum number of Dags
    :param offset: number of Dags to skip
    :param session: database session
    """
    newer = aliased(DagVersion)
    behind = (
        select(func.count())
        .select_from(newer)
        .where(newer.dag_id == Pin.dag_id, newer.version_number > Pin.version_number)
        .correlate(Pin)
        .scalar_subquery()
    )
    latest = select(func.max(newer.version_number)).where(newer.dag_id == Pin.dag_id).correlate(Pin).scalar_subquery()
    query = with_live_rows(select(Pin.dag_id))
    if which.sight is not None and which.sight.everything:
        query = query.where(DagModel.dag_id.is_not(None))
    if which.dag_id_pattern:
        query = query.where(Pin.dag_id.ilike(f"%{which.dag_id_pattern}%"))
    if which.behind is not None:
        query = query.where(behind > 0 if which.behind else behind == 0)
    if which.unhealthy is not None:
        query = query.where(is_unhealthy() if which.unhealthy else ~is_unhealthy())
    if which.failing is not None:
        query = query.where(is_failing() if which.failing else ~is_failing())
    if which.troubled_at_head is not None:
        query = query.where(is_troubled_at_head() if which.troubled_at_head else ~is_troubled_at_head())
    query = query.where(*_further(which, session=session))
    column: SQLColumnExpression = {
        PinOrder.DAG_ID: Pin.dag_id,
        PinOrder.VERSIONS_BEHIND: behind,
        PinOrder.PINNED_AT: Pin.changed_at,
        PinOrder.ACTOR: Pin.actor,
        PinOrder.FAILED_RUNS: count_failed_runs(),
    }[order]
    if which.failing is not None or order is PinOrder.FAILED_RUNS:
        without_compiling(session)
    dag_ids = session.scalars(query.order_by(column.desc() if descending else column, Pin.dag_id)).all()
    dag_ids = _left(which, dag_ids)
    shown = dag_ids[offset : offset + limit]
    summarized = with_live_rows(select(Pin, behind.label("behind"), latest.label("latest"), *HEALTH_COLUMNS))
    rows = {
        row.Pin.dag_id: row
        for some in pages(shown, DAGS_IN_A_STATEMENT)
        for row in session.execute(summarized.where(Pin.dag_id.in_(some)))
    }
    related = related_behind(
        {dag_id: row.Pin.version_number or 0 for dag_id, row in rows.items() if row.behind}, session=session
    )
    heads = heads_of([row.Pin for row in rows.values()], session=session) if rows else {}
    runs = {
        dag_id: found
        for some in pages(shown, DAGS_IN_A_STATEMENT)
        for dag_id, found in runs_since_pin(some, session=session).items()
    }
    pending = pending_changes([one for one, row in rows.items() if row.Pin.pending_from], session=session)
    ramps = ramps_of([row.Pin for row in rows.values()], session=session)
    now = database_clock(session=session) if any(row.Pin.hold_until for row in rows.values()) else None
    return [
        PinSummary(
            dag_id=dag_id,
            revision=row.Pin.revision,
            active=identity,
            latest_version_number=row.latest,
            versions_behind=row.behind,
            related_versions_behind=related.get(dag_id, 0),
            pin=PinInfo(row.Pin.reason or "", row.Pin.actor or "", row.Pin.changed_at),
            hold=hold_of(row.Pin, now=now, session=session),
            health=Health((*judge(row.Pin, row).problems, *activation_problems(row.Pin, pending.get(dag_id)))),
            head=heads[dag_id],
            runs=runs[dag_id],
            pending=pending.get(dag_id),
            ramp=ramps.get(dag_id),
        )
        for dag_id in shown
        if (row := rows.get(dag_id)) and (identity := pinned_identity(row.Pin))
    ], len(dag_ids)


def _left(which: PinFilter, dag_ids: Sequence[str]) -> Sequence[str]:
    """Return the Dags that are left by the conditions which no statement decides."""
    for among in (which.sight.among if which.sight and not which.sight.everything else None, which.among):
        if among is not None:
            left = among(dag_ids)
            dag_ids = [dag_id for dag_id in dag_ids if dag_id in left]
    if which.dag_id_globs:
        dag_ids = [one for one in dag_ids if any(fnmatchcase(one, glob) for glob in which.dag_id_globs)]
    return dag_ids


def _further(which: PinFilter, *, session: Session) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter that depend neither on enforcement nor on runs."""
    conditions: list[ColumnElement[bool]] = []
    if which.held is not None:
        held = is_held(session=session)
        conditions.append(held if which.held else not_(held))
    if which.waiting is not None:
        conditions.append(has_waiting_candidate() if which.waiting else ~has_waiting_candidate())
    if which.scheduled is not None:
        conditions.append(Pin.pending_from.is_not(None) if which.scheduled else Pin.pending_from.is_(None))
    if which.tags:
        conditions.append(has_tag(which.tags))
    if which.bundles:
        conditions.append(Pin.bundle_name.in_(which.bundles))
    if which.owners:
        conditions.append(has_owner(which.owners))
    if which.actors:
        conditions.append(Pin.actor.in_(which.actors))
    return conditions
