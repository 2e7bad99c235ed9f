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
"""Advance, promote and abort a ramp, depending on the runs of its version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions, pins
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.ramp_row import (
    abort_ramp,
    begin_step,
    end_ramp,
    facts_of,
    ramp_row,
    record_ramp,
)
from airflow_providers_pinning.domain.changes.stored_caller import stored_caller
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.ramp_runs import count_runs
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, hold_of
from airflow_providers_pinning.domain.policies.enforce import require_policies
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.unmet import PlannedChange
from airflow_providers_pinning.domain.ramp_steps import Ramped, steps_of
from airflow_providers_pinning.domain.soak.ramp_verdict import Assessment, Course, assess
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import EventKind, RampStatus


def carry_on(dag_id: str, ramp_id: int, *, session: Session) -> bool:
    """
    Advance, end or keep a ramp, depending on its finished runs. Only one of several concurrent callers does it.

    :param dag_id: the Dag
    :param ramp_id: the ramp that was checked
    :param session: database session; the caller commits
    :return: whether this changed anything
    """
    pin = lock_pin(dag_id, session=session)
    ramp = ramp_row(pin, session=session)
    if ramp is None or ramp.id != ramp_id or ramp.status != RampStatus.RUNNING.value:
        return False
    found = assess(ramp, count_runs(ramp, session=session), session=session)
    if found.course is Course.STAY:
        return False
    change = _change(ramp, found)
    if found.course is Course.ABORT:
        abort_ramp(pin, ramp, change, message=found.message, evidence={"soak": found.evidence}, session=session)
        return True
    savepoint = session.begin_nested()
    try:
        if found.course is Course.ADVANCE:
            _advance(pin, ramp, change, found, session=session)
        else:
            promote(pin, ramp, change, {"action": "ramp_promote", "dag_id": dag_id}, session=session)
        savepoint.commit()
    except PinningError as error:
        savepoint.rollback()
        session.expire_all()
        pin = lock_pin(dag_id, session=session)
        ramp = ramp_row(pin, session=session)
        if ramp is None or ramp.message == error.message:
            return False
        ramp.message = error.message
        session.flush()
    return True


def abort_unusable(dag_id: str, ramp_id: int, message: str, *, session: Session) -> bool:
    """
    Abort a ramp whose version no run could use.

    :param message: what is wrong with the version
    :return: whether this changed anything
    """
    pin = lock_pin(dag_id, session=session)
    ramp = ramp_row(pin, session=session)
    if ramp is None or ramp.id != ramp_id:
        return False
    abort_ramp(pin, ramp, _change(ramp, Assessment(Course.ABORT, message)), message=message, session=session)
    return True


def promote(pin: Pin, ramp: Ramp, change: Change, request: dict[str, Any], *, session: Session) -> ReleaseState:
    """Pin the version of a ramp, as it was when the ramp started."""
    recorded = VersionIdentity.from_dict(ramp.to_version)
    facts = facts_of(ramp)
    is_passed = assess(ramp, count_runs(ramp, session=session), session=session).is_passed
    if hold_of(pin, session=session):
        conditions.check_hold(pin, change, session=session)
    end_ramp(pin, ramp, RampStatus.PROMOTED, message=change.reason, session=session)
    exact = replace(
        change,
        expected_revision=None,
        expected_dag_hash=recorded.dag_hash,
        expected_bundle_version=recorded.bundle_version,
        evidence={**change.evidence, "ramp": facts},
        ramp=Ramped(steps_of(ramp.steps), ramp.max_failures, is_passed),
    )
    target = pins.Target(dag_version_id=recorded.dag_version_id)
    return pins.pin_version(pin.dag_id, target, exact, session=session)


def _advance(pin: Pin, ramp: Ramp, change: Change, found: Assessment, *, session: Session) -> None:
    """Begin the next step, which is a change as a pin is: a hold, a freeze and a closed window stand in the way."""
    conditions.check_hold(pin, change, session=session)
    version = VersionIdentity.from_dict(ramp.to_version)
    ramped = Ramped(steps_of(ramp.steps), ramp.max_failures, is_passed=True)
    planned = PlannedChange(pin.dag_id, ChangeKind.PIN, version, change.caller.name, ramped)
    allowed = require_policies(planned, change, session=session)
    begin_step(ramp, ramp.step + 1, session=session)
    pin.revision += 1
    request = {"action": "ramp_advance", "dag_id": pin.dag_id}
    evidence = {"soak": found.evidence, **allowed.evidence}
    record_ramp(EventKind.RAMP_ADVANCED, pin, ramp, change, request, evidence, session=session)


def _change(ramp: Ramp, found: Assessment) -> Change:
    """
    Return the change that a ramp makes for who started it.

    It overrides nothing: a hold or a freeze may have come up since. What was overridden at the start is overridden once
    more by who promotes.
    """
    return Change(stored_caller(ramp), f"Ramp: {found.message}")
