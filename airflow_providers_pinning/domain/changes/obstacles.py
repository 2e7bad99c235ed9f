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
What blocks a pending change since it was requested.

A request overrides the obstacles known at that time, not a rejection, hold, freeze or policy that came later.
Timestamps do not decide this: the known obstacles are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import (
    DagHeldError,
    PinningError,
    PinUnavailableError,
    PolicyNotMetError,
    VersionRejectedError,
)
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.policies.unmet import PlannedChange, unmet
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin, TimedChange
from airflow_providers_pinning.vocabulary import TimedAction, TimedStatus


def known(pending: TimedChange, pin: Pin, *, session: Session) -> dict[str, Any]:
    """Return what blocks a change when it is requested, as JSON values."""
    rejected = _rejection(pending, session=session)
    problems = _unmet(pending, session=session) if pending.override_reason else ()
    return known_as(rejected, pin, [problem.as_dict() for problem in problems])


def known_as(row: ManagedVersion | None, pin: Pin, problems: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Do so where it was read already.

    :param row: the management row of the version
    :param pin: the pin of its Dag
    :param problems: the rules that are not met and overridden, as JSON values
    """
    rejected = row is not None and row.state == VersionState.REJECTED.value
    return {
        "rejected_at": _text(row.state_changed_at) if row is not None and rejected else None,
        "held_at": _text(pin.hold_at) if pin.hold_reason else None,
        "rules": [_key(problem) for problem in problems],
    }


def obstacle_to(pending: TimedChange, pin: Pin | None, *, session: Session) -> PinningError | None:
    """
    Return what came up since a change was requested and blocks it, whatever it overrides.

    :param pending: the change
    :param pin: the pin of its Dag
    :param session: database session
    """
    before = pending.options.get("known", {})
    rejected = _rejection(pending, session=session)
    if rejected is not None and _text(rejected.state_changed_at) != before.get("rejected_at"):
        return VersionRejectedError(
            f"Version {rejected.version_number} of Dag {pending.dag_id!r} was rejected in the meantime: "
            f"{rejected.state_reason}.",
            dag_id=pending.dag_id,
            version_number=rejected.version_number,
        )
    if pin is not None and _is_held(pending, pin, session=session) and _text(pin.hold_at) != before.get("held_at"):
        return DagHeldError(
            f"Dag {pending.dag_id!r} was put on hold in the meantime by {pin.hold_actor}: {pin.hold_reason}.",
            dag_id=pending.dag_id,
        )
    overridden = before.get("rules", []) if pending.override_reason else []
    problems = [problem for problem in _unmet(pending, session=session) if _key(problem.as_dict()) not in overridden]
    if not problems:
        return None
    listed = " ".join(problem.message for problem in problems)
    return PolicyNotMetError(
        f"The {pending.action} of Dag {pending.dag_id!r} violates rules that it did not violate when it was "
        f"requested: {listed}",
        dag_id=pending.dag_id,
        unmet=[problem.as_dict() for problem in problems],
    )


def require_no_obstacle(dag_id: str, run_after: datetime, *, session: Session) -> None:
    """
    Refuse a run of a version that is to become active but cannot, as far as one can tell now.

    :param dag_id: the Dag, of which a change is pending that is in effect when the run is due
    :param run_after: when the run is due
    :param session: database session
    :raises PinUnavailableError: if something came up since the change was requested
    """
    pending = session.scalar(
        select(TimedChange).where(TimedChange.dag_id == dag_id, TimedChange.status == TimedStatus.PENDING.value)
    )
    if pending is None:
        return
    obstacle = obstacle_to(pending, session.get(Pin, dag_id), session=session)
    if obstacle is not None:
        raise PinUnavailableError(
            f"No run of Dag {dag_id!r} was created for {run_after.isoformat()}: another version should be active "
            f"since {pending.effective_from.isoformat()}, but it cannot be activated. {obstacle} Cancel the "
            "pending change, or try again after a scheduler has abandoned it.",
            dag_id=dag_id,
        )


def _rejection(pending: TimedChange, *, session: Session) -> ManagedVersion | None:
    if not pending.to_version:
        return None
    row = session.get(ManagedVersion, VersionIdentity.from_dict(pending.to_version).dag_version_id)
    return row if row is not None and row.state == VersionState.REJECTED.value else None


def _is_held(pending: TimedChange, pin: Pin, *, session: Session) -> bool:
    if not pin.hold_reason or pending.action == TimedAction.ROLLBACK.value:
        return False
    # It matters when the change takes effect, which is not before its time.
    return pin.hold_until is None or pin.hold_until > max(database_clock(session=session), pending.effective_from)


def _unmet(pending: TimedChange, *, session: Session) -> tuple[Unmet, ...]:
    version = VersionIdentity.from_dict(pending.to_version) if pending.to_version else None
    planned = PlannedChange(pending.dag_id, ChangeKind(pending.action), version, pending.actor)
    found = unmet(session, [planned], pending.effective_from).unmet.get(pending.dag_id, ())
    return tuple(problem for problem in found if not _ends_before(problem, pending, session=session))


def _ends_before(problem: Unmet, pending: TimedChange, *, session: Session) -> bool:
    """Return whether a rule is a freeze that is over when the change takes effect."""
    until = problem.details.get("until") if "freeze_id" in problem.details else None
    if until is None:
        return False
    return datetime.fromisoformat(until) <= max(database_clock(session=session), pending.effective_from)


def _key(problem: Mapping[str, Any]) -> list[Any]:
    """Return what identifies a rule: the policies that require it, or the freeze."""
    return [problem["rule"], sorted(problem["policies"]), problem["details"].get("freeze_id")]


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).isoformat()
