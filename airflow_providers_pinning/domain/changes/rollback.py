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
"""Roll back: restore the previously active version."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.rejection import end_queued_canaries
from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.active_version import activate
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair, count_runs
from airflow_providers_pinning.domain.changes.hold import check_end
from airflow_providers_pinning.domain.changes.pending import settle_pending
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.changes.rollback_target import RollbackTarget, find_target
from airflow_providers_pinning.domain.changes.run_repair import Progress, carry_out
from airflow_providers_pinning.domain.changes.run_repair_plan import plan_repair, warn_of_repair
from airflow_providers_pinning.domain.errors import NothingToRollBackToError, RevisionConflictError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    identity_of,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.managed import VersionState, manage
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.vocabulary import EventKind


def roll_back(
    dag_id: str,
    change: Change,
    *,
    to_version: int | None = None,
    expected_version: int | None = None,
    reject_current: bool = True,
    hold: bool = False,
    hold_until: datetime | None = None,
    repair: RunRepair | None = None,
    session: Session,
) -> ReleaseState:
    """
    Pin the previously active version. A hold stays, and only blocks newer versions.

    Versions that cannot be pinned are skipped with a warning; a requested one is refused.

    :param dag_id: the Dag
    :param change: who asks, why, and under which conditions
    :param to_version: the version number to return to, instead of the one that was active before
    :param expected_version: the version number that the caller believes to be active; while the Dag is not pinned,
        that changes without a new revision
    :param reject_current: reject the current version; one without a bundle version cannot be pinned anyway, so
        nothing is marked and the returned state warns
    :param hold: block further changes without an override
    :param hold_until: when the hold expires; ``None`` keeps it until someone lifts it
    :param repair: what happens to the live runs of the current version; by default nothing.
    :func:`repair_runs` does it, once the rollback is committed
    :param session: database session; the caller commits
    :raises RunsNotRepairableError: if one of the runs cannot be repaired, unless such runs are to be skipped
    :raises TooManyRunsError: if there are more runs than one request repairs
    :raises RevisionConflictError: if the pin, or the active version, is another than the caller expected
    :raises NothingToRollBackToError: if no earlier version can be pinned
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.changes.pins.pin_version` raises
    """
    request: dict[str, Any] = {
        "action": "rollback",
        "dag_id": dag_id,
        "to_version": to_version,
        "reject_current": reject_current,
        "hold": hold,
    }
    if hold_until is not None:
        request["hold_until"] = hold_until.isoformat()
    repair = repair or RunRepair()
    if repair.is_wanted:
        request["repair"] = repair.as_request()
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    current = _check_current(dag_id, pin, change, expected_version, session=session)
    search = _search(dag_id, pin, current, change, to_version, session=session)
    if search.version.version_number > current.version_number:
        conditions.check_hold(pin, change, session=session)
    if hold:
        check_end(hold_until, session=session)
    # An incident never waits for a change that is pending, whatever that is.
    settled = settle_pending(pin, replace(change, supersede=True), session=session)
    report = plan_repair(dag_id, current, pin, repair, session=session)
    stopped = len(report.canceled)
    facts = _reject(dag_id, current, change, stopped=stopped, session=session) if reject_current else _Facts()
    evidence, warnings = search.target.evidence() | facts.evidence, settled + search.target.warnings() + facts.warnings
    if repair.is_wanted:
        evidence |= report.evidence(repair)
        warnings += warn_of_repair(dag_id, report, session=session)
    state = activate(
        EventKind.ROLLED_BACK,
        pin,
        search.version,
        change,
        request,
        checked=search.target.checked,
        hold=hold,
        hold_until=hold_until,
        evidence=evidence,
        warnings=warnings,
        session=session,
    )
    return replace(state, warnings=(*state.warnings, *facts.names), repair=report)


def repair_runs(
    state: ReleaseState, *, seconds: float | None = None, progress: Progress | None = None, session: Session
) -> ReleaseState:
    """
    Stop and rerun runs as planned by a rollback, after its commit.

    :param state: what :func:`roll_back` returned
    :param seconds: time limit; ``repair.pending`` of the returned state says how many runs are left then, with which
        the same rollback repeated goes on
    :param progress: is told how many of how many runs are done
    :param session: a session in which nothing is pending; each part is committed
    """
    if state.repair is None or not (state.repair.canceled or state.repair.rerun):
        return state
    revision = state.repeated.revision if state.repeated else state.revision
    report = carry_out(
        state.dag_id, revision, pending=state.repair.pending, seconds=seconds, progress=progress, session=session
    )
    return replace(state, repair=report)


def _check_current(
    dag_id: str, pin: Pin, change: Change, expected_version: int | None, *, session: Session
) -> VersionIdentity:
    """Return the active version, if it and the revision match what the caller saw."""
    try:
        conditions.check_revision(dag_id, pin, change, session=session)
    except RevisionConflictError as conflict:
        raise _already_done(dag_id, pin, change, session=session) or conflict from None
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if current is None:
        raise nothing_to_roll_back_to(dag_id)
    if expected_version not in (None, current.version_number):
        raise RevisionConflictError(
            f"Dag {dag_id!r} uses {current.label}, not version {expected_version}. Review the current state and "
            "try again.",
            state=release_state(dag_id, session=session),
        )
    return current


@dataclass(frozen=True)
class _Found:
    version: VersionIdentity
    target: RollbackTarget


def _search(
    dag_id: str, pin: Pin, current: VersionIdentity, change: Change, to_version: int | None, *, session: Session
) -> _Found:
    """Find the target version: the requested one, or the previously active one."""
    if to_version is None:
        target = find_target(dag_id, pin, current, change, session=session)
        version = target.version
    else:
        target = RollbackTarget(None)
        version = find_version(dag_id, version_number=to_version, session=session)
    if version is None or version.dag_version_id == current.dag_version_id:
        raise nothing_to_roll_back_to(dag_id, target)
    return _Found(version, target)


def nothing_to_roll_back_to(dag_id: str, target: RollbackTarget | None = None) -> NothingToRollBackToError:
    """Return the refusal for a Dag without a version to return to."""
    target = target or RollbackTarget(None)
    said = (
        f"Dag {dag_id!r} has no other previously active version that can be pinned. Choose a version with "
        "to_version (CLI: --to-version), or restore a rejected one.",
        *target.warnings(),
    )
    return NothingToRollBackToError(" ".join(said), dag_id=dag_id, **target.evidence())


@dataclass(frozen=True)
class _Facts:
    """Result of rejecting the version that is rolled back."""

    evidence: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def _reject(dag_id: str, current: VersionIdentity, change: Change, *, stopped: int, session: Session) -> _Facts:
    """Reject the version that is rolled back; of its live runs, as many are about to be stopped by the repair."""
    if current.bundle_version is None:
        return _Facts(warnings=_warn_of_unversioned(dag_id, current))
    if identity_of(current.dag_version_id, session=session) is None:
        return _Facts()
    # Before the other is activated, which may stop managing versions: a rejected one takes nobody's place.
    manage(dag_id, current, VersionState.REJECTED, reason=change.reason, session=session)
    runs = end_queued_canaries(dag_id, current, change, session=session)
    runs = replace(runs, live=max(runs.live - stopped, 0))
    return _Facts({"rejected": current.version_number, **runs.evidence()}, runs.warnings(), runs.names())


def _already_done(dag_id: str, pin: Pin, change: Change, *, session: Session) -> RevisionConflictError | None:
    """Report if someone else already rolled back from the revision that the caller saw."""
    event = session.scalar(
        select(Event)
        .where(Event.dag_id == dag_id, Event.kind == EventKind.ROLLED_BACK.value)
        .order_by(Event.id.desc())
        .limit(1)
    )
    if event is None or event.revision != pin.revision or change.expected_revision != pin.revision - 1:
        return None
    was, now = ((recorded or {}).get("version_number") for recorded in (event.from_version, event.to_version))
    return RevisionConflictError(
        f"Dag {dag_id!r} was already rolled back from version {was} to version {now} by {event.actor}: "
        f"{event.reason}. No change was made; nothing is left to do.",
        state=release_state(dag_id, session=session),
        already={
            "event_id": event.id,
            "actor": event.actor,
            "reason": event.reason,
            "at": event.created_at,
            "from_version": was,
            "to_version": now,
        },
    )


def _warn_of_unversioned(dag_id: str, current: VersionIdentity) -> tuple[str, ...]:
    return (
        f"Dag {dag_id!r}, {current.label}, was not rejected: it has no bundle version, so it cannot be pinned "
        "anyway. Before you unpin the Dag, serve it from a bundle that supports versioning.",
    )


def target_of_rollback(dag_id: str, caller: Caller, *, session: Session) -> RollbackTarget:
    """
    Find the version that a rollback would pin now, and those that it would skip.

    :param dag_id: the Dag
    :param caller: who would roll back
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    pin = session.get(Pin, dag_id) or Pin(dag_id=dag_id)
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    found = find_target(dag_id, pin, current, Change(caller, "preview"), session=session)
    runs = count_runs(dag_id, current, pin, session=session) if current else {}
    return replace(found, current=current, runs=runs)
