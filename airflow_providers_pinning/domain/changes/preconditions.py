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
"""What a version or a pin must fulfill for a change; every refusal names the value and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import code_checks
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, read_versions
from airflow_providers_pinning.domain.errors import (
    PinningError,
    TeamNotPermittedError,
    UnversionedBundleError,
    VersionDataUnsupportedError,
    VersionRejectedError,
    VersionUnreadableError,
)
from airflow_providers_pinning.domain.files.relation import HeldRejection, held_rejections_of
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.circumstances import (
    Circumstances,
    circumstances_of_dags,
    data_reaches_workers,
)
from airflow_providers_pinning.domain.versions.expected import check_unchanged
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion
from airflow_providers_pinning.vocabulary import CallerKind

_CHOSEN = (VersionState.ACTIVE.value, VersionState.RETAINED.value)
"""States of versions that are or were pinned."""


def check_versioned(dag_id: str, version: VersionIdentity) -> None:
    """
    Refuse a version whose code cannot be fetched again.

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


def accepts_drift(change: Change) -> bool:
    """Return whether the caller knows the current content of a rewritten version, and overrides the refusal."""
    return bool(change.override_reason and change.expected_dag_hash and change.expected_bundle_version)


def check_not_rejected(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None, change: Change) -> None:
    """
    Refuse a rejected version, unless the caller overrides that.

    :raises VersionRejectedError: if it was rejected
    """
    if managed is not None and managed.state == VersionState.REJECTED.value and not change.override_reason:
        raise VersionRejectedError(
            f"Dag {dag_id!r}, {version.label}, was rejected: {managed.state_reason}. Restore it first, or provide "
            "an override_reason (CLI: --override-reason).",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def check_no_rejection_holds(dag_id: str, version: VersionIdentity, held: HeldRejection | None) -> None:
    """
    Refuse a version that differs from a rejected older one in nothing related.

    :param held: the rejection of such an older one
    :raises VersionRejectedError: if there is one
    """
    if held is not None:
        raise VersionRejectedError(
            f"Dag {dag_id!r}, {version.label}, has no related change since version {held.version_number}, which "
            f"was rejected: {held.reason.rstrip('.')}. Restore version {held.version_number}, provide an "
            "override_reason (CLI: --override-reason), or choose a version that changes the Dag.",
            dag_id=dag_id,
            version_number=version.version_number,
            rejected_version_number=held.version_number,
        )


def check_team(dag_id: str, version: VersionIdentity, known: Circumstances, change: Change) -> None:
    """
    Refuse a version of another team's bundle to those who may not edit the Dag there.

    Airflow takes the team of a Dag from the bundle in ``DagModel``, and so whose connections, variables and
    executors its runs use, and who may see them.

    :raises TeamNotPermittedError: if the version would need the permission of another team
    """
    if not known.changes_team or change.caller.kind is not CallerKind.USER:
        return
    permitted = change.caller.permitted_in_team
    if permitted is None or not permitted(dag_id, known.team):
        raise TeamNotPermittedError(
            f"Dag {dag_id!r}, {version.label}, belongs to {named_team(known.team)}, but the Dag now belongs to "
            f"{named_team(known.dag_team)}. To choose this version you need permission to edit the Dag there too. "
            "Ask someone with both permissions, or choose a version from another bundle.",
            dag_id=dag_id,
            version_number=version.version_number,
            team_name=known.team,
        )


def named_team(team: str | None) -> str:
    """Describe a team in messages."""
    return f"team {team!r}" if team else "no team"


def check_version_data(dag_id: str, version: VersionIdentity, *, has_data: bool) -> None:
    """
    Refuse a version that is more than its bundle's version, where Airflow does not hand the rest to workers.

    :param has_data: whether the bundle gave structured data beside the version, such as a manifest
    :raises VersionDataUnsupportedError: if so
    """
    if has_data and not data_reaches_workers():
        raise VersionDataUnsupportedError(
            f"Dag {dag_id!r}, {version.label}: its bundle also describes the version with structured data "
            "(version_data), which this Airflow stores but does not send to workers, so runs could get other "
            "code. Serve the Dag from a bundle whose version is complete, such as GitDagBundle.",
            dag_id=dag_id,
            version_number=version.version_number,
            bundle_name=version.bundle_name,
        )


@dataclass(frozen=True)
class Checked:
    """A version that may be pinned."""

    version: VersionIdentity
    known: Circumstances
    readable: ActiveVersion
    """The version, deserialized."""


def check_pinnable(
    dag_id: str,
    version: VersionIdentity,
    change: Change,
    *,
    known: Circumstances | None = None,
    session: Session,
) -> Checked:
    """
    Run every check that depends on the version alone: for a pin, a canary run, and the target of a rollback.

    :param known: what was read of the version before, with others
    """
    known_of = {dag_id: known} if known else None
    found = check_all_pinnable({dag_id: version}, change, known=known_of, session=session)[dag_id]
    if isinstance(found, PinningError):
        raise found
    return found


def check_all_pinnable(
    versions: Mapping[str, VersionIdentity],
    change: Change,
    *,
    known: Mapping[str, Circumstances] | None = None,
    session: Session,
) -> dict[str, Checked | PinningError]:
    """
    Do what :func:`check_pinnable` does for one version of each of several Dags, by the Dags' ids.

    The number of statements does not grow with the Dags.

    :param versions: the versions, by Dag
    :param change: who asks, and what is overridden
    :param known: what was read of the versions before
    :param session: database session
    :return: for each Dag what was read of its version, or why that is refused
    """
    circumstances = known or circumstances_of_dags(versions, session=session)
    found: dict[str, Checked | PinningError] = {}
    for dag_id, version in versions.items():
        try:
            _check_recorded(dag_id, version, circumstances[dag_id], change)
        except PinningError as error:
            found[dag_id] = error
    passed = {dag_id: version for dag_id, version in versions.items() if dag_id not in found}
    held = rejections_that_hold(passed, circumstances, change, session=session)
    stored = read_versions(passed, session=session)
    for dag_id, version in passed.items():
        try:
            found[dag_id] = _check_read(
                dag_id, version, circumstances[dag_id], held.get(dag_id), stored[dag_id], change
            )
        except PinningError as error:
            found[dag_id] = error
    return found


def rejections_that_hold(
    versions: Mapping[str, VersionIdentity], known: Mapping[str, Circumstances], change: Change, *, session: Session
) -> dict[str, HeldRejection]:
    """
    Find, by Dag, the rejections of other versions that hold for these ones, unless the caller overrides that.

    For a version that was pinned before none does: someone chose it.
    """
    if change.override_reason:
        return {}
    rows = {dag_id: known[dag_id].managed for dag_id in versions}
    not_chosen = {
        dag_id: version.dag_version_id
        for dag_id, version in versions.items()
        if (row := rows[dag_id]) is None or row.state not in _CHOSEN
    }
    return held_rejections_of(not_chosen, session=session)


def _check_recorded(dag_id: str, version: VersionIdentity, known: Circumstances, change: Change) -> None:
    check_versioned(dag_id, version)
    if not accepts_drift(change):
        check_unchanged(dag_id, version, known.managed)
    check_not_rejected(dag_id, version, known.managed, change)


def _check_read(
    dag_id: str,
    version: VersionIdentity,
    known: Circumstances,
    held: HeldRejection | None,
    stored: ActiveVersion | VersionUnreadableError,
    change: Change,
) -> Checked:
    check_no_rejection_holds(dag_id, version, held)
    code_checks.check_code_available(dag_id, version, code_checks.with_code_of(version, known.managed))
    code_checks.check_bundle_configured(dag_id, version, known)
    check_team(dag_id, version, known, change)
    if isinstance(stored, VersionUnreadableError):
        raise stored
    stored.bundle_is_configured = known.bundle_is_configured
    check_version_data(dag_id, version, has_data=bool(stored.version_data))
    if stored.disable_bundle_versioning:
        raise UnversionedBundleError(
            f"Dag {dag_id!r}, {version.label}, sets disable_bundle_versioning, so its runs use whatever code the "
            "bundle has at the time. Remove the setting, and pin a version that was parsed afterwards.",
            dag_id=dag_id,
            version_number=version.version_number,
        )
    return Checked(version, known, stored)
