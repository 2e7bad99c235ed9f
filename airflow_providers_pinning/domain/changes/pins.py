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
"""Pin and unpin: each change is one transaction that also rewrites the Dag's scheduling metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions, preconditions
from airflow_providers_pinning.domain.changes.hold import put_on_hold, remove_hold
from airflow_providers_pinning.domain.changes.pin_row import choose, choose_nothing, lock_pin, retain_active
from airflow_providers_pinning.domain.changes.pin_warnings import warn_of_latest, warn_of_moved_team
from airflow_providers_pinning.domain.changes.replay import answer_if_repeated
from airflow_providers_pinning.domain.changes.verdict_check import check_verdict
from airflow_providers_pinning.domain.dag_model import asset_conflicts, partitions
from airflow_providers_pinning.domain.dag_model.head import head_of
from airflow_providers_pinning.domain.dag_model.sync import (
    request_parse,
    sync_dag_model,
    wait_for_head,
    write_dag_model,
)
from airflow_providers_pinning.domain.errors import NotPinnedError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change, EventKind
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.release_state import (
    ReleaseState,
    hold_of,
    release_state,
    state_of_change,
)
from airflow_providers_pinning.domain.versions import likeness, managed
from airflow_providers_pinning.domain.versions.bundle_versions import version_at_commit
from airflow_providers_pinning.domain.versions.expected import is_drifted
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
)
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class Target:
    """The version to pin, named in exactly one of three ways, and what the caller believes it to be."""

    version_number: int | None = None
    dag_version_id: UUID | None = None
    bundle_version: str | None = None
    expected_dag_hash: str | None = None
    """Hash that the caller tested or approved; another one is refused."""

    def as_request(self) -> dict[str, Any]:
        """Return the target as plain values, for comparing requests."""
        return {
            "version_number": self.version_number,
            "dag_version_id": self.dag_version_id and str(self.dag_version_id),
            "bundle_version": self.bundle_version,
            "expected_dag_hash": self.expected_dag_hash,
        }


def pin_version(
    dag_id: str, target: Target, change: Change, *, ignore_verdict: bool = False, session: Session
) -> ReleaseState:
    """
    Make a version the one that new runs use, until the pin is changed.

    Pinning what is pinned already changes nothing, but rewrites the scheduling metadata.

    :param dag_id: the Dag
    :param target: which version
    :param change: who asks, why, and under which conditions
    :param ignore_verdict: pin it although its runs failed the criteria of the Dag
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there is no such version
    :raises VerdictFailedError: if its runs failed the criteria of the Dag, unless that is ignored or
        ``change.override_reason`` is given
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises VersionDriftedError: if the version is not what was approved or recorded
    :raises VersionRejectedError: if it was rejected, unless ``change.override_reason`` is given
    :raises VersionUnreadableError: if it cannot be deserialized
    :raises UnversionedBundleError: if its code cannot be had again
    :raises CodeUnavailableError: if the dag processor reported that it could not get the code
    :raises DagHeldError: if the Dag is on hold, unless ``change.override_reason`` is given
    :raises NotEnforcedError: if a live component runs without the enforcement
    """
    request = {"action": "pin", "dag_id": dag_id, **target.as_request()}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    if target.expected_dag_hash and not change.expected_dag_hash:
        change = replace(change, expected_dag_hash=target.expected_dag_hash)
    version, warnings = _target_version(dag_id, target, session=session)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_hold(pin, change, session=session)
    conditions.check_expected(dag_id, version, change, dag_hash=target.expected_dag_hash)
    if pinned_identity(pin) == version and hold_of(pin, session=session):
        # No version becomes active, so what would refuse a pin does not keep a person from lifting the hold.
        return _confirm(pin, version, change, request, session=session)
    return activate(
        EventKind.PINNED,
        pin,
        version,
        change,
        request,
        warnings=warnings,
        ignore_verdict=ignore_verdict,
        session=session,
    )


def _target_version(dag_id: str, target: Target, *, session: Session) -> tuple[VersionIdentity, tuple[str, ...]]:
    """Find the version to pin, and what the caller must know of it."""
    if target.bundle_version is not None and target.version_number is None and target.dag_version_id is None:
        return version_at_commit(dag_id, target.bundle_version, session=session)
    version = find_version(
        dag_id,
        version_number=target.version_number,
        dag_version_id=target.dag_version_id,
        bundle_version=target.bundle_version,
        session=session,
    )
    return version, ()


def activate(
    kind: EventKind,
    pin: Pin,
    version: VersionIdentity,
    change: Change,
    request: Mapping[str, Any],
    *,
    checked: preconditions.Checked | None = None,
    hold: bool = False,
    hold_until: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    ignore_verdict: bool = False,
    session: Session,
) -> ReleaseState:
    """
    Check a version, unless it is checked, and make it the active one.

    The caller holds the locks of :func:`lock_pin`.
    """
    dag_id = pin.dag_id
    _rows = managed.managed_versions(  # Kept, so that each is read once.
        [version.dag_version_id, *([pin.dag_version_id] if pin.dag_version_id else [])], session=session
    )
    checked = checked or preconditions.check_pinnable(dag_id, version, change, session=session)
    readable = checked.readable
    attestation.require_enforcement(session=session)
    from_version = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if pinned_identity(pin) == version:
        return _confirm(pin, version, change, request, session=session)
    with_code = preconditions.with_code_of(version, checked.known.managed)
    # A rollback may name a newer version, which is a pin of it in all but name.
    goes_forward = kind == EventKind.PINNED or (from_version and version.version_number > from_version.version_number)
    if goes_forward:
        preconditions.check_fetchable(dag_id, version, with_code, change)
    if goes_forward and from_version != version:
        failed = check_verdict(
            dag_id, version, checked.known.managed, change, ignore_verdict=ignore_verdict, session=session
        )
        warnings += failed.warnings
        evidence = {**(evidence or {}), **(failed.evidence or {})}
    warnings += preconditions.warn_of_code(version, with_code)
    has_partitions = readable.timetable.partitioned or session.get_one(DagModel, dag_id).timetable_partitioned
    warnings += warn_of_moved_team(version, checked.known) + likeness.warn_of_rejected_equal(version, session=session)
    conflicts = asset_conflicts.asset_conflicts(readable, version.version_number, session=session)
    warnings += conflicts
    if has_partitions:
        warnings += partitions.warn_of_dropped_partitions(dag_id, version, session=session)
    if pin.dag_version_id is not None:
        retain_active(pin, session=session)
    elif from_version and from_version != version and from_version.bundle_version:
        # What was live until now is what a rollback returns to: no later commit may overwrite it.
        managed.retain(dag_id, from_version, reason=change.reason, session=session)
    row = managed.manage(dag_id, version, VersionState.ACTIVE, reason=change.reason, session=session)
    if is_drifted(version, row):
        managed.accept_as_it_is(row, version, session=session)
        warnings += (
            f"Version {version.version_number} was rewritten since it came under management; "
            "it is pinned as it is now.",
        )
    choose(pin, version, change, session=session)
    if kind == EventKind.PINNED:
        remove_hold(pin, change, session=session)
    events.record(
        kind,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=from_version,
        to_version=version,
        evidence={**(evidence or {}), **({"warnings": list(warnings)} if warnings else {})},
        session=session,
    )
    if hold and not _is_held_longer(pin, hold_until, session=session):
        put_on_hold(pin, change, hold_until, session=session)
    write_dag_model(readable, session=session)
    managed.release_superseded(dag_id, session=session)
    return state_of_change(pin, version, warnings=warnings, conflicts=conflicts, session=session)


def _is_held_longer(pin: Pin, until: datetime | None, *, session: Session) -> bool:
    """Return whether the present hold ends after another one would; a change never shortens the hold of a person."""
    present = hold_of(pin, session=session)
    return present is not None and until is not None and (present.until is None or present.until > until)


def unpin(dag_id: str, change: Change, *, expected_version: int | None = None, session: Session) -> ReleaseState:
    """
    Make the latest version active again, at once, and ask for its file to be parsed.

    :param dag_id: the Dag
    :param change: who asks, why, and under which conditions, also those on the latest version
    :param expected_version: number of the latest version that the caller saw
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises NotPinnedError: if it is not pinned
    :raises RevisionConflictError: if the pin is at another revision, or another version the latest, than the caller
        expected
    :raises VersionDriftedError: if the latest version is not what the caller saw
    :raises DagHeldError: if the Dag is on hold, unless ``change.override_reason`` is given
    :raises VersionUnreadableError: if the latest version cannot be deserialized
    """
    request = {"action": "unpin", "dag_id": dag_id}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    if pin.dag_version_id is None:
        raise NotPinnedError(f"Dag {dag_id!r} is not pinned, so its latest version is active already.", dag_id=dag_id)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_hold(pin, change, session=session)
    latest = latest_identity(dag_id, session=session)
    conditions.check_latest(dag_id, latest, change, expected_version, session=session)
    warnings = warn_of_latest(dag_id, latest, session=session) if latest else ()
    retain_active(pin, session=session)
    from_version = pinned_identity(pin)
    head = head_of(pin, latest, session=session)
    choose_nothing(pin, change)
    remove_hold(pin, change, session=session)
    events.record(
        EventKind.UNPINNED,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=from_version,
        to_version=latest,
        evidence={"warnings": list(warnings)} if warnings else None,
        session=session,
    )
    sync_dag_model(dag_id, session=session)
    if latest:
        warnings += wait_for_head(dag_id, latest, head, session=session)
        request_parse(latest, session=session)
    return release_state(dag_id, warnings=warnings, session=session)


def _confirm(
    pin: Pin, version: VersionIdentity, change: Change, request: Mapping[str, Any], *, session: Session
) -> ReleaseState:
    """Leave a pin that is as asked for; what the request did besides, or its key, is recorded."""
    if change.override_reason is not None and hold_of(pin, session=session):
        pin.revision += 1
        remove_hold(pin, change, request=request, session=session)
    elif change.idempotency_key:
        events.record(
            EventKind.CONFIRMED,
            dag_id=pin.dag_id,
            revision=pin.revision,
            change=change,
            request=request,
            from_version=version,
            to_version=version,
            session=session,
        )
    sync_dag_model(pin.dag_id, session=session)
    return release_state(pin.dag_id, session=session)
