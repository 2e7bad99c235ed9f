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
"""Make a version the active one, as a pin and a rollback do: checks, pin, event and scheduling metadata."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import preconditions
from airflow_providers_pinning.domain.changes.hold import put_on_hold, remove_hold
from airflow_providers_pinning.domain.changes.pin_row import choose, retain_active
from airflow_providers_pinning.domain.changes.pin_warnings import warn_of_moved_team
from airflow_providers_pinning.domain.changes.verdict_check import check_verdict
from airflow_providers_pinning.domain.dag_model import asset_conflicts, partitions
from airflow_providers_pinning.domain.dag_model.sync import (
    sync_dag_model,
    write_dag_model,
)
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.release_state import (
    ReleaseState,
    hold_of,
    release_state,
    state_of_change,
)
from airflow_providers_pinning.domain.versions import likeness, managed
from airflow_providers_pinning.domain.versions.expected import is_drifted
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    latest_identity,
    pinned_identity,
)
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind


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
    dag_id = pin.dag_id
    _rows = managed.managed_versions(  # Kept, so that each is read once.
        [version.dag_version_id, *([pin.dag_version_id] if pin.dag_version_id else [])], session=session
    )
    checked = checked or preconditions.check_pinnable(dag_id, version, change, session=session)
    readable = checked.readable
    attestation.require_enforcement(session=session)
    from_version = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if pinned_identity(pin) == version:
        return confirm(pin, version, change, request, session=session)
    with_code = preconditions.with_code_of(version, checked.known.managed)
    # A rollback may name a newer version, which is a pin of it in all but name.
    goes_forward = kind == EventKind.PINNED or (from_version and version.version_number > from_version.version_number)
    if goes_forward:
        preconditions.check_fetchable(dag_id, version, with_code, change)
    if goes_forward and from_version != version:
        failed = check_verdict(
            dag_id, version, checked.known.managed, change, ignore_verdict=ignore_verdict, session=session
        )
        warnings += failed.warnings
        evidence = {**(evidence or {}), **(failed.evidence or {})}
    warnings += preconditions.warn_of_code(version, with_code)
    has_partitions = readable.timetable.partitioned or session.get_one(DagModel, dag_id).timetable_partitioned
    warnings += warn_of_moved_team(version, checked.known) + likeness.warn_of_rejected_equal(version, session=session)
    conflicts = asset_conflicts.asset_conflicts(readable, version.version_number, session=session)
    warnings += conflicts
    if has_partitions:
        warnings += partitions.warn_of_dropped_partitions(dag_id, version, session=session)
    if pin.dag_version_id is not None:
        retain_active(pin, session=session)
    elif from_version and from_version != version and from_version.bundle_version:
        # What was live until now is what a rollback returns to: no later commit may overwrite it.
        managed.retain(dag_id, from_version, reason=change.reason, session=session)
    row = managed.manage(dag_id, version, VersionState.ACTIVE, reason=change.reason, session=session)
    if is_drifted(version, row):
        managed.accept_as_it_is(row, version, session=session)
        warnings += (
            f"Version {version.version_number} was rewritten since it came under management; "
            "it is pinned as it is now.",
        )
    choose(pin, version, change, session=session)
    if kind == EventKind.PINNED:
        remove_hold(pin, change, session=session)
    events.record(
        kind,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=from_version,
        to_version=version,
        evidence={**(evidence or {}), **({"warnings": list(warnings)} if warnings else {})},
        session=session,
    )
    if hold and not _is_held_longer(pin, hold_until, session=session):
        put_on_hold(pin, change, hold_until, session=session)
    write_dag_model(readable, session=session)
    managed.release_superseded(dag_id, session=session)
    return state_of_change(pin, version, warnings=warnings, conflicts=conflicts, session=session)


def _is_held_longer(pin: Pin, until: datetime | None, *, session: Session) -> bool:
    """Return whether the present hold ends after another one would; a change never shortens the hold of a person."""
    present = hold_of(pin, session=session)
    return present is not None and until is not None and (present.until is None or present.until > until)


def confirm(
    pin: Pin, version: VersionIdentity, change: Change, request: Mapping[str, Any], *, session: Session
) -> ReleaseState:
    """Leave a pin that is as asked for; what the request did besides, or its key, is recorded."""
    if change.override_reason is not None and hold_of(pin, session=session):
        pin.revision += 1
        remove_hold(pin, change, request=request, session=session)
    elif change.idempotency_key:
        events.record(
            EventKind.CONFIRMED,
            dag_id=pin.dag_id,
            revision=pin.revision,
            change=change,
            request=request,
            from_version=version,
            to_version=version,
            session=session,
        )
    sync_dag_model(pin.dag_id, session=session)
    return release_state(pin.dag_id, session=session)
