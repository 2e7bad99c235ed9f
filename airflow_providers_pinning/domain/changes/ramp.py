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
Give a share of a Dag's new runs another version than the pinned one, in steps with a verdict in between.

A ramp is checked like a pin when it starts, and again when it is promoted, which is a pin. In between, the pinned
version stays active, with its schedule, limits and assets.
"""

from __future__ import annotations

from dataclasses import replace

from airflow._shared.timezones import timezone
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions, pins
from airflow_providers_pinning.domain.changes.pending import settle_pending
from airflow_providers_pinning.domain.changes.pin_row import lock_pin, newest_run
from airflow_providers_pinning.domain.changes.ramp_progress import promote
from airflow_providers_pinning.domain.changes.ramp_row import abort_ramp, begin_step, ramp_under_way, record_ramp
from airflow_providers_pinning.domain.changes.rehearsal import rehearsed
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.changes.stored_caller import rights_of
from airflow_providers_pinning.domain.dag_model.canary_metadata import register_needs_of
from airflow_providers_pinning.domain.errors import NotPinnedError, VersionActiveError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.ramp_steps import Plan, Ramped
from airflow_providers_pinning.domain.text import command
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import EventKind, RampAction, RampStatus


def start(dag_id: str, target: pins.Target, plan: Plan, change: Change, *, session: Session) -> ReleaseState:
    """
    Give a share of the new runs of a pinned Dag another version.

    :param dag_id: the Dag
    :param target: which version
    :param plan: in which steps
    :param change: who asks, why, and under which conditions
    :param session: database session; the caller commits
    :raises NotPinnedError: if the Dag is not pinned
    :raises VersionActiveError: if the version is the pinned one
    :raises RampUnderWayError: if a ramp is in progress, unless ``change.supersede`` is given
    :raises PinningError: whatever a pin of the version would raise
    """
    request = {"action": "ramp", "dag_id": dag_id, **target.as_request(), **plan.as_request()}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    change = target.as_condition_of(change)
    version, found = pins.target_version(dag_id, target, session=session)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_expected(dag_id, version, change, dag_hash=target.expected_dag_hash)
    stable = pinned_identity(pin)
    if stable is None:
        raise NotPinnedError(
            f"Dag {dag_id!r} is not pinned, so there is no version for the other runs. Pin a stable version "
            f"({command('pin', dag_id)}), then start the ramp.",
            dag_id=dag_id,
        )
    if stable.dag_version_id == version.dag_version_id:
        raise VersionActiveError(
            f"Version {version.version_number} of Dag {dag_id!r} is pinned, so all runs use it already.",
            dag_id=dag_id,
            version_number=version.version_number,
        )
    settled = settle_pending(pin, change, session=session)
    would_be = rehearsed(
        lambda one: pins.pin_version(dag_id, pins.Target(dag_version_id=version.dag_version_id), one, session=session),
        replace(
            change,
            idempotency_key=None,
            expected_revision=None,
            supersede=False,
            ramp=Ramped(tuple(plan.steps), plan.max_failures, is_passed=True),
        ),
        session=session,
    )
    if managed.managed_version(version.dag_version_id, session=session) is None:
        managed.manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
    register_needs_of(version.dag_version_id, session=session)
    pin = lock_pin(dag_id, session=session)
    ramp = _write(pin, stable, version, plan, change, session=session)
    warnings = (*settled, *found, *(one for one in would_be.warnings if one not in settled))
    record_ramp(EventKind.RAMP_STARTED, pin, ramp, change, request, {"warnings": list(warnings)}, session=session)
    return release_state(dag_id, warnings=warnings, session=session)


def act(
    dag_id: str,
    action: RampAction,
    change: Change,
    *,
    expected_version: int | None = None,
    session: Session,
) -> ReleaseState:
    """
    Pause, resume, abort or promote the ramp of a Dag.

    :param dag_id: the Dag
    :param action: what to do
    :param change: who asks, why, and under which conditions
    :param expected_version: number of the ramp's version that the caller saw
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises NoRampError: if no ramp of the version is under way, or it is paused or running already
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises PinningError: if it is to be promoted, whatever a pin raises
    """
    request = {"action": f"ramp_{action.value}", "dag_id": dag_id}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    ramp = ramp_under_way(pin, action, expected_version, session=session)
    if action is RampAction.PROMOTE:
        return promote(pin, ramp, change, request, session=session)
    if action is RampAction.ABORT:
        abort_ramp(pin, ramp, change, message=change.reason, request=request, session=session)
        return release_state(dag_id, session=session)
    ramp.message = None
    if action is RampAction.PAUSE:
        ramp.status = RampStatus.PAUSED.value
    else:
        conditions.check_hold(pin, change, session=session)
        ramp.status = RampStatus.RUNNING.value
        # The time that it stood still proves nothing.
        begin_step(ramp, ramp.step, session=session)
    pin.revision += 1
    kind = EventKind.RAMP_PAUSED if action is RampAction.PAUSE else EventKind.RAMP_RESUMED
    record_ramp(kind, pin, ramp, change, request, {}, session=session)
    return release_state(dag_id, session=session)


def _write(
    pin: Pin, stable: VersionIdentity, version: VersionIdentity, plan: Plan, change: Change, *, session: Session
) -> Ramp:
    after, now = newest_run(session=session), timezone.utcnow()
    ramp = Ramp(
        dag_id=pin.dag_id,
        status=RampStatus.RUNNING.value,
        dag_version_id=version.dag_version_id,
        to_version=version.as_dict(),
        from_version=stable.as_dict(),
        steps=[step.as_dict() for step in plan.steps],
        max_failures=plan.max_failures,
        promotion=plan.promotion.value,
        step=0,
        step_since=now,
        step_after=after,
        started_at=now,
        started_after=after,
        options=rights_of(pin.dag_id, version, change, session=session),
        **change.as_columns(),
    )
    session.add(ramp)
    session.flush()
    pin.ramp_id = ramp.id
    pin.revision += 1
    session.flush()
    return ramp
