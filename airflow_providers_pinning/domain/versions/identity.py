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
"""The exact identity of a Dag version, and how to find one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import UnknownDagError, UnknownVersionError
from airflow_providers_pinning.models import ManagedVersion, Pin


@dataclass(frozen=True)
class VersionIdentity:
    """
    Exact identity of one Dag version.

    Airflow may rewrite a version's row in place, so its ID alone does not identify the code; all six values together
    do.
    """

    dag_version_id: UUID
    """Primary key of Airflow's ``dag_version`` row."""
    version_number: int
    """Number that Airflow shows, starting at 1 for each Dag."""
    bundle_name: str | None
    """Dag bundle from which the version was parsed."""
    bundle_version: str | None
    """Version of the bundle, such as a commit; ``None`` if the bundle is not versioned."""
    dag_hash: str
    """Hash of the serialized Dag, as Airflow computes it."""
    relative_fileloc: str | None
    """Path of the Dag file inside the bundle."""

    def as_dict(self) -> dict[str, Any]:
        """Return the identity with JSON-serializable values."""
        # Not ``dataclasses.asdict``, which copies each value deeply: a release of many Dags asks for thousands.
        return {**vars(self), "dag_version_id": str(self.dag_version_id)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> VersionIdentity:
        """Return the identity that :meth:`as_dict` wrote."""
        return cls(**{**values, "dag_version_id": UUID(values["dag_version_id"])})

    @property
    def label(self) -> str:
        """Short form for messages, such as ``version 3 (bundle 'dags' at 1f3c9a2b41)``."""
        code = (self.bundle_version or "no version")[:12]
        return f"version {self.version_number} (bundle {self.bundle_name!r} at {code})"


# Statements for every change of a pin are built once, because building one costs as much as executing it.


@cache
def _identity_select() -> Select:
    return select(
        DagVersion.id,
        DagVersion.version_number,
        DagVersion.bundle_name,
        DagVersion.bundle_version,
        SerializedDagModel.dag_hash,
        SerializedDagModel._data["dag"]["relative_fileloc"].as_string().label("relative_fileloc"),
        SerializedDagModel._data_compressed.is_not(None).label("compressed"),
    ).join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)


@cache
def _newest_select(*columns: InstrumentedAttribute) -> Select:
    """Select the identity of a Dag's newest version, optionally of those with given values in some columns."""
    return (
        _identity_select()
        .where(DagVersion.dag_id == bindparam("dag_id"), *(column == bindparam("value") for column in columns))
        .order_by(DagVersion.version_number.desc())
        .limit(1)
    )


def _to_identities(rows: Sequence[Row], session: Session) -> list[VersionIdentity]:
    filelocs = _read_filelocs([row for row in rows if row.compressed], session=session)
    return [
        VersionIdentity(
            dag_version_id=row.id,
            version_number=row.version_number,
            bundle_name=row.bundle_name,
            bundle_version=row.bundle_version,
            dag_hash=row.dag_hash,
            relative_fileloc=filelocs[row.id] if row.compressed else row.relative_fileloc,
        )
        for row in rows
    ]


def _to_identity(row: Row | None, session: Session) -> VersionIdentity | None:
    return _to_identities([row], session)[0] if row else None


def _read_filelocs(rows: Sequence[Row], *, session: Session) -> dict[UUID, str | None]:
    """
    Read the paths of Dag files from compressed versions, which the database cannot query.

    For versions managed with the same hash, which covers the path, it is already recorded; the others are decompressed.
    """
    if not rows:
        return {}
    hashes = {row.id: row.dag_hash for row in rows}
    recorded = session.execute(
        select(ManagedVersion.dag_version_id, ManagedVersion.dag_hash, ManagedVersion.relative_fileloc).where(
            ManagedVersion.dag_version_id.in_(hashes)
        )
    )
    filelocs = {
        row.dag_version_id: row.relative_fileloc for row in recorded if row.dag_hash == hashes[row.dag_version_id]
    }
    if others := hashes.keys() - filelocs.keys():
        stored = session.scalars(select(SerializedDagModel).where(SerializedDagModel.dag_version_id.in_(others)))
        filelocs.update(
            (serialized.dag_version_id, (serialized.data or {}).get("dag", {}).get("relative_fileloc"))
            for serialized in stored
        )
    return {dag_version_id: filelocs.get(dag_version_id) for dag_version_id in hashes}


def identity_of(dag_version_id: UUID, *, session: Session) -> VersionIdentity | None:
    """Read the current identity of a Dag version; ``None`` if it or its serialized Dag is gone."""
    row = session.execute(_identity_select().where(DagVersion.id == dag_version_id)).one_or_none()
    return _to_identity(row, session)


def identities_of(dag_version_ids: Collection[UUID], *, session: Session) -> list[VersionIdentity]:
    """Read the current identities of existing Dag versions, in no particular order."""
    rows = session.execute(_identity_select().where(DagVersion.id.in_(dag_version_ids))).all()
    return _to_identities(rows, session)


def latest_identity(dag_id: str, *, session: Session) -> VersionIdentity | None:
    """Read the identity of the newest registered version, regardless of the pin."""
    row = session.execute(_newest_select(), {"dag_id": dag_id}).one_or_none()
    return _to_identity(row, session)


def newest_identities(
    dag_ids: Collection[str], *conditions: ColumnElement[bool], session: Session
) -> dict[str, VersionIdentity]:
    """
    Read the identity of the newest version of each Dag, with two statements.

    :param dag_ids: the Dags
    :param conditions: only consider versions that meet these conditions on ``DagVersion``
    :param session: database session
    """
    if not dag_ids:
        return {}
    newest = (
        select(DagVersion.dag_id, func.max(DagVersion.version_number).label("number"))
        .where(DagVersion.dag_id.in_(dag_ids), *conditions)
        .group_by(DagVersion.dag_id)
        .subquery()
    )
    rows = session.execute(
        select(DagVersion.id, DagVersion.dag_id).join(
            newest, and_(newest.c.dag_id == DagVersion.dag_id, newest.c.number == DagVersion.version_number)
        )
    )
    ids = {row.id: row.dag_id for row in rows}
    return {ids[one.dag_version_id]: one for one in identities_of(list(ids), session=session)}


def list_identities(dag_id: str, *, limit: int, offset: int, session: Session) -> list[VersionIdentity]:
    """List the registered versions of a Dag, newest first."""
    rows = session.execute(
        _identity_select()
        .where(DagVersion.dag_id == dag_id)
        .order_by(DagVersion.version_number.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    return _to_identities(rows, session)


def find_version(
    dag_id: str,
    *,
    version_number: int | None = None,
    dag_version_id: UUID | None = None,
    bundle_version: str | None = None,
    session: Session,
) -> VersionIdentity:
    """
    Find one version of a Dag.

    :param dag_id: the Dag
    :param version_number: Airflow's version number, or
    :param dag_version_id: the ID of the ``dag_version`` row, or
    :param bundle_version: the bundle version, to find the newest Dag version parsed from it
    :param session: database session
    :raises UnknownVersionError: if the Dag has no such version
    :raises ValueError: if not exactly one of the three is given
    """
    given = {
        name: value
        for name, value in (
            ("version_number", version_number),
            ("dag_version_id", dag_version_id),
            ("bundle_version", bundle_version),
        )
        if value is not None
    }
    if len(given) != 1:
        raise ValueError(
            "Give exactly one of version_number, dag_version_id and bundle_version; "
            f"got {', '.join(given) or 'none of them'}."
        )
    [(name, value)] = given.items()
    column = DagVersion.id if name == "dag_version_id" else getattr(DagVersion, name)
    row = session.execute(_newest_select(column), {"dag_id": dag_id, "value": value}).one_or_none()
    version = _to_identity(row, session)
    if version is None:
        shown = value if isinstance(value, int) else repr(str(value))
        raise UnknownVersionError(
            f"Dag {dag_id!r} has no registered version with {name} {shown}. Choose one of its versions, or wait "
            "until the dag processor has parsed it.",
            dag_id=dag_id,
            **{name: str(value) if isinstance(value, UUID) else value},
        )
    return version


def pinned_identity(pin: Pin | None) -> VersionIdentity | None:
    """Return the identity that a pin recorded; ``None`` if the Dag is not pinned."""
    if pin is None or pin.dag_version_id is None:
        return None
    return VersionIdentity(
        dag_version_id=pin.dag_version_id,
        version_number=pin.version_number or 0,
        bundle_name=pin.bundle_name,
        bundle_version=pin.bundle_version,
        dag_hash=pin.dag_hash or "",
        relative_fileloc=pin.relative_fileloc,
    )


_OF_DAG = (DagModel.dag_id, DagModel.is_paused, DagModel.max_active_runs, DagModel.timetable_partitioned)
"""The columns that callers of :func:`require_dag` need. The others are read on access."""


def require_dag(dag_id: str, *, lock: bool = False, session: Session) -> DagModel:
    """
    Read the Dag's row, optionally locked until the transaction ends.

    Every change of a pin locks this row, after it has shut the Dag's gate to code that creates runs without locking it
    (see :mod:`~airflow_providers_pinning.domain.locks`). The scheduler locks the row to create scheduled and
    asset-triggered runs, and the dag processor to write a parsed file, so a change is ordered with both.

    :raises UnknownDagError: if there is no such Dag
    """
    if lock:
        locks.shut_gate(dag_id, session=session)
    dag: DagModel | None = session.scalar(_dag_select(lock=lock), {"dag_id": dag_id})
    if dag is None:
        raise UnknownDagError(f"Dag {dag_id!r} not found. Check the ID, or wait for it to be parsed.", dag_id=dag_id)
    return dag


@cache
def _dag_select(*, lock: bool) -> Select:
    query = select(DagModel).where(DagModel.dag_id == bindparam("dag_id")).options(load_only(*_OF_DAG))
    return locks.for_change(query).execution_options(populate_existing=True) if lock else query
