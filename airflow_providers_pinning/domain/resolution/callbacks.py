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
Locate the code of a callback for the dag processor, within the statement that inserts it.

A callback is sent for a commit, with the path from ``DagModel``, but that commit may have the file elsewhere. Airflow
reads nothing for a callback that shows whether the Dag is managed, so its INSERT returns that. The callback is written
with the path that was right for the last one of the same version, and the INSERT also returns whether it still is. If
not, the callback is corrected in the same transaction, before anyone can see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from airflow.models.callback import DagProcessorCallback
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, Row, Uuid, and_, bindparam, insert, inspect, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from airflow_providers_pinning.domain.resolution.places import has_managed_versions, pinned_at
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identity_of

MAX_GUESSES = 1000
"""Number of versions whose paths a process caches. Beyond it, the cache is cleared."""


class Place(NamedTuple):
    """The location of a Dag's file."""

    bundle_name: str | None
    filepath: str | None


@dataclass(frozen=True)
class CallbackOf:
    """The subject of a callback."""

    dag_id: str
    run_id: str
    bundle_version: str
    """The commit from which it runs."""
    said: Place
    """The location that Airflow took from ``DagModel``."""
    dag_version_id: UUID | None = None
    """The version of the task, if it is about one. If that has another commit, the run's version is used."""


_guesses: dict[tuple[str, UUID | None, str], VersionIdentity] = {}


def hand_over(of: CallbackOf, make: Callable[[Place], DagProcessorCallback], *, session: Session) -> None:
    """
    Insert a callback with the location of the file in its commit.

    For a Dag without managed versions, this is the location that Airflow took from ``DagModel``, and the INSERT is the
    only statement, except on MySQL, where an INSERT cannot return anything.

    :param of: the subject of the callback
    :param make: creates Airflow's row of a callback with a location
    :param session: database session
    """
    if not session.get_bind().dialect.insert_returning:
        told = session.execute(select(*_told()), _asked(of, None)).one()
        session.add(make(_place(of, told, None, session=session)))
        return
    guess = _guesses.get(_key(of))
    guessed = _place_of(guess, of)
    connection = session.connection()
    # Not through the session, which would flush the caller's pending changes.
    told = connection.execute(_inserting(), {**_values(make(guessed)), **_asked(of, guess)}).one()
    place = _place(of, told, guess, session=session)
    if place != guessed:
        right, table = _values(make(place)), _table()
        connection.execute(update(table).where(table.c.id == told.id).values(right))


def _place(of: CallbackOf, told: Row, guess: VersionIdentity | None, *, session: Session) -> Place:
    """Return the correct location, and cache it for the next callback of the version."""
    # Clearing some tasks on the latest version moves their run to it, but the other tasks keep their version.
    version_id = of.dag_version_id if told.commit_of_task == of.bundle_version else told.version_of_run
    version = None
    if told.managed and version_id is not None and version_id != told.pinned:
        is_right = guess is not None and told.as_guessed and guess.dag_version_id == version_id
        version = guess if is_right else identity_of(version_id, session=session)
    if len(_guesses) >= MAX_GUESSES:
        _guesses.clear()
    if version is None:
        _guesses.pop(_key(of), None)
    else:
        _guesses[_key(of)] = version
    return _place_of(version, of)


def _place_of(version: VersionIdentity | None, of: CallbackOf) -> Place:
    if version is None or not version.relative_fileloc or not version.bundle_name:
        return of.said
    return Place(version.bundle_name, version.relative_fileloc)


def _key(of: CallbackOf) -> tuple[str, UUID | None, str]:
    return of.dag_id, of.dag_version_id, of.bundle_version


def _table() -> Any:
    return inspect(DagProcessorCallback).local_table


def _values(callback: DagProcessorCallback) -> dict[str, Any]:
    """Return the values that Airflow set on a row, by column."""
    given: dict[str, Any] = inspect(callback).dict
    return {column.columns[0].name: given[column.key] for column in _attributes() if column.key in given}


@cache
def _attributes() -> list[Any]:
    return list(inspect(DagProcessorCallback).column_attrs)


@cache
def _inserting() -> ReturningInsert:
    table = _table()
    return insert(table).returning(table.c.id, *_told())


def _asked(of: CallbackOf, guess: VersionIdentity | None) -> dict[str, Any]:
    # The inserted values already use the names of the columns.
    return {
        "of_dag": of.dag_id,
        "of_run": of.run_id,
        "of_version": of.dag_version_id,
        "said_bundle": of.said.bundle_name,
        "said_file": of.said.filepath,
        "guessed_id": guess and guess.dag_version_id,
        "guessed_bundle": guess and guess.bundle_name,
        "guessed_commit": guess and guess.bundle_version,
        "guessed_hash": guess and guess.dag_hash,
    }


def _told() -> tuple[ColumnElement, ...]:
    dag_id: ColumnElement[str] = bindparam("of_dag")
    of_run = select(DagRun.created_dag_version_id).where(DagRun.dag_id == dag_id, DagRun.run_id == bindparam("of_run"))
    of_task = select(DagVersion.bundle_version).where(DagVersion.id == bindparam("of_version", type_=Uuid()))
    pinned = pinned_at(dag_id, bindparam("said_bundle"), bindparam("said_file"))
    return (
        has_managed_versions(dag_id).label("managed"),
        pinned.scalar_subquery().label("pinned"),
        of_run.scalar_subquery().label("version_of_run"),
        of_task.scalar_subquery().label("commit_of_task"),
        _is_as_guessed().label("as_guessed"),
    )


def _is_as_guessed() -> ColumnElement[bool]:
    # A version may be rewritten in place, but its file is part of its hash. SQLite gets columns without their tables
    # here, so the tables are not joined.
    guessed: ColumnElement[UUID] = bindparam("guessed_id", type_=Uuid())
    version = select(literal(1)).where(
        DagVersion.id == guessed,
        DagVersion.bundle_name == bindparam("guessed_bundle"),
        DagVersion.bundle_version == bindparam("guessed_commit"),
    )
    content = select(literal(1)).where(
        SerializedDagModel.dag_version_id == guessed, SerializedDagModel.dag_hash == bindparam("guessed_hash")
    )
    return and_(version.exists(), content.exists())
