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
"""Roll back: make the version that was active before active again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from sqlalchemy import Row, literal, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import checks, events, pins
from airflow_providers_pinning.domain.errors import NothingToRollBackToError, RevisionConflictError
from airflow_providers_pinning.domain.events import Change, EventKind
from airflow_providers_pinning.domain.identity import (
    VersionIdentity,
    find_version,
    identities_of,
    identity_of,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.managed import VersionState, manage, managed_versions
from airflow_providers_pinning.domain.repetition import state_of_repeated
from airflow_providers_pinning.domain.state import ReleaseState, release_state
from airflow_providers_pinning.models import Event, ManagedVersion, Pin

HISTORY_PAGE = 100
"""How many changes of the history are read at a time."""


def roll_back(
    dag_id: str,
    change: Change,
    *,
    to_version: int | None = None,
    from_version: int | None = None,
    reject_current: bool = True,
    hold: bool = False,
    session: Session,
) -> ReleaseState:
    """
    Pin the version that was active before the present one. A hold stays, and stands in the way only of newer versions.

    :param dag_id: the Dag
    :param change: who asks, why, and under which conditions
    :param to_version: the version number to return to, instead of the one that was active before
    :param from_version: the version number that the caller believes to be active; while the Dag is not pinned, that
        changes without a new revision
    :param reject_current: mark the present version as not to be pinned; one without a bundle version cannot be pinned
        anyway, so nothing is marked and the returned state warns
    :param hold: take no further change without an override
    :param session: database session; the caller commits
    :raises RevisionConflictError: if the pin, or the active version, is another than the caller expected
    :raises NothingToRollBackToError: if no earlier version can be pinned
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.pins.pin_version` raises
    """
    request = {
        "action": "rollback",
        "dag_id": dag_id,
        "to_version": to_version,
        "reject_current": reject_current,
        "hold": hold,
    }
    pin = pins.lock_pin(dag_id, session=session)
    if repeated := events.find_repeated(change, request, session=session):
        return state_of_repeated(repeated, session=session)
    checks.check_revision(dag_id, pin, change, session=session)
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if current is not None and from_version not in (None, current.version_number):
        raise RevisionConflictError(
            f"Dag {dag_id!r} uses {current.label}, not version {from_version}: a newer one was registered. Look at the "
            "current state and decide again.",
            state=release_state(dag_id, session=session),
        )
    if to_version is None:
        target = _active_before(dag_id, pin, current, session=session)
    else:
        target = find_version(dag_id, version_number=to_version, session=session)
    if target is None or current is None or target.dag_version_id == current.dag_version_id:
        raise NothingToRollBackToError(
            f"Dag {dag_id!r} has no other version that was active before and is neither rejected nor gone. "
            "Name a version with to_version, or restore a rejected one.",
            dag_id=dag_id,
        )
    if target.version_number > current.version_number:
        checks.check_hold(pin, change)
    is_versioned = current.bundle_version is not None
    rejected = reject_current and is_versioned and identity_of(current.dag_version_id, session=session) is not None
    if rejected:
        # Before the other is activated, which may stop managing versions: a rejected one takes nobody's place.
        manage(dag_id, current, VersionState.REJECTED, reason=change.reason, session=session)
    return pins.activate(
        EventKind.ROLLED_BACK,
        pin,
        target,
        change,
        request,
        hold=hold,
        evidence={"rejected": current.version_number} if rejected else None,
        warnings=_warn_of_unversioned(dag_id, current) if reject_current and not is_versioned else (),
        session=session,
    )


def _warn_of_unversioned(dag_id: str, current: VersionIdentity) -> tuple[str, ...]:
    return (
        f"Dag {dag_id!r}, {current.label}, was not rejected: it has no bundle version, so it cannot be pinned anyway. "
        "Serve the Dag from a bundle that supports versioning before you unpin it.",
    )


def target_of_rollback(dag_id: str, *, session: Session) -> VersionIdentity | None:
    """
    Find the version that a rollback would pin now, or ``None`` if there is none.

    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    pin = session.get(Pin, dag_id) or Pin(dag_id=dag_id)
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    return _active_before(dag_id, pin, current, session=session)


def _active_before(
    dag_id: str, pin: Pin, current: VersionIdentity | None, *, session: Session
) -> VersionIdentity | None:
    """
    Find the version that was active before the current one.

    Activations are read as a stack: a version's predecessor is what was active when it was pinned, not
    when it was rolled back to, so rolling back twice goes two steps back instead of forth and back.
    While the Dag is not pinned, versions go live as they are registered; the one before is the newest
    older one that has runs, back to the unpinning, and the history of pins before that.
    """
    if current is None:
        return None
    unpinned = pin.dag_version_id is None
    registered = _registered_before(dag_id, current, session=session) if unpinned else None
    found = unpinned
    for number, page in enumerate(_pages_of_history(dag_id, session=session)):
        went_live = (page[0].to_version or {}).get("version_number", 0)
        if number == 0 and registered and registered.version_number >= went_live:
            return registered
        wanted = []
        for event in page:
            chosen = event.kind != EventKind.ROLLED_BACK.value
            found = found or (chosen and (event.to_version or {}).get("dag_version_id") == str(current.dag_version_id))
            if found:
                wanted.append(event.from_version)
        if before := _first_usable(wanted, current, session=session):
            return before
    return registered if unpinned else _registered_before(dag_id, current, session=session)


def _pages_of_history(dag_id: str, *, session: Session) -> Iterator[Sequence[Row]]:
    """Yield the changes of the active version, newest first, some at a time: there may be thousands."""
    query = (
        select(Event.id, Event.kind, Event.from_version, Event.to_version)
        .where(
            Event.dag_id == dag_id,
            Event.kind.in_((EventKind.PINNED.value, EventKind.UNPINNED.value, EventKind.ROLLED_BACK.value)),
        )
        .order_by(Event.id.desc())
        .limit(HISTORY_PAGE)
    )
    page = session.execute(query).all()
    while page:
        yield page
        page = session.execute(query.where(Event.id < page[-1].id)).all() if len(page) == HISTORY_PAGE else []


def _first_usable(
    recorded: Sequence[dict | None], current: VersionIdentity, *, session: Session
) -> VersionIdentity | None:
    """Return the first of the recorded versions that is still what it was and may be pinned."""
    others = [one for one in recorded if one and one["dag_version_id"] != str(current.dag_version_id)]
    if not others:
        return None
    ids = {UUID(one["dag_version_id"]) for one in others}
    present = {str(version.dag_version_id): version for version in identities_of(ids, session=session)}
    rejected = {
        row.dag_version_id for row in managed_versions(ids, session=session) if row.state == VersionState.REJECTED.value
    }
    for one in others:
        version = present.get(one["dag_version_id"])
        if version is None or version.as_dict() != one or version.bundle_version is None:
            continue
        if version.dag_version_id not in rejected:
            return version
    return None


def _registered_before(dag_id: str, current: VersionIdentity, *, session: Session) -> VersionIdentity | None:
    """Without pins, the version before was the newest older one that has runs."""
    # Without the Dag's id, which would lead some databases through all of its runs for each version.
    has_runs = select(literal(1)).where(DagRun.created_dag_version_id == DagVersion.id).exists()
    rejected = (
        select(literal(1))
        .where(ManagedVersion.dag_version_id == DagVersion.id, ManagedVersion.state == VersionState.REJECTED.value)
        .exists()
    )
    dag_version_id = session.scalar(
        select(DagVersion.id)
        .where(
            DagVersion.dag_id == dag_id,
            DagVersion.version_number < current.version_number,
            DagVersion.bundle_version.is_not(None),
            has_runs,
            ~rejected,
        )
        .order_by(DagVersion.version_number.desc())
        .limit(1)
    )
    return identity_of(dag_version_id, session=session) if dag_version_id else None
