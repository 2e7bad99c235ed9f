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
"""The list of the registered versions of a Dag."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.files.commits import CommitInfo, commits_by_version
from airflow_providers_pinning.domain.files.relation import (
    HeldRejection,
    held_rejections,
    is_related,
    keys_of,
)
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    latest_identity,
    list_identities,
    require_dag,
)
from airflow_providers_pinning.domain.versions.likeness import rejected_equals
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import EventKind

CHANGES_READ = 200
"""Number of changes of a Dag's active version to search for when its versions were replaced."""


_MOVES = (EventKind.PINNED.value, EventKind.UNPINNED.value, EventKind.ROLLED_BACK.value)


@dataclass(frozen=True)
class VersionSummary:
    """One registered version in the list of a Dag's versions."""

    identity: VersionIdentity
    state: str
    """``registered``, or why the version is managed."""
    state_reason: str | None
    code_state: str | None
    """Result of the dag processor's check for the code: ``unknown``, ``available`` or ``missing``."""
    code_source: str | None
    """Where the code is: at the ``remote``, or only in a ``checkout`` on a dag processor's host."""
    code_ref: str | None
    """A branch or tag of the remote that contains the commit."""
    code_problem: str | None
    """Machine-readable reason why the last check did not find it."""
    code_message: str | None
    created_at: datetime
    is_active: bool
    is_latest: bool
    run_counts: dict[str, int]
    """Number of runs by state."""
    equals_rejected: int | None
    """Number of the rejected version with the same hash and file as this newer one."""
    equals_rejected_reason: str | None
    """Why that one was rejected."""
    related_to_active: bool | None
    """Whether it differs from the active version in anything related to the Dag; ``None`` if not known yet."""
    rejection_held: HeldRejection | None
    """The rejection of an older version that also applies to it, because nothing related has changed."""
    commit: CommitInfo | None
    """The commit that it was parsed from, if recorded."""
    active_until: datetime | None
    """When another version last replaced it; ``None`` if not recorded."""


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
    """Return when versions stopped being active, by ID, as far as the newest changes show."""
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
