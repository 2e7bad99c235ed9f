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
"""Lists for people: the pins of a deployment, and the versions of a Dag."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from sqlalchemy import SQLColumnExpression, func, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.head import Head, heads_of, is_troubled_at_head
from airflow_providers_pinning.domain.files.commits import CommitInfo, commits_by_version
from airflow_providers_pinning.domain.files.relation import (
    HeldRejection,
    held_rejections,
    is_related,
    keys_of,
    related_behind,
)
from airflow_providers_pinning.domain.monitoring.health import Health, judge
from airflow_providers_pinning.domain.monitoring.health_flags import HEALTH_COLUMNS, is_unhealthy, with_live_rows
from airflow_providers_pinning.domain.monitoring.release_state import Hold, PinInfo, hold_of
from airflow_providers_pinning.domain.monitoring.runs_since_pin import (
    RunsSincePin,
    count_failed_runs,
    is_failing,
    runs_since_pin,
)
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    latest_identity,
    list_identities,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.likeness import rejected_equals
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import EventKind, PinOrder

CHANGES_READ = 200
"""How many changes of a Dag's active version are looked through for when its versions were replaced."""

_MOVES = (EventKind.PINNED.value, EventKind.UNPINNED.value, EventKind.ROLLED_BACK.value)

DAGS_IN_A_STATEMENT = 1000
"""How many Dags are named in a statement at most: naming all that somebody may read costs more than the answer."""


@dataclass(frozen=True)
class PinSummary:
    """One pinned Dag in the list of pins."""

    dag_id: str
    revision: int
    active: VersionIdentity
    latest_version_number: int | None
    versions_behind: int
    related_versions_behind: int
    """How many of these change something related to the Dag."""
    pin: PinInfo
    hold: Hold | None
    health: Health
    head: Head
    runs: RunsSincePin


@dataclass(frozen=True)
class PinFilter:
    """Which pins to list."""

    dag_ids: frozenset[str] | None = None
    """Only these Dags; ``None`` means all."""
    dag_id_pattern: str | None = None
    """Part of the Dag id, case-insensitive; ``%`` matches anything and ``_`` any character."""
    behind: bool | None = None
    """Only Dags whose active version is not (or is) the latest."""
    unhealthy: bool | None = None
    """Only pins that have (or do not have) a problem."""
    failing: bool | None = None
    """Only Dags whose newest finished run since the pin failed, or only others."""
    troubled_at_head: bool | None = None
    """Only Dags that are missing or broken at HEAD, or only others."""


@dataclass(frozen=True)
class VersionSummary:
    """One registered version in the list of a Dag's versions."""

    identity: VersionIdentity
    state: str
    """``registered``, or why the version is managed."""
    state_reason: str | None
    code_state: str | None
    """Whether the dag processor could get the code: ``unknown``, ``available`` or ``missing``."""
    code_source: str | None
    """Who has it: the ``remote``, or only a ``checkout`` on a dag processor's host."""
    code_ref: str | None
    """A branch or tag of the remote that contains the commit."""
    code_problem: str | None
    """Why the last check did not find it, as a word."""
    code_message: str | None
    created_at: datetime
    is_active: bool
    is_latest: bool
    run_counts: dict[str, int]
    """Number of runs by state."""
    equals_rejected: int | None
    """Number of the rejected version that this newer one equals in hash and file."""
    equals_rejected_reason: str | None
    """Why that one was rejected."""
    related_to_active: bool | None
    """Whether it differs from the active version in anything related to the Dag; ``None`` if that is not known yet."""
    rejection_held: HeldRejection | None
    """The rejection of an older version that holds for it, since it differs from that one in nothing related."""
    commit: CommitInfo | None
    """The commit that it was parsed from, if it is recorded."""
    active_until: datetime | None
    """When another version took its place, the last time; ``None`` if that is not recorded."""


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

    :param which: which of them
    :param order: by what
    :param descending: the greatest, or newest, first
    :param limit: how many of them at most
    :param offset: how many to leave out before
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
    if which.dag_ids is not None and len(which.dag_ids) <= DAGS_IN_A_STATEMENT:
        query = query.where(Pin.dag_id.in_(which.dag_ids))
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
    column: SQLColumnExpression = {
        PinOrder.DAG_ID: Pin.dag_id,
        PinOrder.VERSIONS_BEHIND: behind,
        PinOrder.PINNED_AT: Pin.changed_at,
        PinOrder.ACTOR: Pin.actor,
        PinOrder.FAILED_RUNS: count_failed_runs(),
    }[order]
    found = session.scalars(query.order_by(column.desc() if descending else column, Pin.dag_id))
    dag_ids = [dag_id for dag_id in found if which.dag_ids is None or dag_id in which.dag_ids]
    shown = dag_ids[offset : offset + limit]
    summarized = with_live_rows(select(Pin, behind.label("behind"), latest.label("latest"), *HEALTH_COLUMNS))
    rows = {
        row.Pin.dag_id: row
        for start in range(0, len(shown), DAGS_IN_A_STATEMENT)
        for row in session.execute(summarized.where(Pin.dag_id.in_(shown[start : start + DAGS_IN_A_STATEMENT])))
    }
    related = related_behind(
        {dag_id: row.Pin.version_number or 0 for dag_id, row in rows.items() if row.behind}, session=session
    )
    heads = heads_of([row.Pin for row in rows.values()], session=session) if rows else {}
    runs = {
        dag_id: found
        for start in range(0, len(shown), DAGS_IN_A_STATEMENT)
        for dag_id, found in runs_since_pin(shown[start : start + DAGS_IN_A_STATEMENT], session=session).items()
    }
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
            health=judge(row.Pin, row),
            head=heads[dag_id],
            runs=runs[dag_id],
        )
        for dag_id in shown
        if (row := rows.get(dag_id)) and (identity := pinned_identity(row.Pin))
    ], len(dag_ids)


def list_versions(dag_id: str, *, limit: int, offset: int, session: Session) -> tuple[list[VersionSummary], int]:
    """
    List the registered versions of a Dag, newest first, and count them all.

    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    total = session.scalar(select(func.count()).select_from(DagVersion).where(DagVersion.dag_id == dag_id)) or 0
    identities = list_identities(dag_id, limit=limit, offset=offset, session=session)
    ids = [identity.dag_version_id for identity in identities]
    managed = {
        row.dag_version_id: row
        for row in session.scalars(select(ManagedVersion).where(ManagedVersion.dag_version_id.in_(ids)))
    }
    created = dict(session.execute(select(DagVersion.id, DagVersion.created_at).where(DagVersion.id.in_(ids))).all())
    runs: dict = defaultdict(dict)
    for version_id, state, count in session.execute(
        select(DagRun.created_dag_version_id, DagRun.state, func.count())
        .where(DagRun.dag_id == dag_id, DagRun.created_dag_version_id.in_(ids))
        .group_by(DagRun.created_dag_version_id, DagRun.state)
    ):
        runs[version_id][state] = count
    replaced = _replaced_at(dag_id, session=session)
    equals = rejected_equals(ids, session=session) if ids else {}
    latest = latest_identity(dag_id, session=session)
    latest_id = latest and latest.dag_version_id
    pin = session.get(Pin, dag_id)
    active_id = pin.dag_version_id if pin and pin.dag_version_id else latest_id
    keys = keys_of({*ids, *([active_id] if active_id else [])}, session=session)
    of_active = keys.get(active_id) if active_id else None
    held = held_rejections(dag_id, [keys[one] for one in ids if one in keys], session=session)
    by_bundle: dict[str | None, set[str]] = defaultdict(set)
    for identity in identities:
        if identity.bundle_version is not None:
            by_bundle[identity.bundle_name].add(identity.bundle_version)
    commits = {name: commits_by_version(name, named, session=session) for name, named in by_bundle.items()}
    return [
        VersionSummary(
            identity=identity,
            state=row.state if (row := managed.get(identity.dag_version_id)) else "registered",
            state_reason=row.state_reason if row else None,
            code_state=row.code_state if row else None,
            code_source=row.code_source if row else None,
            code_ref=row.code_ref if row else None,
            code_problem=row.code_problem if row else None,
            code_message=row.code_message if row else None,
            created_at=created[identity.dag_version_id],
            is_active=identity.dag_version_id == active_id,
            is_latest=identity.dag_version_id == latest_id,
            run_counts=runs[identity.dag_version_id],
            equals_rejected=equal.version_number if (equal := equals.get(identity.dag_version_id)) else None,
            equals_rejected_reason=equal.reason if equal else None,
            related_to_active=(
                is_related(of_active, keys[identity.dag_version_id])
                if of_active and identity.dag_version_id in keys
                else True
            ),
            rejection_held=held.get(identity.dag_version_id),
            commit=commits.get(identity.bundle_name, {}).get(identity.bundle_version or ""),
            active_until=replaced.get(str(identity.dag_version_id)),
        )
        for identity in identities
    ], total


def _replaced_at(dag_id: str, *, session: Session) -> dict[str, datetime]:
    """Return when versions stopped being active, by their ids, as far as the newest changes tell."""
    replaced: dict[str, datetime] = {}
    for event in session.execute(
        select(Event.from_version, Event.to_version, Event.created_at)
        .where(Event.dag_id == dag_id, Event.kind.in_(_MOVES))
        .order_by(Event.id.desc())
        .limit(CHANGES_READ)
    ):
        was, now = event.from_version or {}, event.to_version or {}
        if was and was["dag_version_id"] != now.get("dag_version_id"):
            replaced.setdefault(was["dag_version_id"], event.created_at)
    return replaced
