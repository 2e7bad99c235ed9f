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
"""Roll back: make the version that was active before active again."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.rejection import end_queued_canaries
from airflow_providers_pinning.domain.changes import conditions, pins
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.replay import answer_if_repeated
from airflow_providers_pinning.domain.changes.rollback_target import RollbackTarget, find_target
from airflow_providers_pinning.domain.errors import NothingToRollBackToError, RevisionConflictError
from airflow_providers_pinning.domain.history.events import Caller, Change, EventKind
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
from airflow_providers_pinning.models import Pin


def roll_back(
    dag_id: str,
    change: Change,
    *,
    to_version: int | None = None,
    expected_version: int | None = None,
    reject_current: bool = True,
    hold: bool = False,
    session: Session,
) -> ReleaseState:
    """
    Pin the version that was active before the present one. A hold stays, and stands in the way only of newer versions.

    Versions that cannot be pinned are passed over, and the returned state warns of them; one that is named is refused.

    :param dag_id: the Dag
    :param change: who asks, why, and under which conditions
    :param to_version: the version number to return to, instead of the one that was active before
    :param expected_version: the version number that the caller believes to be active; while the Dag is not pinned, that
        changes without a new revision
    :param reject_current: mark the present version as not to be pinned; one without a bundle version cannot be pinned
        anyway, so nothing is marked and the returned state warns
    :param hold: take no further change without an override
    :param session: database session; the caller commits
    :raises RevisionConflictError: if the pin, or the active version, is another than the caller expected
    :raises NothingToRollBackToError: if no earlier version can be pinned
    :raises PinningError: whatever :func:`~airflow_providers_pinning.domain.changes.pins.pin_version` raises
    """
    request = {
        "action": "rollback",
        "dag_id": dag_id,
        "to_version": to_version,
        "reject_current": reject_current,
        "hold": hold,
    }
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if current is not None and expected_version not in (None, current.version_number):
        raise RevisionConflictError(
            f"Dag {dag_id!r} uses {current.label}, not version {expected_version}. Look at the current state "
            "and decide again.",
            state=release_state(dag_id, session=session),
        )
    if to_version is None:
        search = find_target(dag_id, pin, current, change, session=session)
        target = search.version
    else:
        search = RollbackTarget(None)
        target = find_version(dag_id, version_number=to_version, session=session)
    if target is None or current is None or target.dag_version_id == current.dag_version_id:
        raise NothingToRollBackToError(
            " ".join(
                (
                    f"Dag {dag_id!r} has no other version that was active before and can be pinned. Name a version "
                    "with to_version, or restore a rejected one.",
                    *search.warnings(),
                )
            ),
            dag_id=dag_id,
            **search.evidence(),
        )
    if target.version_number > current.version_number:
        conditions.check_hold(pin, change)
    is_versioned = current.bundle_version is not None
    rejected = reject_current and is_versioned and identity_of(current.dag_version_id, session=session) is not None
    evidence, warnings = search.evidence(), search.warnings()
    names: tuple[str, ...] = ()
    if rejected:
        # Before the other is activated, which may stop managing versions: a rejected one takes nobody's place.
        manage(dag_id, current, VersionState.REJECTED, reason=change.reason, session=session)
        runs = end_queued_canaries(dag_id, current, change, session=session)
        evidence |= {"rejected": current.version_number, **runs.evidence()}
        warnings += runs.warnings()
        names = runs.names()
    elif reject_current and not is_versioned:
        warnings += _warn_of_unversioned(dag_id, current)
    state = pins.activate(
        EventKind.ROLLED_BACK,
        pin,
        target,
        change,
        request,
        checked=search.checked,
        hold=hold,
        evidence=evidence,
        warnings=warnings,
        session=session,
    )
    return replace(state, warnings=(*state.warnings, *names))


def _warn_of_unversioned(dag_id: str, current: VersionIdentity) -> tuple[str, ...]:
    return (
        f"Dag {dag_id!r}, {current.label}, was not rejected: it has no bundle version, so it cannot be pinned anyway. "
        "Serve the Dag from a bundle that supports versioning before you unpin it.",
    )


def target_of_rollback(dag_id: str, caller: Caller, *, session: Session) -> RollbackTarget:
    """
    Find the version that a rollback would pin now, and those that it would pass over.

    :param dag_id: the Dag
    :param caller: who would roll back
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    pin = session.get(Pin, dag_id) or Pin(dag_id=dag_id)
    current = pinned_identity(pin) or latest_identity(dag_id, session=session)
    return find_target(dag_id, pin, current, Change(caller, "preview"), session=session)
