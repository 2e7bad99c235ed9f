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
"""The response to a request that was already carried out with the same idempotency key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.affected_runs import RepairReport
from airflow_providers_pinning.domain.history.events import Change, find_repeated
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, Repetition, release_state
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Event, ManagedVersion


def answer_if_repeated(
    change: Change,
    request: Mapping[str, Any],
    *,
    warn: Callable[[Event], tuple[str, ...]] | None = None,
    session: Session,
) -> ReleaseState | None:
    """
    Return the response to a repeated request, so its change is made only once.

    The caller holds the Dag's lock: two requests with one key may arrive at the same time.

    :param change: who asks, with the idempotency key
    :param request: what is asked for
    :param warn: what is to be known besides of what the earlier request did
    :param session: database session
    :return: the present state; ``None`` if the change is still to be made
    :raises IdempotencyKeyReusedError: if the key was sent with another request
    """
    event = find_repeated(change, request, session=session)
    if event is None:
        return None
    return _state_of_repeated(event, warnings=warn(event) if warn else (), session=session)


def _state_of_repeated(event: Event, *, warnings: tuple[str, ...], session: Session) -> ReleaseState:
    """
    Describe the Dag as it is now, and say what the earlier request did and whether that is still so.

    :param event: what that request did
    :param warnings: what is to be known besides
    :param session: database session
    """
    state = release_state(event.dag_id, session=session)
    objections = _objections(event, state, session=session)
    repeated = Repetition(event.revision, version_of(event), stands=not objections and _is_chosen(event, state))
    told = [f"This request was already carried out, {_when(repeated)}; no change was made."]
    if state.revision != event.revision:
        told.append(_now(state))
    warnings = (*(event.evidence or {}).get("warnings", ()), *warnings, " ".join([*told, *objections]))
    repair = RepairReport.from_evidence(event.evidence)
    return replace(state, warnings=warnings, repeated=repeated, repair=repair)


def version_of(event: Event) -> VersionIdentity | None:
    """Return the version that an event is about, as it was then."""
    return VersionIdentity.from_dict(event.to_version) if event.to_version else None


def _when(repeated: Repetition) -> str:
    return f"at revision {repeated.revision}" + (f" with {repeated.version.label}" if repeated.version else "")


def _now(state: ReleaseState) -> str:
    active = state.active.label if state.active else "no version"
    how = f"pinned by {state.pin.actor}: {state.pin.reason.rstrip('.')}." if state.pin else "and the Dag is not pinned."
    return f"Now, at revision {state.revision}, {active} is active, {how}"


def _is_chosen(event: Event, state: ReleaseState) -> bool:
    """Return whether new runs use the version that the request chose; a review chooses none."""
    action = (event.request or {}).get("action")
    if (event.request or {}).get("effective_from") and state.pending is not None:
        return bool(state.pending.id == ((event.evidence or {}).get("activation") or {}).get("id"))
    if action == "unpin":
        return not state.pinned
    if action not in ("pin", "rollback"):
        return True
    active = state.pinned and state.active
    return bool(active and str(active.dag_version_id) == (event.to_version or {}).get("dag_version_id"))


def _objections(event: Event, state: ReleaseState, *, session: Session) -> list[str]:
    """Explain if the version's review has changed since, which makes no new revision."""
    request = event.request or {}
    action = request.get("action")
    rejects = action == "reject" or (action == "rollback" and "rejected" in (event.evidence or {}))
    judged = event.from_version if action == "rollback" else event.to_version
    if judged is None or not (rejects or action in ("candidate", "restore")):
        return []
    row = session.get(ManagedVersion, UUID(judged["dag_version_id"]), populate_existing=True)
    rejected = row is not None and row.state == VersionState.REJECTED.value
    name = f"Version {judged['version_number']}"
    if rejects:
        return [] if rejected else [f"{name} is no longer rejected."]
    if row is not None and rejected:
        return [f"{name} was rejected since: {(row.state_reason or 'no reason given').rstrip('.')}."]
    return [f"{name} is no longer protected from being overwritten."] if row is None and action == "candidate" else []
