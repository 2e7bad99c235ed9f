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
"""
Apply a document of pins as a release: all of them or none.

Listed Dags are pinned to the given versions. A pin that already matches is left as it is, with its pending change. A
Dag that the document owns but does not list is unpinned. Nothing else is touched, and if nothing differs, nothing is
locked or recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import uuid6
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import much_work
from airflow_providers_pinning.domain.changes.pin_row import lock_pins, read_pins
from airflow_providers_pinning.domain.errors import UnknownDagError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.matching import facts_of, matches
from airflow_providers_pinning.domain.releases.access import check_access
from airflow_providers_pinning.domain.releases.dependencies import report_of_work
from airflow_providers_pinning.domain.releases.document import DocumentedPin, PinsDocument
from airflow_providers_pinning.domain.releases.documented import choose_documented
from airflow_providers_pinning.domain.releases.ledger import find_repeated, keep, refuse_blocked, with_seen_rules
from airflow_providers_pinning.domain.releases.plan import PlannedDag, ReleaseReport, in_order
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.releases.work import Progress, Work
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind, ReleaseAction, ReleaseOutcome

UNLISTED = "unlisted"
"""Reason for unpinning a Dag."""


def plan_apply(document: PinsDocument, change: Change, access: Access, *, session: Session) -> ReleaseReport:
    """
    Plan what applying a document would change, what it would leave, and what blocks it. No Dag is locked.

    :param document: the document of pins
    :param change: who asks, why, and what they override
    :param access: the permissions of the caller
    :param session: database session
    :raises DagsForbiddenError: if the caller may not change one of the Dags
    :raises NotEnforcedError: if a live component runs without the enforcement
    """
    dag_ids = _concerned(document, access, session=session)
    sorted_ = _sort(document, read_pins(dag_ids, session=session), dag_ids)
    work = Work(EventKind.PINNED, change, None, total=len(dag_ids), progress=None, session=session)
    return with_seen_rules(_carry_out(sorted_, work, session=session), session=session)


def apply(
    document: PinsDocument,
    change: Change,
    access: Access,
    *,
    progress: Progress | None = None,
    session: Session,
) -> ReleaseReport:
    """
    Make pins what a document says: all that it concerns, or none.

    :param document: the document of pins
    :param change: who asks, why, and what they override
    :param access: the permissions of the caller
    :param progress: receives the progress
    :param session: database session; the caller commits
    :return: the release; without an id if nothing was to change
    :raises ReleaseBlockedError: if a Dag cannot be changed; it names each, with its reason
    :raises IdempotencyKeyReusedError: if the key was sent with another request
    :raises PinningError: whatever :func:`plan_apply` raises
    """
    if repeated := find_repeated(change, document.as_request(), access, session=session):
        return repeated
    dag_ids = _concerned(document, access, session=session)
    unlocked = _sort(document, read_pins(dag_ids, session=session), dag_ids)
    if unlocked.changes_nothing:
        return ReleaseReport(ReleaseAction.APPLY, in_order(unlocked.others.values()))
    locked = lock_pins(dag_ids, session=session)
    # The same request may also have waited for these locks.
    if repeated := find_repeated(change, document.as_request(), access, session=session):
        return repeated
    release_id = str(uuid6.uuid7())
    work = Work(EventKind.PINNED, change, release_id, total=len(dag_ids), progress=progress, session=session)
    report = _carry_out(_sort(document, locked, dag_ids), work, session=session)
    refuse_blocked(report)
    if not report.of(ReleaseOutcome.CHANGED):
        return report
    return keep(replace(report, release_id=release_id), change, document.as_request(), session=session)


def _concerned(document: PinsDocument, access: Access, *, session: Session) -> set[str]:
    """Return the listed Dags of a document, and the pinned Dags that it owns."""
    owned = _owned(document, session=session)
    if access.readable is not None:
        # As for the conditions of a release: only what the caller may see, so that they reveal no others.
        owned &= access.readable.among(owned)
    dag_ids = owned | document.pins.keys()
    check_access(dag_ids, document.pins.keys(), access, session=session)
    return dag_ids


def _owned(document: PinsDocument, *, session: Session) -> set[str]:
    owns = document.owns
    if owns is None:
        return set()
    pinned = session.scalars(select(Pin.dag_id).where(Pin.dag_version_id.is_not(None))).all()
    found = facts_of(pinned, owns.as_dict().keys(), session=session)
    return {dag_id for dag_id, facts in found.items() if matches(owns, facts)}


@dataclass
class _Sorted:
    """What to do with each Dag."""

    pins: Mapping[str, Pin]
    wanted: dict[str, DocumentedPin] = field(default_factory=dict)
    """Dags to pin to another version."""
    lifted: dict[str, Pin] = field(default_factory=dict)
    """Pins to lift."""
    others: dict[str, PlannedDag] = field(default_factory=dict)
    """Dags that stay as they are, or do not exist."""

    @property
    def changes_nothing(self) -> bool:
        blocked = any(dag.outcome is ReleaseOutcome.BLOCKED for dag in self.others.values())
        return not (self.wanted or self.lifted or blocked)


def _sort(document: PinsDocument, pins: Mapping[str, Pin], dag_ids: Collection[str]) -> _Sorted:
    found = _Sorted(pins)
    for dag_id in sorted(dag_ids):
        listed, pin = document.pins.get(dag_id), pins.get(dag_id)
        present = pinned_identity(pin) if pin is not None else None
        if pin is None and listed is not None:
            found.others[dag_id] = PlannedDag.blocked(
                dag_id, UnknownDagError(f"Dag {dag_id!r} not found. Check the ID, or wait for it to be parsed.")
            )
        elif pin is None or (listed is None and present is None):
            # An owned Dag that went away, or was unpinned, since the owned ones were read.
            continue
        elif listed is None:
            found.lifted[dag_id] = pin
        elif present is not None and not listed.differences(present):
            found.others[dag_id] = _as_it_is(pin, present)
        else:
            found.wanted[dag_id] = listed
    return found


def _as_it_is(pin: Pin, version: VersionIdentity) -> PlannedDag:
    pending = []
    if pin.pending_from:
        pending.append(f"A change of Dag {pin.dag_id!r} is pending, which the document leaves.")
    if pin.ramp_id:
        pending.append(f"A ramp of Dag {pin.dag_id!r} is under way, which the document leaves.")
    return PlannedDag(
        pin.dag_id,
        ReleaseOutcome.UNCHANGED,
        was_pinned=True,
        from_version=version,
        to_version=version,
        revision=pin.revision,
        warnings=tuple(pending),
    )


@much_work()
def _carry_out(sorted_: _Sorted, work: Work, *, session: Session) -> ReleaseReport:
    work.done |= sorted_.others
    chosen = choose_documented(sorted_.wanted, session=session)
    work.done |= chosen.others

    def check(pin: Pin, version: VersionIdentity) -> None:
        if pinned_identity(pin) != version:
            work.check_hold(pin)

    work.activate(chosen.versions, sorted_.pins, check=check, warnings=chosen.warnings)
    work.lift(sorted_.lifted)
    for dag_id in sorted_.lifted:
        if work.done[dag_id].outcome is ReleaseOutcome.CHANGED:
            message = "The document owns the Dag and does not list it, so it is unpinned."
            work.done[dag_id] = replace(work.done[dag_id], reason=UNLISTED, message=message)
    return report_of_work(work, ReleaseAction.APPLY, session=session)
