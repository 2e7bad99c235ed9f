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
"""The ramp of a Dag whose pin is locked, and what happens to it when the pin changes otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.pin_row import newest_run
from airflow_providers_pinning.domain.errors import NoRampError, RampUnderWayError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.ramps import ramp_of
from airflow_providers_pinning.domain.text import command
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import EventKind, RampAction, RampStatus


def ramp_row(pin: Pin, *, session: Session) -> Ramp | None:
    """Return the ramp in progress of a Dag whose pin is locked."""
    return session.get(Ramp, pin.ramp_id, populate_existing=True) if pin.ramp_id is not None else None


def facts_of(ramp: Ramp) -> dict[str, Any]:
    """Return what events record about a ramp."""
    return {
        "id": ramp.id,
        "step": ramp.step + 1,
        "steps": list(ramp.steps),
        "share": ramp.steps[ramp.step]["share"],
        "actor": ramp.actor,
        "reason": ramp.reason,
    }


def settle_ramp(pin: Pin, change: Change, *, session: Session) -> tuple[str, ...]:
    """
    Abort the ramp of a Dag because of another change, or refuse that. The caller has locked the pin.

    :param pin: the pin
    :param change: the other change, which supersedes the ramp or not
    :param session: database session
    :return: what to tell the caller
    :raises RampUnderWayError: if a ramp is under way that is not to be superseded
    """
    ramp = ramp_row(pin, session=session)
    if ramp is None:
        return ()
    if not change.supersede:
        raise ramp_refusal(pin, session=session)
    number = ramp.to_version["version_number"]
    told = f"The ramp to version {number}, started by {ramp.actor}, was aborted."
    abort_ramp(pin, ramp, replace(change, idempotency_key=None, evidence={}), message=told, session=session)
    return (told,)


def ramp_refusal(pin: Pin, *, session: Session) -> RampUnderWayError:
    """Return the refusal of a change of a Dag of which a ramp is under way."""
    shown = ramp_of(pin, session=session)
    what = f"a ramp to version {shown.version.version_number} is {shown.status}" if shown else "a ramp is in progress"
    return RampUnderWayError(
        f"For Dag {pin.dag_id!r}, {what}{f', started by {shown.actor}' if shown else ''}. Promote or abort it "
        f"first ({command('abort-ramp', pin.dag_id)}), or abort it with this change with supersede (CLI: "
        "--supersede).",
        dag_id=pin.dag_id,
        ramp=shown and shown.as_dict(),
    )


def abort_ramp(
    pin: Pin,
    ramp: Ramp,
    change: Change,
    *,
    message: str,
    request: dict[str, Any] | None = None,
    evidence: dict[str, Any] | None = None,
    session: Session,
) -> None:
    """End a ramp, so all new runs get the pinned version, and record it."""
    end_ramp(pin, ramp, RampStatus.ABORTED, message=message, session=session)
    events.record(
        EventKind.RAMP_ABORTED,
        dag_id=pin.dag_id,
        revision=pin.revision,
        change=change,
        request=request or {"action": "ramp_abort", "dag_id": pin.dag_id},
        from_version=VersionIdentity.from_dict(ramp.to_version),
        to_version=pinned_identity(pin),
        evidence={"ramp": facts_of(ramp), "message": message, **(evidence or {})},
        session=session,
    )


def end_ramp(pin: Pin, ramp: Ramp, status: RampStatus, *, message: str, session: Session) -> None:
    """Let a ramp be under way no more; the revision counts that."""
    ramp.status, ramp.message, ramp.ended_at = status.value, message, timezone.utcnow()
    ramp.ended_after = session.scalar(select(func.max(DagRun.id))) or 0
    pin.ramp_id = None
    pin.revision += 1
    session.flush()


def ramp_under_way(pin: Pin, action: RampAction, expected_version: int | None, *, session: Session) -> Ramp:
    """
    Return the ramp of a Dag whose pin is locked, if an action suits it.

    :raises NoRampError: if there is none of the expected version, or it is paused or running already
    """
    ramp = ramp_row(pin, session=session)
    if ramp is None:
        raise NoRampError(f"Dag {pin.dag_id!r} has no ramp in progress.", dag_id=pin.dag_id)
    number = ramp.to_version["version_number"]
    if expected_version not in (None, number):
        raise NoRampError(
            f"The ramp of Dag {pin.dag_id!r} is to version {number}, not {expected_version}. Review it and try again.",
            dag_id=pin.dag_id,
        )
    no_use = {RampAction.PAUSE: RampStatus.PAUSED, RampAction.RESUME: RampStatus.RUNNING}.get(action)
    if no_use and ramp.status == no_use.value:
        raise NoRampError(f"The ramp of Dag {pin.dag_id!r} is already {no_use.value}.", dag_id=pin.dag_id)
    return ramp


def begin_step(ramp: Ramp, step: int, *, session: Session) -> None:
    """Set the current step of a ramp."""
    ramp.step, ramp.message = step, None
    ramp.step_since, ramp.step_after = timezone.utcnow(), newest_run(session=session)


def record_ramp(
    kind: EventKind,
    pin: Pin,
    ramp: Ramp,
    change: Change,
    request: dict[str, Any],
    evidence: dict[str, Any],
    *,
    session: Session,
) -> None:
    """Record the progress of a ramp in the history of its Dag."""
    events.record(
        kind,
        dag_id=pin.dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=pinned_identity(pin),
        to_version=VersionIdentity.from_dict(ramp.to_version),
        evidence={"ramp": facts_of(ramp), **{name: value for name, value in evidence.items() if value}},
        session=session,
    )
