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
Pin, unpin and roll back, now or at a given time.

A change for a later time is checked twice: when it is requested, by making and undoing it, and when it takes effect,
by making it. So it needs no checks of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import conditions, obstacles, pins, rollback
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair
from airflow_providers_pinning.domain.changes.pending import facts_of, settle_pending, warn_of_runs_of_later
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.rehearsal import rehearsed
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.changes.stored_caller import rights_of
from airflow_providers_pinning.domain.changes.timed_many import check_ahead
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, latest_identity, pinned_identity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import EventKind, TimedAction, TimedStatus


def pin_version(
    dag_id: str, target: pins.Target, change: Change, *, ignore_verdict: bool = False, session: Session
) -> ReleaseState:
    """
    Pin a version, now or at ``change.effective_from``.

    :raises ActivationInPastError: if that is in the past
    :raises ActivationPendingError: if another change is pending, unless ``change.supersede`` is given
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.changes.pins.pin_version` raises
    """

    def pin(change: Change) -> ReleaseState:
        return pins.pin_version(dag_id, target, change, ignore_verdict=ignore_verdict, session=session)

    if change.effective_from is None:
        return pin(change)
    return _schedule(
        dag_id,
        TimedAction.PIN,
        change,
        pin,
        asked={"action": "pin", **target.as_request()},
        options={"ignore_verdict": ignore_verdict},
        session=session,
    )


def unpin(dag_id: str, change: Change, *, expected_version: int | None = None, session: Session) -> ReleaseState:
    """
    Unpin a Dag, now or at ``change.effective_from``: the latest version at that time becomes active.

    :raises ActivationInPastError: if that is in the past
    :raises ActivationPendingError: if another change is pending, unless ``change.supersede`` is given
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.changes.pins.unpin` raises
    """

    def take_pin_away(change: Change) -> ReleaseState:
        return pins.unpin(dag_id, change, expected_version=expected_version, session=session)

    if change.effective_from is None:
        return take_pin_away(change)
    return _schedule(
        dag_id, TimedAction.UNPIN, change, take_pin_away, asked={"action": "unpin"}, options={}, session=session
    )


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
    Roll back a Dag, now or at ``change.effective_from``, to the version found now.

    An immediate rollback cancels a pending change: an incident never waits.

    :param repair: only at once
    :raises ActivationInPastError: if the time is in the past
    :raises ActivationPendingError: if another change is pending and this one is for a time as well, unless
        ``change.supersede`` is given
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.changes.rollback.roll_back` raises
    """

    def go_back(change: Change) -> ReleaseState:
        return rollback.roll_back(
            dag_id,
            change,
            to_version=to_version,
            expected_version=expected_version,
            reject_current=reject_current,
            hold=hold,
            hold_until=hold_until,
            repair=repair,
            session=session,
        )

    if change.effective_from is None:
        return go_back(change)
    options = {
        "reject_current": reject_current,
        "hold": hold,
        "hold_until": hold_until and hold_until.isoformat(),
    }
    return _schedule(
        dag_id,
        TimedAction.ROLLBACK,
        change,
        go_back,
        asked={"action": "rollback", "to_version": to_version, **options},
        options=options,
        session=session,
    )


def _schedule(
    dag_id: str,
    action: TimedAction,
    change: Change,
    make: Callable[[Change], ReleaseState],
    *,
    asked: Mapping[str, Any],
    options: Mapping[str, Any],
    session: Session,
) -> ReleaseState:
    """Store a change for later, if it could be made now."""
    assert change.effective_from is not None  # noqa: S101 - for the type checker
    effective_from = change.effective_from.astimezone(timezone.utc)
    change = replace(change, effective_from=effective_from)
    request = {"dag_id": dag_id, **asked, "effective_from": effective_from.isoformat()}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    check_ahead(effective_from, session=session)
    settled = settle_pending(pin, change, session=session)
    present = pinned_identity(pin)
    if change.override_reason:
        # What comes up after the rehearsal must not be noted as known.
        locks.share_rules(session=session)
    would_be = rehearsed(make, replace(change, idempotency_key=None, expected_revision=None), session=session)
    version = would_be.active if would_be.pinned else None
    if version is not None and version == present:
        told = f"Version {version.version_number} is already pinned, so no change is pending."
        return release_state(dag_id, warnings=(*settled, told), session=session)
    warnings = tuple(one for one in would_be.warnings if one not in settled)
    rights = rights_of(dag_id, version, change, session=session)
    pending = _write(pin, action, change, version, {**options, **rights}, session)
    pending.options = {**pending.options, "known": obstacles.known(pending, pin, session=session)}
    warnings += warn_of_runs_of_later(pending, session=session)
    if version is not None and managed.managed_version(version.dag_version_id, session=session) is None:
        # Else the next commit could overwrite it before its time.
        managed.manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
    events.record(
        EventKind.ACTIVATION_SCHEDULED,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=present or latest_identity(dag_id, session=session),
        to_version=version,
        evidence={"activation": facts_of(pending), **({"warnings": list(warnings)} if warnings else {})},
        session=session,
    )
    return release_state(dag_id, warnings=(*settled, *warnings), session=session)


def _write(
    pin: Pin,
    action: TimedAction,
    change: Change,
    version: VersionIdentity | None,
    options: Mapping[str, Any],
    session: Session,
) -> TimedChange:
    pending = TimedChange(
        dag_id=pin.dag_id,
        action=action.value,
        effective_from=change.effective_from,
        status=TimedStatus.PENDING.value,
        to_version=version and version.as_dict(),
        options=dict(options),
        **change.as_columns(),
        created_at=database_clock(session=session),
    )
    session.add(pending)
    pin.revision += 1
    pin.pending_from = change.effective_from
    pin.activation_failure = None
    session.flush()
    return pending
