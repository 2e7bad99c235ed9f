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
"""Review versions: evaluate, reject and restore them."""

from __future__ import annotations

from dataclasses import replace

from airflow.models.dag_version import DagVersion
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.rejection import end_queued_canaries
from airflow_providers_pinning.domain.changes import conditions, preconditions
from airflow_providers_pinning.domain.changes.ramp_row import ramp_row, settle_ramp
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated, version_of
from airflow_providers_pinning.domain.errors import UnknownVersionError, VersionActiveError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.history.version_events import record_of
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.versions.circumstances import circumstances_of
from airflow_providers_pinning.domain.versions.expected import check_unchanged
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.likeness import warn_of_rejected_equal
from airflow_providers_pinning.domain.versions.managed import VersionState, manage, managed_version, release_superseded
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import EventKind


def add_candidate(dag_id: str, version_number: int | None, change: Change, *, session: Session) -> ReleaseState:
    """
    Put a version under evaluation: from now on no commit can overwrite it. The active version stays.

    That is not refused while a live component does not enforce pins, as during an upgrade, but warned of.

    :param dag_id: the Dag
    :param version_number: which version; ``None`` takes the latest
    :param change: who asks and why
    :param session: database session
    :raises UnknownVersionError: if there is no such version
    :raises UnversionedBundleError: if its code cannot be fetched again
    :raises VersionRejectedError: if it was rejected; restoring it puts it under evaluation again
    :raises VersionDataUnsupportedError: if its code is not described by the version of its bundle alone
    :raises TeamNotPermittedError: if it belongs to a team for which the caller may not edit the Dag
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises VersionDriftedError: if it is another than the caller expected, or managed and changed anyway
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "candidate", "dag_id": dag_id, "version_number": version_number}
    if repeated := answer_if_repeated(
        change, request, warn=lambda event: _warn_of_candidate(event, session=session), session=session
    ):
        return repeated
    version = _one_version(dag_id, version_number, session=session)
    _check_expected(dag_id, version, change, session=session)
    managed = _check_candidate(dag_id, version, change, session=session)
    if managed is None or managed.state == VersionState.RETAINED.value:
        manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        record_of(EventKind.CANDIDATE, dag_id, version, change, request, session=session)
        release_superseded([dag_id], session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    warnings = (
        *attestation.warn_of_overwriting(version, session=session),
        *warn_of_rejected_equal(version, session=session),
    )
    return release_state(dag_id, warnings=warnings, session=session)


def reject(dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState:
    """
    Reject a version, and end its queued canary runs, so no more of its runs start.

    :raises UnknownVersionError: if there is no such version
    :raises UnversionedBundleError: if its code cannot be fetched again, so that rejecting it would mean nothing
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises VersionDriftedError: if the version is another than the caller expected
    :raises VersionActiveError: if it is pinned now; roll back instead, which rejects it as well
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "reject", "dag_id": dag_id, "version_number": version_number}
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    version = find_version(dag_id, version_number=version_number, session=session)
    pin = _check_expected(dag_id, version, change, session=session)
    preconditions.check_versioned(dag_id, version)
    if pin is not None and pin.dag_version_id == version.dag_version_id:
        raise VersionActiveError(
            f"Version {version_number} of Dag {dag_id!r} is pinned, so it cannot be rejected. Roll back the Dag "
            "(which rejects the version) or pin another version first.",
            dag_id=dag_id,
            version_number=version_number,
        )
    managed = managed_version(version.dag_version_id, session=session)
    ramped = _abort_ramp(pin, version, change, session=session)
    runs = end_queued_canaries(dag_id, version, change, session=session)
    # Canary runs of a version that was rejected before may have been started with an override.
    if managed is None or managed.state != VersionState.REJECTED.value or runs.ended:
        manage(dag_id, version, VersionState.REJECTED, reason=change.reason, session=session)
        warnings = list(runs.warnings())
        evidence = {**runs.evidence(), **({"warnings": warnings} if warnings else {})}
        record_of(EventKind.REJECTED, dag_id, version, change, request, evidence, session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    return release_state(dag_id, warnings=(*ramped, *runs.warnings(), *runs.names()), session=session)


def _abort_ramp(pin: Pin | None, version: VersionIdentity, change: Change, *, session: Session) -> tuple[str, ...]:
    """End a ramp to a version that is rejected."""
    ramp = ramp_row(pin, session=session) if pin is not None else None
    if pin is None or ramp is None or ramp.dag_version_id != version.dag_version_id:
        return ()
    return settle_ramp(pin, replace(change, supersede=True), session=session)


def restore(dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState:
    """
    Allow a rejected version to be pinned again; a version that is not rejected is left as it is.

    :raises UnknownVersionError: if there is no such version
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises VersionDriftedError: if the version is another than the caller expected
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "restore", "dag_id": dag_id, "version_number": version_number}
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    version = find_version(dag_id, version_number=version_number, session=session)
    _check_expected(dag_id, version, change, session=session)
    managed = managed_version(version.dag_version_id, session=session)
    if managed is not None and managed.state == VersionState.REJECTED.value:
        manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        record_of(EventKind.RESTORED, dag_id, version, change, request, session=session)
    else:
        _confirm(dag_id, version, change, request, session=session)
    return release_state(dag_id, session=session)


def _warn_of_candidate(event: Event, *, session: Session) -> tuple[str, ...]:
    made_then = version_of(event)
    return attestation.warn_of_overwriting(made_then, session=session) if made_then else ()


def _check_expected(dag_id: str, version: VersionIdentity, change: Change, *, session: Session) -> Pin | None:
    """Check what the caller saw, and return the pin as it is now that the Dag's row is locked."""
    pin = session.get(Pin, dag_id, populate_existing=True)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_expected(dag_id, version, change)
    return pin


def _check_candidate(
    dag_id: str, version: VersionIdentity, change: Change, *, session: Session
) -> ManagedVersion | None:
    """Refuse what could never be pinned; code that is missing now may come back, and is looked for from then on."""
    known = circumstances_of(dag_id, [version], session=session)[version.dag_version_id]
    preconditions.check_versioned(dag_id, version)
    check_unchanged(dag_id, version, known.managed)
    preconditions.check_not_rejected(dag_id, version, known.managed, change)
    held = preconditions.rejections_that_hold({dag_id: version}, {dag_id: known}, change, session=session)
    preconditions.check_no_rejection_holds(dag_id, version, held.get(dag_id))
    preconditions.check_team(dag_id, version, known, change)
    data = session.scalar(select(DagVersion.version_data).where(DagVersion.id == version.dag_version_id))
    preconditions.check_version_data(dag_id, version, has_data=bool(data))
    return known.managed


def _one_version(dag_id: str, version_number: int | None, *, session: Session) -> VersionIdentity:
    if version_number is not None:
        return find_version(dag_id, version_number=version_number, session=session)
    latest = latest_identity(dag_id, session=session)
    if latest is None:
        raise UnknownVersionError(
            f"Dag {dag_id!r} has no registered version. Wait until the dag processor has parsed it.", dag_id=dag_id
        )
    return latest


def _confirm(dag_id: str, version: VersionIdentity, change: Change, request: dict, *, session: Session) -> None:
    """Keep the key of a request that found nothing to do, so a repetition does nothing either."""
    if change.idempotency_key:
        record_of(EventKind.CONFIRMED, dag_id, version, change, request, session=session)
