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
"""
Which version is active: the pin as a condition inside Airflow's own SELECTs.

A pin is honoured by the statement that picks the version, not by a look-up beside it. So there is no
cache that two schedulers could disagree about, and a pin whose version is gone or changed selects
nothing instead of another version.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, literal, or_, select
from sqlalchemy.orm import Session

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
    return resolution if resolution and resolution.dag_id == dag_id else None


def is_active(version: Any = DagVersion, serialized: Any = None) -> ColumnElement[bool]:
    """
    Build the condition "no pin of this Dag chooses something else than this version".

    It is correlated to the version's Dag, so it costs one probe of the pins' primary key a version,
    however many pins there are. Without a pin it holds for every version. With a pin it holds for
    exactly the version whose identity equals the pin's snapshot.

    :param version: ``DagVersion`` or an alias of it in the enclosing statement
    :param serialized: ``SerializedDagModel`` or an alias, if the statement has it: compares the hash too
    """
    differs = [
        Pin.dag_version_id != version.id,
        Pin.bundle_name.is_distinct_from(version.bundle_name),
        Pin.bundle_version.is_distinct_from(version.bundle_version),
    ]
    correlated = [version]
    if serialized is not None:
        differs.append(Pin.dag_hash != serialized.dag_hash)
        correlated.append(serialized)
    return ~(
        select(literal(1))
        .select_from(Pin)
        .where(Pin.dag_id == version.dag_id, Pin.dag_version_id.is_not(None), or_(*differs))
        .correlate(*correlated)
        .exists()
    )


def active_condition(dag_id: str, *, serialized: Any = None) -> ColumnElement[bool] | None:
    """Return the condition that the active version of one Dag meets; ``None`` if the latest is meant."""
    if (resolution := current_resolution(dag_id)) is None:
        return is_active(DagVersion, serialized)
    if resolution.dag_version_id is None:
        return None
    return DagVersion.id == resolution.dag_version_id


def is_pinned(dag_id: str, *, session: Session) -> bool:
    """Tell whether the Dag is pinned."""
    return session.scalar(select(literal(1)).where(Pin.dag_id == dag_id, Pin.dag_version_id.is_not(None))) is not None


_RACE_READS = 3
_IDENTITY = fields(VersionIdentity)


@dataclass(frozen=True)
class LockedPin:
    """The pin of a Dag, held against changes until the transaction ends."""

    recorded: bool
    """Whether the Dag was ever pinned; only then can it have been unpinned a moment ago."""
    version: VersionIdentity | None
    """The pinned version, or ``None`` if the Dag is not pinned."""


def lock_active_pin(dag_id: str, *, lock_dag: bool, session: Session) -> LockedPin:
    """
    Read the pin for the creation of a run, held against changes until the transaction ends.

    :param dag_id: the Dag that gets a run
    :param lock_dag: lock the Dag's row in share mode as well. Needed where the caller does not hold it
        yet: a Dag that was never pinned has no pin row to lock, and its first pin would slip in between
    :param session: session of the creating transaction
    :raises PinUnavailableError: if the pinned version is gone or changed
    """
    if lock_dag:
        session.execute(
            select(DagModel.dag_id).where(DagModel.dag_id == dag_id).with_for_update(read=True, of=DagModel)
        )
    query = (
        select(
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
        .where(Pin.dag_id == dag_id)
        .with_for_update(read=True, of=Pin)
    )
    # A read that had to wait for the lock sees the changed pin beside the joined rows of the old one,
    # so only a mismatch that is read again counts.
    for _ in range(_RACE_READS):
        row = session.execute(query).mappings().one_or_none()
        if row is None or row["dag_version_id"] is None:
            return LockedPin(recorded=row is not None, version=None)
        if all(row[name] == row[f"live_{name}"] for name in ("bundle_name", "bundle_version", "dag_hash")):
            return LockedPin(recorded=True, version=VersionIdentity(**{f.name: row[f.name] for f in _IDENTITY}))
        number, gone = row["version_number"], row["live_dag_hash"] is None
    raise PinUnavailableError(
        f"No run of Dag {dag_id!r} was created: it is pinned to version {number}, which "
        f"{'is gone' if gone else 'is no longer what was pinned'}. Pin another version or unpin the Dag.",
        dag_id=dag_id,
        version_number=number,
    )
