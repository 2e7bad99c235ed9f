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
"""Managed versions: which versions must not change or be deleted, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from functools import cache
from uuid import UUID

from airflow._shared.timezones import timezone
from sqlalchemy import BindParameter, Select, and_, bindparam, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.versions.content import drop_content, keep_content
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed_cache import drop_protection
from airflow_providers_pinning.models import ManagedVersion, Pin, Ramp


class VersionState(str, Enum):
    """Why a version is managed."""

    CANDIDATE = "candidate"
    """Under evaluation, and may be pinned."""
    ACTIVE = "active"
    """Pinned."""
    RETAINED = "retained"
    """Pinned before, and kept for rollbacks."""
    REJECTED = "rejected"
    """Cannot be pinned until it is restored."""


def managed_version(dag_version_id: UUID, *, session: Session) -> ManagedVersion | None:
    """Return the management row of a version, if it has one."""
    return session.get(ManagedVersion, dag_version_id)


def managed_versions(dag_version_ids: Collection[UUID], *, session: Session) -> list[ManagedVersion]:
    """
    Read several management rows at once.

    As long as the caller keeps them, :func:`managed_version` finds them without a query.
    """
    return list(session.scalars(select(ManagedVersion).where(ManagedVersion.dag_version_id.in_(dag_version_ids))))


def manage(
    dag_id: str, version: VersionIdentity, state: VersionState, *, reason: str | None, session: Session
) -> ManagedVersion:
    """
    Bring a version under management, or change the state of a managed one.

    The evaluation of a candidate, and of a version that stops being active, starts now. Earlier runs are not evidence.

    After the commit of the transaction, the dag processor writes any difference to a new version, and
    ``airflow db clean`` keeps this one. The caller has locked the Dag's row.
    """
    present = managed_version(version.dag_version_id, session=session)
    rows = {present.dag_version_id: present} if present else {}
    manage_all([Managing(dag_id, version, state)], rows, reason=reason, session=session)
    return rows[version.dag_version_id]


@dataclass(frozen=True)
class Managing:
    """A version to manage, with its state."""

    dag_id: str
    version: VersionIdentity
    state: VersionState


def manage_all(
    wanted: Collection[Managing], rows: dict[UUID, ManagedVersion], *, reason: str | None, session: Session
) -> None:
    """
    Do what :func:`manage` does for several versions at once.

    :param wanted: the versions and their states
    :param rows: existing management rows, by version; new rows are added
    :param reason: why
    :param session: database session
    """
    now = timezone.utcnow()
    new = []
    for one in wanted:
        managed = rows.get(one.version.dag_version_id)
        if managed is None:
            managed = rows[one.version.dag_version_id] = _new_row(one)
            new.append(managed)
        if one.state in (VersionState.CANDIDATE, VersionState.RETAINED):
            # An evaluation that starts now, for the first time or again, only uses later runs.
            managed.evaluated_since = now
        managed.state = one.state.value
        managed.state_reason = reason
        managed.state_changed_at = now
    if new:
        session.add_all(new)
        keep_content([row.dag_version_id for row in new], session=session)
        drop_protection(session=session)
    session.flush()


def _new_row(one: Managing) -> ManagedVersion:
    return ManagedVersion(
        dag_version_id=one.version.dag_version_id,
        dag_id=one.dag_id,
        version_number=one.version.version_number,
        bundle_name=one.version.bundle_name,
        bundle_version=one.version.bundle_version,
        dag_hash=one.version.dag_hash,
        relative_fileloc=one.version.relative_fileloc,
        code_state="unknown",
    )


def accept_as_it_is(managed: ManagedVersion, version: VersionIdentity, *, session: Session) -> None:
    """Accept the current content of a rewritten managed version as its new snapshot."""
    managed.bundle_name = version.bundle_name
    managed.bundle_version = version.bundle_version
    managed.dag_hash = version.dag_hash
    managed.relative_fileloc = version.relative_fileloc
    managed.code_state, managed.code_message, managed.code_checked_at = "unknown", None, None
    managed.code_problem = managed.code_attempts = managed.code_source = managed.code_ref = None
    # Its earlier runs used other code.
    managed.evaluated_since = timezone.utcnow()
    drop_content([version.dag_version_id], session=session)
    keep_content([version.dag_version_id], session=session)


def release_superseded(dag_ids: Collection[str], *, session: Session) -> None:
    """
    Stop managing versions of Dags beyond ``[pinning] keep_versions``.

    The active version, rejected versions, and candidates newer than the active version are always kept. Of the others,
    the most recently used are kept.
    """
    surplus = session.scalars(_superseded(), {"dag_ids": list(dag_ids), "kept": conf.keep_versions()}).all()
    if surplus:
        session.execute(delete(ManagedVersion).where(ManagedVersion.dag_version_id.in_(surplus)))
        drop_content(surplus, session=session)


@cache
def _superseded() -> Select:
    # Built once, because every change of a pin uses it.
    dag_ids: BindParameter[str] = bindparam("dag_ids", expanding=True)
    is_candidate = ManagedVersion.state == VersionState.CANDIDATE.value
    newest_first = (ManagedVersion.state_changed_at.desc(), ManagedVersion.version_number.desc())
    place = func.row_number().over(partition_by=ManagedVersion.dag_id, order_by=newest_first)
    ranked = (
        select(ManagedVersion.dag_version_id, place.label("place"))
        .outerjoin(Pin, Pin.dag_id == ManagedVersion.dag_id)
        .where(
            ManagedVersion.dag_id.in_(dag_ids),
            or_(
                ManagedVersion.state == VersionState.RETAINED.value,
                and_(is_candidate, ManagedVersion.version_number < Pin.version_number),
            ),
            # Some new runs use it.
            ManagedVersion.dag_version_id.not_in(select(Ramp.dag_version_id).where(Ramp.id == Pin.ramp_id)),
        )
        .subquery()
    )
    return select(ranked.c.dag_version_id).where(ranked.c.place > bindparam("kept"))


def managed_files(files: Collection[tuple[str, str]], *, session: Session) -> set[tuple[str, str]]:
    """Return the files, by bundle name and path, from which managed versions were parsed."""
    place = (ManagedVersion.bundle_name, ManagedVersion.relative_fileloc)
    rows = session.execute(select(*place).distinct().where(tuple_(*place).in_(list(files))))
    return {(row.bundle_name, row.relative_fileloc) for row in rows}
