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
"""Managed versions: which versions are held unchanged and kept, and why."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from functools import cache
from uuid import UUID

from airflow._shared.timezones import timezone
from sqlalchemy import BindParameter, Select, and_, bindparam, delete, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.versions.content import drop_content, keep_content
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed_cache import drop_protection
from airflow_providers_pinning.models import ManagedVersion, Pin


class VersionState(str, Enum):
    """Why a version is managed."""

    CANDIDATE = "candidate"
    """Under evaluation; may be pinned."""
    ACTIVE = "active"
    """Pinned."""
    RETAINED = "retained"
    """Was pinned before; kept to roll back to."""
    REJECTED = "rejected"
    """Must not be pinned until it is restored."""


def managed_version(dag_version_id: UUID, *, session: Session) -> ManagedVersion | None:
    """Return the management row of a version, if it has one."""
    return session.get(ManagedVersion, dag_version_id)


def managed_versions(dag_version_ids: Collection[UUID], *, session: Session) -> list[ManagedVersion]:
    """
    Read several management rows at once.

    As long as the caller keeps them, :func:`managed_version` finds them without asking the database.
    """
    return list(session.scalars(select(ManagedVersion).where(ManagedVersion.dag_version_id.in_(dag_version_ids))))


def manage(
    dag_id: str, version: VersionIdentity, state: VersionState, *, reason: str | None, session: Session
) -> ManagedVersion:
    """
    Bring a version under management, or give a managed one another state.

    A candidate, and a version that stops being active, is evaluated from then on: what it did before is no evidence.

    From the commit on, the dag processor writes whatever differs into a new version, and
    ``airflow db clean`` keeps this one. The caller holds the lock on the Dag's row.
    """
    managed = managed_version(version.dag_version_id, session=session)
    if managed is None:
        managed = ManagedVersion(
            dag_version_id=version.dag_version_id,
            dag_id=dag_id,
            version_number=version.version_number,
            bundle_name=version.bundle_name,
            bundle_version=version.bundle_version,
            dag_hash=version.dag_hash,
            relative_fileloc=version.relative_fileloc,
            code_state="unknown",
        )
        session.add(managed)
        keep_content(version.dag_version_id, session=session)
        drop_protection(session=session)
    now = timezone.utcnow()
    if state in (VersionState.CANDIDATE, VersionState.RETAINED):
        # Whoever evaluates it now, for the first time or again, goes by what it does from now on.
        managed.evaluated_since = now
    managed.state = state.value
    managed.state_reason = reason
    managed.state_changed_at = now
    session.flush()
    return managed


def accept_as_it_is(managed: ManagedVersion, version: VersionIdentity, *, session: Session) -> None:
    """Take what a managed version is now, after something rewrote it, for what it is to be."""
    managed.bundle_name = version.bundle_name
    managed.bundle_version = version.bundle_version
    managed.dag_hash = version.dag_hash
    managed.relative_fileloc = version.relative_fileloc
    managed.code_state, managed.code_message, managed.code_checked_at = "unknown", None, None
    managed.code_problem = managed.code_attempts = managed.code_source = managed.code_ref = None
    # What it did before was done by other code.
    managed.evaluated_since = timezone.utcnow()
    drop_content([version.dag_version_id], session=session)
    keep_content(version.dag_version_id, session=session)


def retain(dag_id: str, version: VersionIdentity, *, reason: str | None, session: Session) -> None:
    """Keep a version to roll back to, unless it is managed already."""
    if managed_version(version.dag_version_id, session=session) is None:
        manage(dag_id, version, VersionState.RETAINED, reason=reason, session=session)


def release_superseded(dag_id: str, *, session: Session) -> None:
    """
    Stop managing what is beyond ``[pinning] keep_versions``.

    The active version, rejections, and candidates that are newer than the active version are always kept; of the
    others the most recently used are.
    """
    surplus = session.scalars(_superseded(), {"dag_id": dag_id, "kept": conf.keep_versions()}).all()
    if surplus:
        session.execute(delete(ManagedVersion).where(ManagedVersion.dag_version_id.in_(surplus)))
        drop_content(surplus, session=session)


@cache
def _superseded() -> Select:
    # Built once: every change of a pin asks.
    dag_id: BindParameter[str] = bindparam("dag_id")
    pinned = select(Pin.version_number).where(Pin.dag_id == dag_id).scalar_subquery()
    return (
        select(ManagedVersion.dag_version_id)
        .where(
            ManagedVersion.dag_id == dag_id,
            or_(
                ManagedVersion.state == VersionState.RETAINED.value,
                and_(ManagedVersion.state == VersionState.CANDIDATE.value, ManagedVersion.version_number < pinned),
            ),
        )
        .order_by(ManagedVersion.state_changed_at.desc(), ManagedVersion.version_number.desc())
        .offset(bindparam("kept"))
    )


def managed_files(files: Collection[tuple[str, str]], *, session: Session) -> set[tuple[str, str]]:
    """Return those files, each a bundle's name and a path in it, that a managed version was parsed from."""
    place = (ManagedVersion.bundle_name, ManagedVersion.relative_fileloc)
    rows = session.execute(select(*place).distinct().where(tuple_(*place).in_(list(files))))
    return {(row.bundle_name, row.relative_fileloc) for row in rows}
