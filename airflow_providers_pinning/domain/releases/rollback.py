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
"""Roll a release back: each of its Dags to what was active before, as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import uuid6
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_AT_ONCE, pages
from airflow_providers_pinning.domain.changes import activation, conditions, pins
from airflow_providers_pinning.domain.changes.activation import Activation
from airflow_providers_pinning.domain.changes.pin_row import lock_pins
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.head import latest_of
from airflow_providers_pinning.domain.errors import (
    PinningError,
    ReleaseRolledBackError,
    RevisionConflictError,
    UnknownDagError,
    UnknownReleaseError,
    UnknownVersionError,
    VersionDriftedError,
)
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.releases.plan import PlannedDag, ReleaseReport, in_order
from airflow_providers_pinning.domain.releases.release import (
    Progress,
    check_access,
    find_repeated,
    keep,
    read_pins,
    refuse_blocked,
)
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identities_of, pinned_identity
from airflow_providers_pinning.models import Pin, Release, ReleaseDag
from airflow_providers_pinning.vocabulary import EventKind, ReleaseAction, ReleaseOutcome


@dataclass(frozen=True)
class RollbackRequest:
    """Which release to roll back, and what to do about Dags that somebody changed since."""

    release_id: str
    leave_moved: bool = False
    """Leave Dags as they are that were changed since; else they block."""
    exclude: tuple[str, ...] = ()
    """Dags that are left as they are."""

    def as_request(self) -> dict[str, Any]:
        """Return the request as plain values."""
        return {
            "action": ReleaseAction.ROLLBACK.value,
            "release_id": self.release_id,
            "leave_moved": self.leave_moved,
            "exclude": sorted(self.exclude),
        }


def plan_rollback(request: RollbackRequest, change: Change, access: Access, *, session: Session) -> ReleaseReport:
    """
    Say what the rollback of a release would do. Nothing is locked.

    :raises UnknownReleaseError: if there is no such release, or none of its Dags is the caller's to see
    :raises ReleaseRolledBackError: if it was rolled back already
    :raises DagsForbiddenError: if the caller may not change one of its Dags
    """
    release, rows = _read(request, access, lock=False, session=session)
    found = read_pins(rows, session=session)
    return _Rollback(release, rows, request, change, None, None, session).run(found)


def roll_back_release(
    request: RollbackRequest,
    change: Change,
    access: Access,
    *,
    progress: Progress | None = None,
    session: Session,
) -> ReleaseReport:
    """
    Make active again, for each Dag of a release, what was active before it; all of them, or none.

    A Dag that was not pinned before is pinned to the version that was active then, so that it runs what it ran. If the
    release pinned it to that very version, it is unpinned.

    :param request: which release
    :param change: who asks, why, and what is overridden
    :param access: what the caller may do
    :param progress: is told how far it got
    :param session: database session; the caller commits
    :raises ReleaseBlockedError: if a Dag cannot be changed, or moved since and is not to be left
    :raises PinningError: whatever :func:`plan_rollback` raises
    """
    if repeated := find_repeated(change, request.as_request(), session=session):
        return repeated
    release, rows = _read(request, access, lock=False, session=session)
    locked = lock_pins(list(rows), session=session)
    if repeated := find_repeated(change, request.as_request(), session=session):
        return repeated
    # Another rollback may have waited for the same locks.
    release, _ = _read(request, access, lock=True, session=session)
    release_id = str(uuid6.uuid7())
    report = _Rollback(release, rows, request, change, release_id, progress, session).run(locked)
    refuse_blocked(report)
    release.rolled_back_by = release_id
    return keep(report, change, request.as_request(), rolls_back=release.id, session=session)


def _read(
    request: RollbackRequest, access: Access, *, lock: bool, session: Session
) -> tuple[Release, dict[str, ReleaseDag]]:
    release = session.get(Release, request.release_id, with_for_update=lock, populate_existing=lock)
    rows = select(ReleaseDag).where(
        ReleaseDag.release_id == request.release_id, ReleaseDag.outcome == ReleaseOutcome.CHANGED.value
    )
    found = {row.dag_id: row for row in session.scalars(rows)} if release else {}
    visible = access.readable is None or bool(access.readable & found.keys())
    if release is None or not visible:
        raise UnknownReleaseError(
            f"There is no release {request.release_id!r}. List the releases to find its id.",
            release_id=request.release_id,
        )
    if release.rolled_back_by:
        raise ReleaseRolledBackError(
            f"Release {release.id} was rolled back already, by {release.rolled_back_by}. Nothing was changed now.",
            release_id=release.id,
            rolled_back_by=release.rolled_back_by,
        )
    check_access(found.keys() - set(request.exclude), (), access, session=session)
    return release, found


class _Rollback:
    """One rollback under way."""

    def __init__(
        self,
        release: Release,
        rows: Mapping[str, ReleaseDag],
        request: RollbackRequest,
        change: Change,
        release_id: str | None,
        progress: Progress | None,
        session: Session,
    ) -> None:
        self._release = release
        self._rows = rows
        self._request = request
        self._change = conditions.of_one_dag(change)
        self._release_id = release_id
        self._progress = progress
        self._session = session
        self._now = database_clock(session=session)
        self._done: dict[str, PlannedDag] = {}

    def run(self, found: Mapping[str, Pin]) -> ReleaseReport:
        """Go through the Dags, some at a time."""
        moving = [dag_id for dag_id in sorted(self._rows) if self._moves(dag_id, found.get(dag_id))]
        for page in pages(moving, DAGS_AT_ONCE):
            self._roll_back({dag_id: found[dag_id] for dag_id in page})
            if self._progress is not None:
                self._progress(len(self._done), len(self._rows))
        return ReleaseReport(
            action=ReleaseAction.ROLLBACK,
            dags=in_order(self._done.values()),
            release_id=self._release_id,
            bundle_name=self._release.bundle_name,
            bundle_version=self._release.bundle_version,
            rolls_back=self._release.id,
        )

    def _moves(self, dag_id: str, pin: Pin | None) -> bool:
        row = self._rows[dag_id]
        if dag_id in self._request.exclude:
            self._leave(dag_id, "excluded", "It was excluded from the rollback.")
            return False
        if pin is not None and pin.revision == row.revision:
            return True
        if pin is None:
            message = "The Dag is not there any more."
        else:
            message = (
                f"The pin was changed since the release, by {pin.actor} ({pin.reason}): it is at revision "
                f"{pin.revision}, not {row.revision}."
            )
        if self._request.leave_moved:
            self._leave(dag_id, "moved", message)
        elif pin is None:
            self._block(dag_id, UnknownDagError(message))
        else:
            error = RevisionConflictError(
                f"{message} Roll it back on its own, or leave Dags that moved since (CLI: --leave-moved)."
            )
            self._block(dag_id, error)
        return False

    def _roll_back(self, found: Mapping[str, Pin]) -> None:
        targets = {dag_id: self._target(dag_id) for dag_id in found}
        ids = [version.dag_version_id for version in targets.values() if version]
        present = {one.dag_version_id: one for one in identities_of(ids, session=self._session)} if ids else {}
        back = []
        for dag_id, pin in found.items():
            target = targets[dag_id]
            if target is None:
                continue
            try:
                self._check(dag_id, pin, target, present.get(target.dag_version_id))
                back.append(Activation(pin, target))
            except PinningError as error:
                self._block(dag_id, error)
        self._activate(back)
        self._unpin({dag_id: pin for dag_id, pin in found.items() if targets[dag_id] is None})

    def _target(self, dag_id: str) -> VersionIdentity | None:
        """Return the version to pin; ``None`` if the Dag is to be unpinned."""
        row = self._rows[dag_id]
        if row.from_version is None or (not row.was_pinned and row.from_version == row.to_version):
            return None
        return VersionIdentity.from_dict(row.from_version)

    def _check(self, dag_id: str, pin: Pin, target: VersionIdentity, present: VersionIdentity | None) -> None:
        if present is None:
            raise UnknownVersionError(f"Dag {dag_id!r}, {target.label}, is gone.", dag_id=dag_id)
        if present != target:
            raise VersionDriftedError(
                f"Dag {dag_id!r}, {target.label}, is not what it was before the release: it is now {present.label} "
                f"with hash {present.dag_hash}.",
                dag_id=dag_id,
            )
        if target.version_number > (pin.version_number or 0):
            conditions.check_hold(pin, self._change, now=self._now, session=self._session)

    def _activate(self, back: Collection[Activation]) -> None:
        if not back:
            return
        examined = activation.examine(EventKind.ROLLED_BACK, list(back), self._change, session=self._session)
        for dag_id, error in examined.refused.items():
            self._block(dag_id, error)
        changing = [one for one in examined.ready if not one.changes_nothing]
        was_pinned = {one.dag_id: one.pin.dag_version_id is not None for one in changing}
        told = {one.dag_id: one.warnings for one in changing}
        if self._writes and changing:
            told = activation.write(
                EventKind.ROLLED_BACK,
                changing,
                self._change,
                {one.dag_id: self._request_of(one.dag_id) for one in changing},
                examined.rows,
                release_id=self._release_id,
                session=self._session,
            )
        for one in examined.ready:
            self._done[one.dag_id] = PlannedDag(
                one.dag_id,
                ReleaseOutcome.CHANGED if one.dag_id in told else ReleaseOutcome.UNCHANGED,
                was_pinned=was_pinned.get(one.dag_id, True),
                from_version=one.from_version,
                to_version=one.version,
                revision=one.pin.revision,
                warnings=told.get(one.dag_id, ()),
            )

    def _unpin(self, found: Mapping[str, Pin]) -> None:
        latest = latest_of(list(found), session=self._session)
        for dag_id, pin in found.items():
            before, version = pinned_identity(pin), latest.get(dag_id)
            if before is None:
                self._leave(dag_id, "not_pinned", "It is not pinned.")
                continue
            warnings: tuple[str, ...] = ()
            try:
                conditions.check_hold(pin, self._change, now=self._now, session=self._session)
                if self._writes:
                    warnings = pins.lift(
                        pin,
                        version,
                        # An incident never waits for a change that is pending.
                        replace(self._change, supersede=True),
                        self._request_of(dag_id),
                        release_id=self._release_id,
                        session=self._session,
                    )
            except PinningError as error:
                self._block(dag_id, error)
                continue
            self._done[dag_id] = PlannedDag(
                dag_id,
                ReleaseOutcome.CHANGED,
                was_pinned=True,
                from_version=before,
                to_version=version,
                revision=pin.revision,
                warnings=warnings,
            )

    @property
    def _writes(self) -> bool:
        blocked = any(dag.outcome is ReleaseOutcome.BLOCKED for dag in self._done.values())
        return self._release_id is not None and not blocked

    def _leave(self, dag_id: str, reason: str, message: str) -> None:
        self._done[dag_id] = PlannedDag(dag_id, ReleaseOutcome.LEFT, reason=reason, message=message)

    def _block(self, dag_id: str, error: PinningError) -> None:
        self._done[dag_id] = PlannedDag.blocked(dag_id, error)

    def _request_of(self, dag_id: str) -> dict[str, Any]:
        return {"action": "release", "dag_id": dag_id, "release_id": self._release_id}
