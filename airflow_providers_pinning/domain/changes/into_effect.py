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
Apply a due change, or record why the Dag keeps its version.

This is one transaction, which locks the Dag and checks that the change is still pending: only one of several
schedulers makes it, and a killed one leaves no trace. The database's clock decides whether it is due.

A change of the schedule waits until the old schedule has created its earlier runs, if a scheduler was late or the Dag
is at its run limit. Other runs do not wait: they get the version for their time, see
:mod:`airflow_providers_pinning.domain.resolution.timeline`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions, pins, rollback
from airflow_providers_pinning.domain.changes.obstacles import obstacle_to
from airflow_providers_pinning.domain.changes.pending import described, end, facts_of, pending_row
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.released import note_in_release, release_of
from airflow_providers_pinning.domain.changes.stored_caller import stored_caller
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.first_run import begin_schedule, has_same_schedule
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag, active_serialized_dag, as_parsed
from airflow_providers_pinning.domain.errors import (
    PinningError,
    VersionUnreadableError,
)
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
)
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import BreakerState, CallerKind, EventKind, TimedAction, TimedStatus

log = logging.getLogger(__name__)


def put_into_effect(change_id: int, dag_id: str, *, session: Session) -> bool:
    """
    Apply one change, or record why it cannot be applied. Only one of several concurrent callers does it.

    :param change_id: the change
    :param dag_id: its Dag
    :param session: database session; the caller commits
    :return: whether it must wait for the old schedule
    """
    pin = lock_pin(dag_id, session=session)
    pending = pending_row(pin, session=session)
    if pending is None or pending.id != change_id or pending.effective_from > database_clock(session=session):
        _drop_if_stray(change_id, pin, session=session)
        return False
    same_schedule = _has_same_schedule(pending, session=session)
    unreadable = None
    if not same_schedule and _waits(pin, pending, session=session):
        unreadable = _why_unreadable(dag_id, session=session)
        if unreadable is None:
            return True
    savepoint = session.begin_nested()
    try:
        _make(pin, pending, same_schedule=same_schedule, unreadable=unreadable, session=session)
        savepoint.commit()
    except PinningError as error:
        savepoint.rollback()
        fail(dag_id, error.reason, error.message, session=session)
    return False


def _drop_if_stray(change_id: int, pin: Pin, *, session: Session) -> None:
    """Abandon a change that the Dag's pin does not know: another change ignored it."""
    stray = session.get(TimedChange, change_id, populate_existing=True)
    if stray is not None and stray.status == TimedStatus.PENDING.value and pin.pending_from is None:
        end(pin, stray, TimedStatus.CANCELED, message="the pin was changed", session=session)


def _has_same_schedule(pending: TimedChange, *, session: Session) -> bool:
    present = active_serialized_dag(pending.dag_id, session=session)
    target = _target(pending, session=session)
    if present is None or target is None:
        return False
    of_target = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == target.dag_version_id)
    stored = session.scalar(of_target)
    return has_same_schedule(present.data, stored.data if stored else None)


def _target(pending: TimedChange, *, session: Session) -> VersionIdentity | None:
    if pending.to_version:
        return VersionIdentity.from_dict(pending.to_version)
    return latest_identity(pending.dag_id, session=session)


def _waits(pin: Pin, pending: TimedChange, *, session: Session) -> bool:
    """Return whether the old schedule still has to create runs that are due before the change."""
    dag_model = session.get_one(DagModel, pending.dag_id, populate_existing=True)
    after = dag_model.next_dagrun_create_after
    if after is None or after >= pending.effective_from:
        return False
    # The change may be the very decision that the automatic rollback waits for.
    waits_itself = pin.breaker == BreakerState.WAITING.value
    makes_none = dag_model.is_paused or dag_model.is_stale or dag_model.has_import_errors or waits_itself
    allowed = dag_model.allowed_run_types
    if makes_none or (allowed is not None and DagRunType.SCHEDULED not in allowed):
        return False
    return active_serialized_dag(pending.dag_id, session=session) is not None


def _why_unreadable(dag_id: str, *, session: Session) -> str | None:
    """Return why the old schedule can never create its remaining runs."""
    if (present := active_serialized_dag(dag_id, session=session)) is None:
        return None
    try:
        as_parsed(present).check_readable()
    except VersionUnreadableError as error:
        return error.message
    return None


def _make(pin: Pin, pending: TimedChange, *, same_schedule: bool, unreadable: str | None, session: Session) -> None:
    """Make the change like an immediate one, and record when it takes effect."""
    dag_id, moment = pending.dag_id, pending.effective_from
    before = pinned_identity(pin) or latest_identity(dag_id, session=session)
    dag_model = session.get_one(DagModel, dag_id)
    old_next = dag_model.next_dagrun_create_after
    # Of a Dag that is paused, for instance, nothing was made: the runs before are the new schedule's to make.
    # What an unreadable version still had to make, nothing can make.
    begins = not same_schedule and (old_next is None or old_next >= moment or unreadable is not None)
    earlier = pin.timeline_id
    pin.pending_from, pending.status = None, TimedStatus.IN_EFFECT.value
    pending.ended_at = database_clock(session=session)
    pending.from_version = before.as_dict() if before else None
    session.flush()
    _change(pending, pin, unreadable, session=session)
    pin.effective_from, pin.timeline_id = moment, earlier if earlier is not None else pending.id
    if begins:
        pin.schedule_from = moment
        if dag := active_dag(dag_id, session=session):
            begin_schedule(dag_model, dag, moment)
    session.flush()
    note_in_release(pin, pending, session=session)


def _change(pending: TimedChange, pin: Pin, unreadable: str | None, *, session: Session) -> None:
    dag_id, options = pending.dag_id, pending.options
    change = _as_asked(pending, obstructed=obstacle_to(pending, pin, session=session) is not None)
    if unreadable is not None:
        change = replace(change, evidence={**change.evidence, "old_schedule": {"unreadable": unreadable}})
    if pending.action == TimedAction.UNPIN.value:
        pins.unpin(dag_id, change, session=session)
        return
    recorded = VersionIdentity.from_dict(pending.to_version or {})
    version = find_version(dag_id, dag_version_id=recorded.dag_version_id, session=session)
    exact = Change(
        change.caller,
        change.reason,
        override_reason=change.override_reason,
        evidence=change.evidence,
        expected_dag_hash=recorded.dag_hash,
        expected_bundle_version=recorded.bundle_version,
        effective_from=pending.effective_from,
        release_id=change.release_id,
    )
    conditions.check_expected(dag_id, version, exact)
    if pending.action == TimedAction.PIN.value:
        target = pins.Target(dag_version_id=recorded.dag_version_id)
        pins.pin_version(dag_id, target, exact, ignore_verdict=bool(options.get("ignore_verdict")), session=session)
        return
    until = options.get("hold_until")
    rollback.roll_back(
        dag_id,
        exact,
        to_version=recorded.version_number,
        reject_current=bool(options.get("reject_current")),
        hold=bool(options.get("hold")),
        hold_until=datetime.fromisoformat(until) if until else None,
        session=session,
    )


def _as_asked(pending: TimedChange, *, obstructed: bool) -> Change:
    """Return the change for those who asked for it; what came up since is not overridden."""
    return Change(
        stored_caller(pending),
        pending.reason,
        override_reason=None if obstructed else pending.override_reason,
        evidence={"activation": facts_of(pending)},
        effective_from=pending.effective_from,
        release_id=release_of(pending),
    )


def fail(dag_id: str, reason: str, message: str, *, session: Session) -> None:
    """
    Leave the active version as it is, and record why.

    :param dag_id: the Dag of the change
    :param reason: the refusal, or ``unexpected``
    :param message: the problem, in a sentence
    :param session: database session; the caller commits
    """
    session.expire_all()
    pin = lock_pin(dag_id, session=session)
    pending = pending_row(pin, session=session)
    if pending is None:
        return
    what = described(pending)
    log.error("The %s of Dag %s did not take effect: %s", what, dag_id, message)
    end(pin, pending, TimedStatus.FAILED, message=message, result_reason=reason, session=session)
    pin.activation_failure = (
        f"The {what}, requested by {pending.actor}, did not take effect ({reason}): {message} The active version "
        "stays. Make the change again, now or for another time."
    )
    version = pinned_identity(pin) or latest_identity(dag_id, session=session)
    events.record(
        EventKind.ACTIVATION_FAILED,
        dag_id=dag_id,
        revision=pin.revision,
        change=Change(
            Caller(pending.actor, CallerKind(pending.actor_kind), pending.source),
            pending.reason,
            evidence={"activation": facts_of(pending)},
            release_id=release_of(pending),
        ),
        request={"action": "activate", "dag_id": dag_id},
        from_version=version,
        to_version=VersionIdentity.from_dict(pending.to_version) if pending.to_version else None,
        evidence={"refusal": {"reason": reason, "message": message}},
        session=session,
    )
    session.flush()
