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
"""The release state of a Dag: what is active, what is latest, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from airflow.models.dag_version import DagVersion
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.head import Head, head_of, heads_of
from airflow_providers_pinning.domain.files.relation import related_behind
from airflow_providers_pinning.domain.monitoring.health import Health, code_problems, conflict_problems, pin_health
from airflow_providers_pinning.domain.monitoring.pending import (
    PendingChange,
    activation_problems,
    pending_change,
)
from airflow_providers_pinning.domain.monitoring.ramps import RampState, ramp_of
from airflow_providers_pinning.domain.monitoring.runs_since_pin import (
    RunsSincePin,
    failed_tasks_since_pin,
    runs_since_pin,
)
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    identity_of,
    latest_identity,
    newest_identities,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.models import ManagedVersion, Pin


@dataclass(frozen=True)
class PinInfo:
    """The reason, time and user of a pin."""

    reason: str
    actor: str
    pinned_at: datetime


@dataclass(frozen=True)
class Hold:
    """The reason, time and user of a hold, which blocks changes without an override."""

    reason: str
    actor: str
    held_at: datetime
    until: datetime | None = None
    """When it expires; ``None`` keeps it until someone lifts it."""


@dataclass(frozen=True)
class Repetition:
    """The request was already carried out with the same idempotency key, so nothing was changed this time."""

    revision: int
    """Revision of the pin after the original request."""
    version: VersionIdentity | None
    """The version that the original request chose or reviewed, as it was then."""
    stands: bool
    """Whether the result of the original request is still in effect."""


@dataclass(frozen=True)
class ReleaseState:
    """The version that new runs of a Dag use, and why."""

    dag_id: str
    revision: int
    """Number of changes of the pin, which never decreases."""
    pinned: bool
    active: VersionIdentity | None
    """The version that new runs use: the pinned one, else the latest."""
    latest: VersionIdentity | None
    """The newest version that the dag processor registered."""
    versions_behind: int
    """Number of registered versions that are newer than the active one."""
    related_versions_behind: int
    """Number of these with changes related to the Dag. Unknown changes count as related."""
    pin: PinInfo | None
    hold: Hold | None
    health: Health
    head: Head | None = None
    """The state of a pinned Dag at HEAD; ``None`` if it is not pinned."""
    pending: PendingChange | None = None
    """A pin, unpin or rollback that takes effect at a given time."""
    ramp: RampState | None = None
    """A second version used by a share of new runs."""
    runs: RunsSincePin | None = None
    """Outcomes of the runs since the version was pinned; ``None`` if the Dag is not pinned."""
    warnings: tuple[str, ...] = ()
    """Side effects of the change that returned this state."""
    repair: Any = None
    """The repair of runs of the replaced version, by the rollback that returned this state."""
    repeated: Repetition | None = None
    """Set if the change that returned this state had already been made, so nothing was changed."""


def release_state(
    dag_id: str, *, warnings: tuple[str, ...] = (), thorough: bool = False, session: Session
) -> ReleaseState:
    """
    Read the release state of a Dag.

    :param dag_id: the Dag
    :param warnings: side effects of the change that returns this state
    :param thorough: also deserialize the pinned version, to check that this is possible
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    pin = session.get(Pin, dag_id)
    latest = latest_identity(dag_id, session=session)
    recorded = pinned_identity(pin)
    active = _present(recorded, latest, session=session) if recorded else latest
    health = pin_health(pin, thorough=thorough, session=session)
    state = _describe(dag_id, pin, active, latest, health, warnings=warnings, session=session)
    if not state.pinned:
        return state
    runs = runs_since_pin([dag_id], session=session)[dag_id]
    failed_tasks = failed_tasks_since_pin(dag_id, session=session) if runs.failed else {}
    return replace(state, runs=replace(runs, failed_tasks=failed_tasks))


def release_states(pins: Sequence[Pin], *, now: datetime, session: Session) -> dict[str, ReleaseState]:
    """
    Read the release states of many Dags, by ID. Whatever can be read for many Dags at once is.

    :param pins: the pins of the Dags, pinned or not
    :param now: the time by the database's clock
    :param session: database session
    """
    return {
        dag_id: state
        for some in pages(pins, DAGS_IN_A_STATEMENT)
        for dag_id, state in _release_states(some, now=now, session=session).items()
    }


def _release_states(pins: Collection[Pin], *, now: datetime, session: Session) -> dict[str, ReleaseState]:
    newest = newest_identities([pin.dag_id for pin in pins], session=session)
    states = {}
    for pin in pins:
        latest, recorded = newest.get(pin.dag_id), pinned_identity(pin)
        active = _present(recorded, latest, session=session) if recorded else latest
        health = pin_health(pin, session=session)
        states[pin.dag_id] = _describe_alone(pin.dag_id, pin, active, latest, health, now=now, session=session)
    pinned = {pin.dag_id: pin for pin in pins if states[pin.dag_id].pinned}
    numbers = {dag_id: pin.version_number or 0 for dag_id, pin in pinned.items() if states[dag_id].versions_behind}
    related = related_behind(numbers, session=session) if numbers else {}
    heads = heads_of(pinned.values(), session=session) if pinned else {}
    runs = runs_since_pin(pinned, session=session)
    for dag_id in pinned:
        failed_tasks = failed_tasks_since_pin(dag_id, session=session) if runs[dag_id].failed else {}
        states[dag_id] = replace(
            states[dag_id],
            related_versions_behind=related.get(dag_id, 0),
            head=heads[dag_id],
            runs=replace(runs[dag_id], failed_tasks=failed_tasks),
        )
    return states


def state_of_change(
    pin: Pin,
    active: VersionIdentity,
    *,
    warnings: tuple[str, ...],
    conflicts: tuple[str, ...] = (),
    session: Session,
) -> ReleaseState:
    """
    Return the state after the transaction that pins a version.

    The pin is healthy, or it would have been refused, except for possible problems with its code and assets.

    :param pin: the pin, which the caller has locked
    :param active: the pinned version, as the caller read it in this transaction
    :param warnings: side effects of the change
    :param conflicts: the lasting ones of these, about assets
    :param session: database session
    """
    latest = latest_identity(pin.dag_id, session=session)
    checked = session.get(ManagedVersion, active.dag_version_id)
    health = Health((*code_problems(active.version_number, checked), *conflict_problems(conflicts)))
    state = _describe(pin.dag_id, pin, active, latest, health, warnings=warnings, session=session)
    # No run is created before the change is committed.
    return replace(state, runs=RunsSincePin())


def _describe(
    dag_id: str,
    pin: Pin | None,
    active: VersionIdentity | None,
    latest: VersionIdentity | None,
    health: Health,
    *,
    warnings: tuple[str, ...],
    session: Session,
) -> ReleaseState:
    state = _describe_alone(dag_id, pin, active, latest, health, warnings=warnings, session=session)
    recorded = pinned_identity(pin)
    if not (pin and recorded):
        return state
    related = related_behind({dag_id: recorded.version_number}, session=session) if state.versions_behind else {}
    return replace(
        state,
        related_versions_behind=related.get(dag_id, 0),
        head=head_of(pin, latest, session=session),
    )


def _describe_alone(
    dag_id: str,
    pin: Pin | None,
    active: VersionIdentity | None,
    latest: VersionIdentity | None,
    health: Health,
    *,
    warnings: tuple[str, ...] = (),
    now: datetime | None = None,
    session: Session,
) -> ReleaseState:
    """Return the state of a Dag without what is read for many Dags at once."""
    recorded = pinned_identity(pin)
    behind = _count_newer(dag_id, recorded, session=session) if recorded and recorded != latest else 0
    pending = pending_change(pin, session=session)
    ramp = ramp_of(pin, session=session)
    return ReleaseState(
        dag_id=dag_id,
        revision=pin.revision if pin else 0,
        pinned=recorded is not None,
        active=active,
        latest=latest,
        versions_behind=behind,
        related_versions_behind=0,
        pin=PinInfo(pin.reason or "", pin.actor or "", pin.changed_at) if pin and recorded else None,
        hold=hold_of(pin, now=now, session=session),
        health=Health((*health.problems, *activation_problems(pin, pending))),
        pending=pending,
        ramp=ramp,
        warnings=warnings,
    )


def hold_of(pin: Pin | None, *, now: datetime | None = None, session: Session) -> Hold | None:
    """
    Return the hold of a Dag. A hold that has expired by the database's clock does not count.

    :param pin: the pin; ``None`` if the Dag was never pinned
    :param now: the time by that clock, if the caller has already read it
    :param session: database session
    """
    if pin is None or not pin.hold_reason:
        return None
    if pin.hold_until is not None and pin.hold_until <= (now or database_clock(session=session)):
        return None
    return Hold(pin.hold_reason, pin.hold_actor or "", pin.hold_at or pin.changed_at, pin.hold_until)


def _count_newer(dag_id: str, version: VersionIdentity, *, session: Session) -> int:
    newer = select(func.count()).where(DagVersion.dag_id == dag_id, DagVersion.version_number > version.version_number)
    return session.scalar(newer) or 0


def _present(recorded: VersionIdentity, latest: VersionIdentity | None, *, session: Session) -> VersionIdentity:
    """Read the current identity of the pinned version, or the recorded one if it is gone."""
    if latest is not None and latest.dag_version_id == recorded.dag_version_id:
        return latest
    return identity_of(recorded.dag_version_id, session=session) or recorded
