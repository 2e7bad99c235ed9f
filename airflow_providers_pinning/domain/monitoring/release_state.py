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
from airflow_providers_pinning.domain.dag_model.head import Head, head_of, heads_of, latest_of
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
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.models import ManagedVersion, Pin


@dataclass(frozen=True)
class PinInfo:
    """Why a Dag is pinned, since when and by whom."""

    reason: str
    actor: str
    pinned_at: datetime


@dataclass(frozen=True)
class Hold:
    """Why a Dag takes no change without an override, since when and by whom."""

    reason: str
    actor: str
    held_at: datetime
    until: datetime | None = None
    """When it ends by itself; ``None`` keeps it until someone lifts it."""


@dataclass(frozen=True)
class Repetition:
    """The request was carried out before, with the same idempotency key, and nothing was changed this time."""

    revision: int
    """Revision of the pin after it was carried out."""
    version: VersionIdentity | None
    """The version that was chosen or judged then, as it was."""
    stands: bool
    """Whether what was asked for then is still so."""


@dataclass(frozen=True)
class ReleaseState:
    """What new runs of a Dag use, and how that came about."""

    dag_id: str
    revision: int
    """Number of changes of the pin; never goes down."""
    pinned: bool
    active: VersionIdentity | None
    """What new runs use: the pinned version, else the latest."""
    latest: VersionIdentity | None
    """The newest version that the dag processor registered."""
    versions_behind: int
    """How many registered versions are newer than the active one."""
    related_versions_behind: int
    """How many of these change something related to the Dag; what is not known counts as related."""
    pin: PinInfo | None
    hold: Hold | None
    health: Health
    head: Head | None = None
    """What became of a pinned Dag at HEAD; ``None`` if it is not pinned."""
    pending: PendingChange | None = None
    """A pin, unpin or rollback that takes effect at a given time."""
    ramp: RampState | None = None
    """A second version that a share of new runs has."""
    runs: RunsSincePin | None = None
    """How the runs fare since the version was pinned; ``None`` if it is not."""
    warnings: tuple[str, ...] = ()
    """What the change that returned this state had as side effects."""
    repair: Any = None
    """What the rollback that returned this state did with the runs of the version that it replaced."""
    repeated: Repetition | None = None
    """Set if the change that returned this state had been made before, so that it changed nothing."""


def release_state(
    dag_id: str, *, warnings: tuple[str, ...] = (), thorough: bool = False, session: Session
) -> ReleaseState:
    """
    Read the release state of a Dag.

    :param dag_id: the Dag
    :param warnings: side effects of the change that returns the state
    :param thorough: deserialize the pinned version too, to see whether it can be
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
    Read the release states of many Dags, by their ids. What can be read of many Dags at once is.

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
    newest = latest_of([pin.dag_id for pin in pins], session=session)
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
    Describe what the transaction that pins a version leaves.

    The pin is healthy, else it would have been refused, except for what may be amiss with its code and
    its assets.

    :param pin: the pin, which the caller has locked
    :param active: the pinned version, as the caller has read it in this transaction
    :param warnings: side effects of the change
    :param conflicts: those among them that last, about assets
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
    """Describe a Dag without what is read of many Dags at once."""
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
    Return the hold that a Dag is on; one whose end is over, by the database's clock, is none.

    :param pin: the pin; ``None`` if the Dag was never pinned
    :param now: the time by that clock, if the caller has read it for several pins
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
    """Read what the pinned version is now, or what it was if it is gone."""
    if latest is not None and latest.dag_version_id == recorded.dag_version_id:
        return latest
    return identity_of(recorded.dag_version_id, session=session) or recorded
