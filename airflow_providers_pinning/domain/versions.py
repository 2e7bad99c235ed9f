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
"""Managed versions: candidates, rejected versions, and those kept to roll back to."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain import events
from airflow_providers_pinning.domain.errors import (
    CodeUnavailableError,
    UnversionedBundleError,
    VersionActiveError,
    VersionDriftedError,
    VersionRejectedError,
)
from airflow_providers_pinning.domain.events import Change, EventKind
from airflow_providers_pinning.domain.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.protection import drop_protection
from airflow_providers_pinning.domain.state import ReleaseState, release_state
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


def manage(
    dag_id: str, version: VersionIdentity, state: VersionState, *, reason: str | None, session: Session
) -> ManagedVersion:
    """
    Bring a version under management, or give a managed one another state.

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
        drop_protection(session=session)
    managed.state = state.value
    managed.state_reason = reason
    managed.state_changed_at = timezone.utcnow()
    session.flush()
    return managed


def retain(dag_id: str, version: VersionIdentity, *, reason: str | None, session: Session) -> None:
    """Keep a version to roll back to, unless it is managed already."""
    if managed_version(version.dag_version_id, session=session) is None:
        manage(dag_id, version, VersionState.RETAINED, reason=reason, session=session)


def check_unchanged(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None) -> None:
    """
    Compare a version with its snapshot.

    :raises VersionDriftedError: if it changed since it came under management
    """
    if managed is None:
        return
    recorded = (managed.bundle_name, managed.bundle_version, managed.dag_hash)
    present = (version.bundle_name, version.bundle_version, version.dag_hash)
    if recorded != present:
        raise VersionDriftedError(
            f"Dag {dag_id!r}, {version.label}, is not what it was when it came under management "
            f"(then {managed.bundle_version} with hash {managed.dag_hash}, now {version.bundle_version} with hash "
            f"{version.dag_hash}): something that does not enforce pins rewrote it. Choose another version.",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def check_versioned(dag_id: str, version: VersionIdentity) -> None:
    """
    Refuse a version whose code cannot be had again.

    :raises UnversionedBundleError: if the version has no bundle version
    """
    if version.bundle_version is None:
        raise UnversionedBundleError(
            f"Version {version.version_number} of Dag {dag_id!r} comes from bundle {version.bundle_name!r} without a "
            "bundle version, so its code cannot be pinned. Serve the Dag from a bundle that supports versioning, such "
            "as GitDagBundle, and do not set disable_bundle_versioning on the Dag or in [dag_processor].",
            dag_id=dag_id,
            version_number=version.version_number,
            bundle_name=version.bundle_name,
        )


def add_candidate(dag_id: str, version_number: int | None, change: Change, *, session: Session) -> ReleaseState:
    """
    Put a version under evaluation: from now on no commit can overwrite it. The active version stays.

    :param dag_id: the Dag
    :param version_number: which version; ``None`` takes the latest
    :param change: who asks and why
    :param session: database session
    :raises UnknownVersionError: if there is no such version
    :raises UnversionedBundleError: if its code cannot be had again
    :raises VersionDriftedError: if it is managed and changed all the same
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "candidate", "dag_id": dag_id, "version_number": version_number}
    if events.find_repeated(change, request, session=session):
        return release_state(dag_id, session=session)
    version = _one_version(dag_id, version_number, session=session)
    check_versioned(dag_id, version)
    managed = managed_version(version.dag_version_id, session=session)
    check_unchanged(dag_id, version, managed)
    if managed is None:
        manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        _record(EventKind.CANDIDATE, dag_id, version, change, request, session=session)
        release_superseded(dag_id, session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    return release_state(dag_id, session=session)


def reject(dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState:
    """
    Mark a version as not to be pinned.

    :raises UnknownVersionError: if there is no such version
    :raises UnversionedBundleError: if its code cannot be had again, so that rejecting it would mean nothing
    :raises VersionActiveError: if it is pinned now; roll back instead, which rejects it as well
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "reject", "dag_id": dag_id, "version_number": version_number}
    if events.find_repeated(change, request, session=session):
        return release_state(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    check_versioned(dag_id, version)
    pin = session.get(Pin, dag_id)
    if pin is not None and pin.dag_version_id == version.dag_version_id:
        raise VersionActiveError(
            f"Version {version_number} of Dag {dag_id!r} is pinned, so it cannot be rejected in place. "
            "Roll the Dag back (which rejects it) or pin another version first.",
            dag_id=dag_id,
            version_number=version_number,
        )
    managed = managed_version(version.dag_version_id, session=session)
    if managed is None or managed.state != VersionState.REJECTED.value:
        manage(dag_id, version, VersionState.REJECTED, reason=change.reason, session=session)
        _record(EventKind.REJECTED, dag_id, version, change, request, session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    return release_state(dag_id, session=session)


def restore(dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState:
    """
    Allow a rejected version to be pinned again; a version that is not rejected is left as it is.

    :raises UnknownVersionError: if there is no such version
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "restore", "dag_id": dag_id, "version_number": version_number}
    if events.find_repeated(change, request, session=session):
        return release_state(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    managed = managed_version(version.dag_version_id, session=session)
    if managed is not None and managed.state == VersionState.REJECTED.value:
        manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        _record(EventKind.RESTORED, dag_id, version, change, request, session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    return release_state(dag_id, session=session)


def release_superseded(dag_id: str, *, session: Session) -> None:
    """
    Stop managing what is beyond ``[pinning] keep_versions``.

    The active version and rejections are always kept; of the others the most recently used are.
    """
    surplus = session.scalars(
        select(ManagedVersion.dag_version_id)
        .where(
            ManagedVersion.dag_id == dag_id,
            ManagedVersion.state.in_((VersionState.CANDIDATE.value, VersionState.RETAINED.value)),
        )
        .order_by(ManagedVersion.state_changed_at.desc(), ManagedVersion.version_number.desc())
        .offset(conf.keep_versions())
    ).all()
    if surplus:
        session.execute(delete(ManagedVersion).where(ManagedVersion.dag_version_id.in_(surplus)))


def check_not_rejected(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None, change: Change) -> None:
    """
    Refuse a rejected version, unless the caller overrides that.

    :raises VersionRejectedError: if it was rejected
    """
    if managed is not None and managed.state == VersionState.REJECTED.value and not change.override_reason:
        raise VersionRejectedError(
            f"Dag {dag_id!r}, {version.label}, was rejected: {managed.state_reason}. "
            "Restore it first, or give an override_reason.",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def check_code_available(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None) -> None:
    """
    Refuse a version whose code the dag processor could not get.

    :raises CodeUnavailableError: if it reported so
    """
    if managed is not None and managed.code_state == "missing":
        raise CodeUnavailableError(
            f"The dag processor could not get the code of Dag {dag_id!r}, {version.label}: {managed.code_message}. "
            "Make the commit available again (a tag keeps it), or choose another version.",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def check_bundle_configured(dag_id: str, version: VersionIdentity, *, session: Session) -> None:
    """
    Refuse a version of a bundle that was taken out of the configuration: nothing could run it.

    :raises CodeUnavailableError: if it was
    """
    if session.scalar(select(DagBundleModel.active).where(DagBundleModel.name == version.bundle_name)) is False:
        raise CodeUnavailableError(
            f"Dag {dag_id!r}, {version.label}: this bundle is no longer configured. Configure it again, or choose a "
            "version from another bundle.",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def _one_version(dag_id: str, version_number: int | None, *, session: Session) -> VersionIdentity:
    if version_number is None and (latest := latest_identity(dag_id, session=session)):
        return latest
    return find_version(dag_id, version_number=version_number or 1, session=session)


def _confirm(dag_id: str, version: VersionIdentity, change: Change, request: dict, *, session: Session) -> None:
    """Keep the key of a request that found nothing to do: sent again later, it must not do anything either."""
    if change.idempotency_key:
        _record(EventKind.CONFIRMED, dag_id, version, change, request, session=session)


def _record(
    kind: EventKind,
    dag_id: str,
    version: VersionIdentity,
    change: Change,
    request: dict,
    *,
    session: Session,
) -> None:
    pin = session.get(Pin, dag_id)
    events.record(
        kind,
        dag_id=dag_id,
        revision=pin.revision if pin else 0,
        change=change,
        request=request,
        from_version=pinned_identity(pin),
        to_version=version,
        session=session,
    )
