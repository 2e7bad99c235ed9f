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
"""Find the target of a rollback: the newest previously active version that can be pinned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import has_live_runs
from airflow_providers_pinning.domain.changes import preconditions
from airflow_providers_pinning.domain.errors import PinningError, UnknownVersionError, VersionDriftedError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.circumstances import circumstances_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identities_of
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.vocabulary import EventKind

HISTORY_PAGE = 100
"""How many changes of the history to read at a time."""

REGISTERED_PAGE = 10
"""How many registered versions are read at a time; whether a version has live runs is asked for each."""

MAX_TOLD = 10
"""How many skipped versions to name."""


@dataclass(frozen=True)
class PassedOver:
    """A previously active version that cannot be restored."""

    version_number: int
    reason: str
    """Machine-readable reason of the refusal."""
    message: str


@dataclass(frozen=True)
class RollbackTarget:
    """Target of a rollback."""

    checked: preconditions.Checked | None
    """The version, if there is one."""
    passed_over: tuple[PassedOver, ...] = ()
    """What was active later, in the order in which it was looked at, and why it is not returned to."""
    current: VersionIdentity | None = None
    """The version that would be replaced."""
    runs: Mapping[str, int] = field(default_factory=dict)
    """How many live runs of that version there are since it was pinned, by state."""

    @property
    def version(self) -> VersionIdentity | None:
        """The version that is pinned, or ``None`` if there is nothing to roll back to."""
        return self.checked.version if self.checked else None

    def evidence(self) -> dict[str, Any]:
        """Return what the history keeps of the search."""
        told = [asdict(one) for one in self.passed_over[:MAX_TOLD]]
        return {"passed_over": told} if told else {}

    def warnings(self) -> tuple[str, ...]:
        """Say which versions were passed over, and why."""
        told = [
            f"Skipped version {one.version_number} ({one.reason}): {one.message}" for one in self.passed_over[:MAX_TOLD]
        ]
        if (more := len(self.passed_over) - MAX_TOLD) > 0:
            told.append(f"{more} more versions were skipped.")
        return tuple(told)


def find_target(
    dag_id: str,
    pin: Pin,
    current: VersionIdentity | None,
    change: Change,
    *,
    refused: Callable[[VersionIdentity], PassedOver | None] = lambda _: None,
    session: Session,
) -> RollbackTarget:
    """
    Find the version that was active before the current one and may be pinned, by the very checks of a pin.

    Versions that cannot be pinned are skipped, because a rollback at night must reach something that works. Rejected
    versions are skipped even with an override; they can be requested by number.

    :param dag_id: the Dag
    :param pin: its pin, which may choose nothing
    :param current: the active version
    :param change: who asks
    :param refused: says why a version that may be pinned is passed over nevertheless
    :param session: database session
    """
    if current is None:
        return RollbackTarget(None)
    asked = Change(change.caller, change.reason)
    seen = {str(current.dag_version_id)}
    passed_over = []
    for page in _active_before(dag_id, pin, current, session=session):
        recorded: dict[str, dict[str, Any]] = {}
        for one in page:
            if one["dag_version_id"] not in seen:
                recorded.setdefault(one["dag_version_id"], one)
        seen |= recorded.keys()
        ids = [UUID(version_id) for version_id in recorded]
        present = {str(one.dag_version_id): one for one in (identities_of(ids, session=session) if ids else ())}
        known = circumstances_of(dag_id, present.values(), session=session)
        for version_id, one in recorded.items():
            try:
                version = _as_it_was(dag_id, VersionIdentity.from_dict(one), present.get(version_id))
                checked = preconditions.check_pinnable(
                    dag_id, version, asked, known=known[version.dag_version_id], session=session
                )
            except PinningError as error:
                passed_over.append(PassedOver(one["version_number"], error.reason, error.message))
                continue
            if (why := refused(version)) is None:
                return RollbackTarget(checked, tuple(passed_over))
            passed_over.append(why)
    return RollbackTarget(None, tuple(passed_over))


def _as_it_was(dag_id: str, recorded: VersionIdentity, present: VersionIdentity | None) -> VersionIdentity:
    """
    Return the version if it is still what it was when it was active.

    :raises UnknownVersionError: if it is gone
    :raises VersionDriftedError: if it is something else now
    """
    data = {"dag_id": dag_id, "version_number": recorded.version_number}
    if present is None:
        raise UnknownVersionError(f"Dag {dag_id!r}, {recorded.label}, was deleted.", **data)
    if present != recorded:
        raise VersionDriftedError(
            f"Dag {dag_id!r}, {recorded.label}, was rewritten since it was active: it is now {present.label} with "
            f"hash {present.dag_hash}.",
            **data,
        )
    return present


def _active_before(
    dag_id: str, pin: Pin, current: VersionIdentity, *, session: Session
) -> Iterator[list[dict[str, Any]]]:
    """
    Yield the versions that were active before the current one as they were recorded, latest first, some at a time.

    Activations are read as a stack: a version's predecessor is what was active when it was pinned, not
    when it was rolled back to, so rolling back twice goes two steps back instead of forth and back.
    While the Dag is not pinned, versions go live as they are registered; the one before is the newest
    older one that has live runs, back to the unpinning, and the history of pins before that.
    """
    pages = _pages_of_history(dag_id, session=session)
    page = next(pages, None)
    below = current.version_number
    found = pin.dag_version_id is None
    if found:
        went_live = (page[0].to_version or {}).get("version_number", 0) if page else 0
        yield from _registered(dag_id, range(went_live, below), session=session)
        below = min(below, went_live)
    while page:
        recorded = []
        for event in page:
            chosen = event.kind != EventKind.ROLLED_BACK.value
            found = found or (chosen and (event.to_version or {}).get("dag_version_id") == str(current.dag_version_id))
            if found and event.from_version:
                recorded.append(event.from_version)
        yield recorded
        page = next(pages, None)
    yield from _registered(dag_id, range(below), session=session)


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


def _registered(dag_id: str, numbers: range, *, session: Session) -> Iterator[list[dict[str, Any]]]:
    """Yield the versions of these numbers that have live runs, newest first: without pins, they were active in turn."""
    below = numbers.stop
    while below > numbers.start:
        ids = session.scalars(
            select(DagVersion.id)
            .where(
                DagVersion.dag_id == dag_id,
                DagVersion.version_number >= numbers.start,
                DagVersion.version_number < below,
                has_live_runs(),
            )
            .order_by(DagVersion.version_number.desc())
            .limit(REGISTERED_PAGE)
        ).all()
        page = sorted(identities_of(ids, session=session), key=lambda one: one.version_number, reverse=True)
        if not page:
            return
        yield [one.as_dict() for one in page]
        below = page[-1].version_number if len(ids) == REGISTERED_PAGE else numbers.start
