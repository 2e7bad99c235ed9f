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
"""Activate a version of a Dag, for a pin or a rollback, and return the Dag's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import activation, activation_write, preconditions
from airflow_providers_pinning.domain.changes.hold import put_on_hold, remove_hold
from airflow_providers_pinning.domain.changes.pin_row import end_timeline, newest_run
from airflow_providers_pinning.domain.dag_model import asset_conflicts
from airflow_providers_pinning.domain.dag_model.sync import sync_dag_model
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import (
    ReleaseState,
    hold_of,
    release_state,
    state_of_change,
)
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import BreakerState, EventKind


def activate(
    kind: EventKind,
    pin: Pin,
    version: VersionIdentity,
    change: Change,
    request: Mapping[str, Any],
    *,
    checked: preconditions.Checked | None = None,
    hold: bool = False,
    hold_until: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    ignore_verdict: bool = False,
    session: Session,
) -> ReleaseState:
    """
    Check a version, unless it is checked, and make it the active one.

    The caller holds the locks of :func:`lock_pin`.
    """
    examined = activation.examine(
        kind,
        [activation.Activation(pin, version, warnings, evidence, checked)],
        change,
        ignore_verdict=ignore_verdict,
        session=session,
    )
    examined.raise_refusal()
    [ready] = examined.ready
    if ready.changes_nothing:
        return confirm(pin, version, change, request, warnings=warnings, session=session)
    conflicts = asset_conflicts.asset_conflicts(ready.checked.readable, version.version_number, session=session)
    ready = replace(ready, warnings=ready.warnings + conflicts)
    told = activation_write.write(kind, [ready], change, {pin.dag_id: request}, examined.rows, session=session)
    if hold and not _is_held_longer(pin, hold_until, session=session):
        put_on_hold(pin, change, hold_until, session=session)
    return state_of_change(pin, version, warnings=told[pin.dag_id], conflicts=conflicts, session=session)


def _is_held_longer(pin: Pin, until: datetime | None, *, session: Session) -> bool:
    """Return whether the present hold ends after the requested one; a change never shortens a person's hold."""
    present = hold_of(pin, session=session)
    return present is not None and until is not None and (present.until is None or present.until > until)


def confirm(
    pin: Pin,
    version: VersionIdentity,
    change: Change,
    request: Mapping[str, Any],
    *,
    warnings: tuple[str, ...] = (),
    session: Session,
) -> ReleaseState:
    """Leave a pin that is already as requested; record side effects of the request, or its key."""
    since = pin.effective_from
    if since is not None:
        # Asked for without a time, it is the version of runs of any time.
        end_timeline(pin)
        pin.revision += 1
    closed = _close_breaker(pin, change, session=session)
    if change.override_reason is not None and hold_of(pin, session=session):
        pin.revision += 1
        remove_hold(pin, change, request=request, session=session)
    elif change.idempotency_key or since or closed:
        events.record(
            EventKind.CONFIRMED,
            dag_id=pin.dag_id,
            revision=pin.revision,
            change=change,
            request=request,
            from_version=version,
            to_version=version,
            evidence={**({"was_effective_from": since.isoformat()} if since else {}), **closed} or None,
            session=session,
        )
    sync_dag_model(pin.dag_id, session=session)
    return release_state(pin.dag_id, warnings=warnings, session=session)


def _close_breaker(pin: Pin, change: Change, *, session: Session) -> dict[str, Any]:
    """Watch a version again that failed too often, from its next run on, if the request gives a reason."""
    if change.override_reason is None or pin.breaker not in (BreakerState.OPEN.value, BreakerState.WAITING.value):
        return {}
    closed = {"breaker": {"closed": pin.breaker}}
    pin.breaker, pin.breaker_after = None, newest_run(session=session)
    pin.revision += 1
    return closed
