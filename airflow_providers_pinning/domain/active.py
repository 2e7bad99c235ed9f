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
Which version is active: the pin as a condition inside Airflow's own SELECTs.

A pin is honoured by the statement that picks the version, not by a look-up beside it. So there is no
cache that two schedulers could disagree about, and a pin whose version is gone or changed selects
nothing instead of another version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, Row, Select, bindparam, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class Resolution:
    """The version that one run is being created with, decided once for the whole creation."""

    dag_id: str
    dag_version_id: UUID | None
    """``None`` means the latest version, as in stock Airflow."""
    routed_to: VersionIdentity | None = None
    """Set if the run is to have this version whatever is pinned, as a canary run has."""


_resolution: ContextVar[Resolution | None] = ContextVar("pinning_resolution", default=None)


@contextmanager
def resolved(resolution: Resolution) -> Iterator[None]:
    """Make version look-ups of the Dag inside the block answer with the resolution, not with the pin."""
    token = _resolution.set(resolution)
    try:
        yield
    finally:
        _resolution.reset(token)


def current_resolution(dag_id: str) -> Resolution | None:
    """Return the resolution in force for the Dag, if a run of it is being created right now."""
    resolution = _resolution.get()
    if resolution and resolution.dag_id == dag_id:
        return resolution
    if pin := held_pin(dag_id):
        return Resolution(dag_id, pin.version.dag_version_id if pin.version else None)
    return None


def is_active(
    version: Any = DagVersion, serialized: Any = None, *, dag_ids: Collection[str] | None = None
) -> ColumnElement[bool]:
    """
    Build the condition "no pin of this Dag chooses something else than this version".

    Without a pin it holds for every version. With a pin it holds for exactly the version whose identity
    equals the pin's snapshot.

    However many pins there are, it costs one probe of their primary key a Dag, if ``dag_ids`` is given. Being
    correlated alone does not ensure that: PostgreSQL may turn it into a merge over the whole index.

    :param version: ``DagVersion`` or an alias of it in the enclosing statement
    :param serialized: ``SerializedDagModel`` or an alias, if the enclosing statement has it; else its hash
        is looked up, but only where there is a pin
    :param dag_ids: the Dags that the enclosing statement is about, if it is not about all
    """
    correlated = [version]
    if serialized is not None:
        dag_hash = serialized.dag_hash
        correlated.append(serialized)
    else:
        dag_hash = (
            select(SerializedDagModel.dag_hash)
            .where(SerializedDagModel.dag_version_id == version.id)
            .correlate(version)
            .scalar_subquery()
        )
    differs = [
        Pin.dag_version_id != version.id,
        Pin.bundle_name.is_distinct_from(version.bundle_name),
        Pin.bundle_version.is_distinct_from(version.bundle_version),
        Pin.dag_hash.is_distinct_from(dag_hash),
    ]
    return ~(
        select(literal(1))
        .select_from(Pin)
        .where(
            Pin.dag_id == version.dag_id,
            Pin.dag_version_id.is_not(None),
            or_(*differs),
            *([] if dag_ids is None else [Pin.dag_id.in_(dag_ids)]),
        )
        .correlate(*correlated)
        .exists()
    )


def active_condition(dag_id: str, *, serialized: Any = None) -> ColumnElement[bool] | None:
    """Return the condition that the active version of one Dag meets; ``None`` if the latest is meant."""
    if (resolution := current_resolution(dag_id)) is None:
        return is_active(DagVersion, serialized, dag_ids=[dag_id])
    if resolution.dag_version_id is None:
        return None
    return DagVersion.id == resolution.dag_version_id


def is_pinned(dag_id: str, *, session: Session) -> bool:
    """Tell whether the Dag is pinned."""
    return session.scalar(select(literal(1)).where(Pin.dag_id == dag_id, Pin.dag_version_id.is_not(None))) is not None


def active_version_id(dag_id: str, *, session: Session) -> UUID | None:
    """Return the id of the version that new runs of the Dag use, if there is one that can be honoured."""
    return session.scalar(
        select(DagVersion.id)
        .where(DagVersion.dag_id == dag_id, is_active(DagVersion, dag_ids=[dag_id]))
        .order_by(DagVersion.version_number.desc())
        .limit(1)
    )


def pinned_version_ids(dag_ids: Collection[str], *, session: Session) -> dict[str, UUID]:
    """Return the id of the pinned version of those Dags that are pinned."""
    rows = session.execute(
        select(Pin.dag_id, Pin.dag_version_id).where(Pin.dag_id.in_(dag_ids), Pin.dag_version_id.is_not(None))
    )
    return {row.dag_id: row.dag_version_id for row in rows}


_IDENTITY = fields(VersionIdentity)


@dataclass(frozen=True)
class LockedPin:
    """The pin of a Dag, held against changes until the transaction ends."""

    recorded: bool
    """Whether the Dag was ever pinned; only then can it have been unpinned a moment ago."""
    version: VersionIdentity | None
    """The pinned version, or ``None`` if the Dag is not pinned."""


_held: ContextVar[Mapping[str, LockedPin | None] | None] = ContextVar("pinning_held", default=None)


@contextmanager
def held_pins(dag_ids: Collection[str], *, session: Session) -> Iterator[None]:
    """
    Read the pins of Dags whose rows the caller has locked, once for all look-ups inside the block.

    No change of a pin gets past the lock, so what is read stays true. It saves the scheduler a look-up for
    each run. For a Dag whose pin cannot be honoured there is none; the look-ups find nothing for it as ever.
    """
    locks.keep_writers_out_of_sqlite(session=session)
    rows = session.execute(_pins_with_versions(), {"dag_ids": list(dag_ids)}).all()
    pins: dict[str, LockedPin | None] = dict.fromkeys(dag_ids, LockedPin(recorded=False, version=None))
    for row in rows:
        pins[row.dag_id] = _locked_pin(row) if row.dag_version_id is None or _is_honoured(row) else None
    token = _held.set(pins)
    try:
        yield
    finally:
        _held.reset(token)


def held_pin(dag_id: str) -> LockedPin | None:
    """Return the Dag's pin as :func:`held_pins` read it, if it did."""
    return (_held.get() or {}).get(dag_id)


def lock_active_pin(dag_id: str, *, session: Session) -> LockedPin:
    """
    Read the pin for the creation of a run, held against changes until the transaction ends.

    That holds for a Dag that was never pinned as well, which has no pin row to lock: its first pin does not slip in
    between.

    :param dag_id: the Dag that gets a run
    :param session: session of the creating transaction
    :raises PinUnavailableError: if the pinned version is gone or changed
    """
    # Who holds the Dag's row must not wait for the gate: a change that has shut it waits for the row.
    if dag_id not in (_held.get() or {}):
        locks.pass_gate(dag_id, session=session)
    row = session.execute(_pins_with_versions(), {"dag_ids": [dag_id]}).one_or_none()
    if row is None or row.dag_version_id is None or _is_honoured(row):
        return _locked_pin(row)
    raise PinUnavailableError(
        f"No run of Dag {dag_id!r} was created: it is pinned to version {row.version_number}, which "
        f"{'is gone' if row.live_dag_hash is None else 'is no longer what was pinned'}. Pin another version or unpin "
        "the Dag.",
        dag_id=dag_id,
        version_number=row.version_number,
    )


def hold_recorded_pin(dag_id: str, *, session: Session) -> None:
    """
    Hold the pin of a Dag until the transaction ends, if it was ever pinned, and read the Dag's row anew.

    For changes of an existing run that look the version up several times, and must get one answer.
    """
    if locks.pass_gate_if_pinned(dag_id, session=session):
        session.execute(select(DagModel).where(DagModel.dag_id == dag_id).execution_options(populate_existing=True))


@cache
def _pins_with_versions() -> Select:
    # Built once: the scheduler executes it in every turn, and building it would cost as much as executing it.
    return (
        select(
            Pin.dag_id,
            Pin.dag_version_id,
            Pin.version_number,
            Pin.bundle_name,
            Pin.bundle_version,
            Pin.dag_hash,
            Pin.relative_fileloc,
            DagVersion.bundle_name.label("live_bundle_name"),
            DagVersion.bundle_version.label("live_bundle_version"),
            SerializedDagModel.dag_hash.label("live_dag_hash"),
        )
        .outerjoin(DagVersion, DagVersion.id == Pin.dag_version_id)
        .outerjoin(SerializedDagModel, SerializedDagModel.dag_version_id == Pin.dag_version_id)
        .where(Pin.dag_id.in_(bindparam("dag_ids", expanding=True)))
    )


def _is_honoured(row: Row) -> bool:
    """Tell whether the pinned version is there and is what was pinned."""
    pinned = (row.bundle_name, row.bundle_version, row.dag_hash)
    return pinned == (row.live_bundle_name, row.live_bundle_version, row.live_dag_hash)


def _locked_pin(row: Row | None) -> LockedPin:
    if row is None or row.dag_version_id is None:
        return LockedPin(recorded=row is not None, version=None)
    return LockedPin(recorded=True, version=VersionIdentity(**{f.name: getattr(row, f.name) for f in _IDENTITY}))
