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
"""Roll back a release: restore what was active before for each of its Dags, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import uuid6
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import much_work, pages
from airflow_providers_pinning.domain.changes.pin_row import lock_pins, read_pins
from airflow_providers_pinning.domain.changes.released import release_of
from airflow_providers_pinning.domain.errors import (
    NothingToReleaseError,
    ReleaseRolledBackError,
    RevisionConflictError,
    UnknownDagError,
    UnknownReleaseError,
    UnknownVersionError,
    VersionDriftedError,
)
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.releases.access import check_access
from airflow_providers_pinning.domain.releases.as_released import is_as_released
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE
from airflow_providers_pinning.domain.releases.ledger import (
    find_repeated,
    keep,
    refuse_another_plan,
    refuse_blocked,
    with_seen_rules,
)
from airflow_providers_pinning.domain.releases.plan import ReleaseReport, in_order
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.releases.work import Progress, Work
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identities_of
from airflow_providers_pinning.models import Pin, Release, ReleaseDag, TimedChange
from airflow_providers_pinning.vocabulary import EventKind, ReleaseAction, ReleaseOutcome, TimedStatus


@dataclass(frozen=True)
class RollbackRequest:
    """Which release to roll back, and what to do about Dags that have changed since."""

    release_id: str
    leave_moved: bool = False
    """Skip Dags that have changed since. By default, they block the rollback."""
    exclude: tuple[str, ...] = ()
    """Dags to leave as they are."""
    expected_plan: str | None = None
    """Hash of the confirmed plan. A different plan is refused."""

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
    Plan the rollback of a release. No Dag is locked.

    :raises UnknownReleaseError: if there is no such release, or none of its Dags is the caller's to see
    :raises ReleaseRolledBackError: if it was rolled back already
    :raises DagsForbiddenError: if the caller may not change one of its Dags
    """
    release, rows = _read(request, access, lock=False, session=session)
    work = Work(EventKind.ROLLED_BACK, change, None, total=len(rows), progress=None, session=session)
    planned = _carry_out(request, release, rows, work, read_pins(rows, session=session), session=session)
    return with_seen_rules(planned, session=session)


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
    release pinned it to that very version, it is unpinned. What has not taken effect yet is canceled.

    :param request: which release
    :param change: who asks, why, and what they override
    :param access: the permissions of the caller
    :param progress: receives the progress
    :param session: database session; the caller commits
    :raises ReleaseBlockedError: if a Dag cannot be changed, or moved since and is not to be left
    :raises RevisionConflictError: if it would do something else than the plan that was confirmed
    :raises PinningError: whatever :func:`plan_rollback` raises
    """
    if repeated := find_repeated(change, request.as_request(), access, session=session):
        return repeated
    release, rows = _read(request, access, lock=False, session=session)
    locked = lock_pins(list(rows), session=session)
    if repeated := find_repeated(change, request.as_request(), access, session=session):
        return repeated
    # Another rollback, or a scheduler at the time of the release, may have had the same locks.
    release, rows = _read(request, access, lock=True, session=session)
    release_id = str(uuid6.uuid7())
    work = Work(EventKind.ROLLED_BACK, change, release_id, total=len(rows), progress=progress, session=session)
    report = replace(_carry_out(request, release, rows, work, locked, session=session), release_id=release_id)
    refuse_blocked(report)
    refuse_another_plan(report, request.expected_plan)
    release.rolled_back_by = release_id
    return keep(report, change, request.as_request(), rolls_back=release.id, session=session)


_TO_ROLL_BACK = (ReleaseOutcome.CHANGED.value, ReleaseOutcome.SCHEDULED.value)


def _read(
    request: RollbackRequest, access: Access, *, lock: bool, session: Session
) -> tuple[Release, dict[str, ReleaseDag]]:
    release = session.get(Release, request.release_id, with_for_update=lock, populate_existing=lock)
    rows = select(ReleaseDag).where(ReleaseDag.release_id == request.release_id)
    options = {"populate_existing": lock}
    concerned = {row.dag_id: row for row in session.scalars(rows, execution_options=options)} if release else {}
    visible = access.readable is None or bool(access.readable.among(concerned.keys()))
    if release is None or not visible:
        raise UnknownReleaseError(
            f"There is no release {request.release_id!r}. List the releases to find its ID.",
            release_id=request.release_id,
        )
    if release.rolled_back_by:
        raise ReleaseRolledBackError(
            f"Release {release.id} was already rolled back by {release.rolled_back_by}. No change was made.",
            release_id=release.id,
            rolled_back_by=release.rolled_back_by,
        )
    found = {dag_id: row for dag_id, row in concerned.items() if row.outcome in _TO_ROLL_BACK}
    if not found:
        raise NothingToReleaseError(
            f"Release {release.id} changed no Dag, and none of its changes is pending: there is nothing to roll back."
        )
    check_access(found.keys() - set(request.exclude), (), access, session=session)
    return release, found


@much_work()
def _carry_out(
    request: RollbackRequest,
    release: Release,
    rows: Mapping[str, ReleaseDag],
    work: Work,
    pins: Mapping[str, Pin],
    *,
    session: Session,
) -> ReleaseReport:
    work.cancel(_pending_of(request, rows, pins, session=session), pins)
    moving = [
        dag_id
        for dag_id in sorted(rows)
        if dag_id not in work.done and _moves(request, rows[dag_id], work, pins.get(dag_id), session=session)
    ]
    targets = {dag_id: target for dag_id in moving if (target := _target(rows[dag_id])) is not None}
    present: dict[Any, VersionIdentity] = {}
    for page in pages([target.dag_version_id for target in targets.values()], IDS_AT_ONCE):
        present |= {one.dag_version_id: one for one in identities_of(page, session=session)}

    def check(pin: Pin, target: VersionIdentity) -> None:
        _check_unchanged(pin.dag_id, target, present.get(target.dag_version_id))
        if target.version_number > (pin.version_number or 0):
            work.check_hold(pin)

    work.activate(targets, pins, check=check)
    work.lift(_pins_to_lift([dag_id for dag_id in moving if dag_id not in targets], work, pins))
    return ReleaseReport(
        action=ReleaseAction.ROLLBACK,
        dags=in_order(work.done.values()),
        bundle_name=release.bundle_name,
        bundle_version=release.bundle_version,
        rolls_back=release.id,
    )


def _pending_of(
    request: RollbackRequest, rows: Mapping[str, ReleaseDag], pins: Mapping[str, Pin], *, session: Session
) -> dict[str, TimedChange]:
    """Return the changes of the release that did not take effect yet."""
    waiting = [
        dag_id
        for dag_id, row in rows.items()
        if row.outcome == ReleaseOutcome.SCHEDULED.value and dag_id in pins and dag_id not in request.exclude
    ]
    found: dict[str, TimedChange] = {}
    for page in pages(sorted(waiting), IDS_AT_ONCE):
        pending = select(TimedChange).where(
            TimedChange.dag_id.in_(page), TimedChange.status == TimedStatus.PENDING.value
        )
        found |= {
            one.dag_id: one
            for one in session.scalars(pending)
            # Another one may have been left behind by an earlier release of this package.
            if release_of(one) == request.release_id and pins[one.dag_id].pending_from == one.effective_from
        }
    return found


def _moves(request: RollbackRequest, row: ReleaseDag, work: Work, pin: Pin | None, *, session: Session) -> bool:
    """Return whether a Dag is as the release left it, so it can be rolled back."""
    if row.dag_id in request.exclude:
        work.leave(row.dag_id, "excluded", "It was excluded from the rollback.")
        return False
    if pin is not None and is_as_released(row, pin, session=session):
        return True
    message = (
        "The Dag no longer exists."
        if pin is None
        else f"{pin.actor} changed the pin after the release ({pin.reason}): it is at revision "
        f"{pin.revision}, not {row.revision}."
    )
    if request.leave_moved:
        work.leave(row.dag_id, "moved", message)
    elif pin is None:
        work.block(Pin(dag_id=row.dag_id), None, UnknownDagError(message))
    else:
        remedy = "Roll it back separately, or skip such Dags (CLI: --leave-moved)."
        work.block(pin, None, RevisionConflictError(f"{message} {remedy}"))
    return False


def _target(row: ReleaseDag) -> VersionIdentity | None:
    """Return the version to pin; ``None`` to unpin the Dag."""
    if row.from_version is None or (not row.was_pinned and row.from_version == row.to_version):
        return None
    return VersionIdentity.from_dict(row.from_version)


def _check_unchanged(dag_id: str, target: VersionIdentity, present: VersionIdentity | None) -> None:
    if present is None:
        raise UnknownVersionError(f"Dag {dag_id!r}, {target.label}, was deleted.", dag_id=dag_id)
    if present != target:
        raise VersionDriftedError(
            f"Dag {dag_id!r}, {target.label}, was rewritten since before the release: it is now {present.label} "
            f"with hash {present.dag_hash}.",
            dag_id=dag_id,
        )


def _pins_to_lift(dag_ids: list[str], work: Work, pins: Mapping[str, Pin]) -> dict[str, Pin]:
    lifted = {}
    for dag_id in dag_ids:
        if pins[dag_id].dag_version_id is None:
            work.leave(dag_id, "not_pinned", "It is not pinned.")
        else:
            lifted[dag_id] = pins[dag_id]
    return lifted
