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
"""Hold a Dag, and lift the hold: while a Dag is on hold, only a rollback to an older version changes its pin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from airflow._shared.timezones import timezone
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.pin_row import lift_hold, lock_pin
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import HoldEndsInPastError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import (
    Hold,
    ReleaseState,
    hold_of,
    release_state,
    release_states,
)
from airflow_providers_pinning.domain.versions.identity import latest_identity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind


def hold(dag_id: str, change: Change, *, until: datetime | None = None, session: Session) -> ReleaseState:
    """
    Put a Dag on hold, pinned or not. This replaces an existing hold.

    :param dag_id: the Dag
    :param change: who asks and why; refused callers see the reason
    :param until: when the hold expires, by the database's clock; ``None`` keeps it until someone lifts it
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises HoldEndsInPastError: if the end is in the past
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    """
    _, repeated = _hold(dag_id, change, until, session=session)
    return repeated or release_state(dag_id, session=session)


def unhold(dag_id: str, change: Change, *, session: Session) -> ReleaseState:
    """
    Lift the hold of a Dag; without a hold, nothing changes.

    :raises UnknownDagError: if there is no such Dag
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    """
    _, repeated = _unhold(dag_id, change, session=session)
    return repeated or release_state(dag_id, session=session)


def hold_all(
    dag_ids: Collection[str], change: Change, *, until: datetime | None = None, session: Session
) -> list[ReleaseState]:
    """Put Dags on hold in one transaction, in the order of their ids; if one cannot be, none is."""
    now = database_clock(session=session)
    done = [_hold(dag_id, change, until, now=now, session=session) for dag_id in sorted(set(dag_ids))]
    return _states(done, now=now, session=session)


def unhold_all(dag_ids: Collection[str], change: Change, *, session: Session) -> list[ReleaseState]:
    """Lift the holds of Dags in one transaction, in the order of their ids."""
    now = database_clock(session=session)
    done = [_unhold(dag_id, change, now=now, session=session) for dag_id in sorted(set(dag_ids))]
    return _states(done, now=now, session=session)


_Done = tuple[Pin, ReleaseState | None]
"""The locked pin, and the answer if the request had been carried out before."""


def _hold(
    dag_id: str, change: Change, until: datetime | None, *, now: datetime | None = None, session: Session
) -> _Done:
    request = {"action": "hold", "dag_id": dag_id, "until": until and until.isoformat()}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return pin, repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    check_end(until, now=now, session=session)
    present = hold_of(pin, now=now, session=session)
    if present and (present.reason, present.until) == (change.reason, until):
        _confirm(pin, change, request, session=session)
    else:
        pin.revision += 1
        put_on_hold(pin, change, until, request=request, now=now, session=session)
    return pin, None


def _unhold(dag_id: str, change: Change, *, now: datetime | None = None, session: Session) -> _Done:
    request = {"action": "unhold", "dag_id": dag_id}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return pin, repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    if hold_of(pin, now=now, session=session):
        pin.revision += 1
        remove_hold(pin, change, request=request, now=now, session=session)
    else:
        _confirm(pin, change, request, session=session)
    return pin, None


def _states(done: list[_Done], *, now: datetime, session: Session) -> list[ReleaseState]:
    states = release_states([pin for pin, repeated in done if not repeated], now=now, session=session)
    return [repeated or states[pin.dag_id] for pin, repeated in done]


def check_end(until: datetime | None, *, now: datetime | None = None, session: Session) -> None:
    """
    Refuse a hold that ends in the past.

    :param until: when it is to end
    :param now: the time by the database's clock, if the caller has read it
    :param session: database session
    :raises HoldEndsInPastError: if its end is in the past
    """
    if until is None:
        return
    now = now or database_clock(session=session)
    if until <= now:
        raise HoldEndsInPastError(
            f"The end of the hold, {until.isoformat()}, is in the past: it is {now.isoformat()}. Give a later "
            "time, or none to hold the Dag until someone lifts the hold."
        )


def put_on_hold(
    pin: Pin,
    change: Change,
    until: datetime | None,
    *,
    request: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    session: Session,
) -> None:
    """
    Put a Dag on hold, with a separate event. The caller has locked the pin and counted the revision.

    :param request: what was asked for, if it was nothing but the hold; else the hold is a part of another change
    :param now: the time by the database's clock, if the caller has read it
    """
    replaced = hold_of(pin, now=now, session=session)
    pin.hold_reason, pin.hold_actor, pin.hold_at = change.reason, change.caller.name, timezone.utcnow()
    pin.hold_until = until
    evidence = {
        "hold": {"until": until and until.isoformat()},
        **({"replaced": _as_dict(replaced)} if replaced else {}),
    }
    _record(EventKind.HELD, pin, change, request, evidence, session=session)


def remove_hold(
    pin: Pin,
    change: Change,
    *,
    request: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    session: Session,
) -> None:
    """Lift a hold, with a separate event. The caller has locked the pin and incremented its revision."""
    if lifted := hold_of(pin, now=now, session=session):
        _record(EventKind.UNHELD, pin, change, request, {"hold": _as_dict(lifted)}, session=session)
    lift_hold(pin)


def _record(
    kind: EventKind,
    pin: Pin,
    change: Change,
    request: Mapping[str, Any] | None,
    evidence: Mapping[str, Any],
    *,
    session: Session,
) -> None:
    version = pinned_identity(pin) or latest_identity(pin.dag_id, session=session)
    events.record(
        kind,
        dag_id=pin.dag_id,
        revision=pin.revision,
        # The key belongs to the event of the whole request; its evidence is about that too.
        change=change if request is not None else replace(change, idempotency_key=None, evidence={}),
        request=request or {"action": kind.value, "dag_id": pin.dag_id},
        from_version=version,
        to_version=version,
        evidence=evidence,
        session=session,
    )


def _confirm(pin: Pin, change: Change, request: Mapping[str, Any], *, session: Session) -> None:
    if change.idempotency_key:
        _record(EventKind.CONFIRMED, pin, change, request, {}, session=session)


def _as_dict(held: Hold) -> dict[str, Any]:
    return {
        "reason": held.reason,
        "actor": held.actor,
        "held_at": held.held_at.isoformat(),
        "until": held.until and held.until.isoformat(),
    }
