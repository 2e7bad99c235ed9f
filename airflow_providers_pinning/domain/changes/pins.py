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

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.active_version import activate, confirm
from airflow_providers_pinning.domain.changes.lifting import examine_liftings, lift
from airflow_providers_pinning.domain.changes.pending import settle_pending
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.dag_model import asset_conflicts
from airflow_providers_pinning.domain.errors import NotPinnedError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import (
    ReleaseState,
    hold_of,
    release_state,
)
from airflow_providers_pinning.domain.versions.bundle_versions import version_at_commit
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
)
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class Target:
    """The version to pin, selected in exactly one of three ways, and what the caller expects of it."""

    version_number: int | None = None
    dag_version_id: UUID | None = None
    bundle_version: str | None = None
    expected_dag_hash: str | None = None
    """Hash that the caller tested or approved; another one is refused."""

    @classmethod
    def of(cls, given: Any) -> Target:
        """Return the target that the body of a request or the arguments of a command name."""
        return cls(given.version_number, given.dag_version_id, given.bundle_version, given.expected_dag_hash)

    def as_request(self) -> dict[str, Any]:
        """Return the target as plain values, for comparing requests."""
        return {
            "version_number": self.version_number,
            "dag_version_id": self.dag_version_id and str(self.dag_version_id),
            "bundle_version": self.bundle_version,
            "expected_dag_hash": self.expected_dag_hash,
        }

    def as_condition_of(self, change: Change) -> Change:
        """Return the change with the expected hash among its conditions, unless the caller gave one there."""
        if self.expected_dag_hash and not change.expected_dag_hash:
            return replace(change, expected_dag_hash=self.expected_dag_hash)
        return change


def pin_version(
    dag_id: str, target: Target, change: Change, *, ignore_verdict: bool = False, session: Session
) -> ReleaseState:
    """
    Pin a version: new runs use it until the pin changes.

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
    :raises UnversionedBundleError: if its code cannot be fetched again
    :raises CodeUnavailableError: if the dag processor reported that it could not get the code
    :raises DagHeldError: if the Dag is on hold, unless ``change.override_reason`` is given
    :raises ActivationPendingError: if another change is pending, unless ``change.supersede`` is given
    :raises PolicyNotMetError: if rules of policies or a freeze stand in the way, unless the caller may override them
    :raises NotEnforcedError: if a live component runs without the enforcement
    """
    request = {"action": "pin", "dag_id": dag_id, **target.as_request()}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    change = target.as_condition_of(change)
    version, warnings = target_version(dag_id, target, session=session)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_hold(pin, change, session=session)
    conditions.check_expected(dag_id, version, change, dag_hash=target.expected_dag_hash)
    warnings = (*settle_pending(pin, change, session=session), *warnings)
    if pinned_identity(pin) == version and hold_of(pin, session=session):
        # No version becomes active, so what would refuse a pin does not keep a person from lifting the hold.
        return confirm(pin, version, change, request, warnings=warnings, session=session)
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


def target_version(dag_id: str, target: Target, *, session: Session) -> tuple[VersionIdentity, tuple[str, ...]]:
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


def unpin(dag_id: str, change: Change, *, expected_version: int | None = None, session: Session) -> ReleaseState:
    """
    Remove the pin: the latest version becomes active immediately, and its file is parsed soon.

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
    :raises ActivationPendingError: if another change is pending, unless ``change.supersede`` is given
    :raises PolicyNotMetError: if rules of policies or a freeze stand in the way, unless the caller may override them
    :raises VersionUnreadableError: if the latest version cannot be deserialized
    """
    request = {"action": "unpin", "dag_id": dag_id}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    if pin.dag_version_id is None:
        raise NotPinnedError(f"Dag {dag_id!r} is not pinned; its latest version is already active.", dag_id=dag_id)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_hold(pin, change, session=session)
    latest = latest_identity(dag_id, session=session)
    conditions.check_latest(dag_id, latest, change, expected_version, session=session)
    ready, refused = examine_liftings([pin], {dag_id: latest} if latest else {}, change, session=session)
    for error in refused.values():
        raise error
    [one] = ready
    if latest and one.readable:
        conflicts = asset_conflicts.asset_conflicts(one.readable, latest.version_number, pinned=False, session=session)
        one = replace(one, warnings=one.warnings + conflicts)
    told = lift([one], change, {dag_id: request}, session=session)
    return release_state(dag_id, warnings=told[dag_id], session=session)
