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
Locate the code of a run's version, if it may differ from ``DagModel``.

``DagModel`` has the location of the active version, unless a host without the enforcement has overwritten it. Two
additional columns, in the statement with which Airflow reads ``DagModel``, show whether the version of a run is there
too. So this takes no additional statement, and a change of the pin cannot get in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import ColumnElement, ScalarSelect, Select, SQLColumnExpression, bindparam, literal, select
from sqlalchemy.orm import ORMExecuteState, Session, defaultload, query_expression, with_expression
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.base import ExecutableOption

from airflow_providers_pinning.domain.resolution.told import IS_MANAGED, PINNED_VERSION_ID
from airflow_providers_pinning.domain.sessions import kept_in_transaction, listening
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identity_of
from airflow_providers_pinning.models import ManagedVersion, Pin

_KEPT = "pinning_places"

# Attributes that are in no statement unless it asks for them.
setattr(DagModel, IS_MANAGED, query_expression())
setattr(DagModel, PINNED_VERSION_ID, query_expression())


@contextmanager
def places_told(session: Session) -> Iterator[None]:
    """Make the session also return the Dag's pin with each ``DagModel`` that it reads for a task or a run."""

    def tell(state: ORMExecuteState) -> None:
        if not state.is_select or state.is_column_load:
            return
        if state.is_relationship_load:
            if state.lazy_loaded_from is not None and state.bind_mapper is DagModel.__mapper__:
                state.statement = state.statement.options(_of_runs())
        elif state.bind_mapper is TaskInstance.__mapper__ and _reads_tasks(state.statement):
            state.statement = state.statement.options(_of_tasks())

    with listening(session, tell):
        yield


def _reads_tasks(statement: Any) -> bool:
    """Return whether whole tasks are read, and not only some of their columns."""
    return any(column["expr"] is TaskInstance for column in statement.column_descriptions)


@cache
def _of_tasks() -> ExecutableOption:
    return defaultload(TaskInstance.dag_model).options(*_told())


@cache
def _of_runs() -> ExecutableOption:
    return defaultload(DagRun.dag_model).options(*_told())


@cache
def _told() -> tuple:
    return (
        with_expression(getattr(DagModel, IS_MANAGED), has_managed_versions(DagModel.dag_id, correlated=True)),
        with_expression(getattr(DagModel, PINNED_VERSION_ID), _described()),
    )


def place_of_inactive_version(
    dag_model: DagModel, dag_version_id: UUID | None, *, session: Session
) -> VersionIdentity | None:
    """
    Read the location of a version's code, if it may differ from ``DagModel``.

    This is read once per transaction and version, however many tasks use it.

    :param dag_model: Airflow's row of the Dag
    :param dag_version_id: the version
    :param session: database session
    :return: ``None`` if no version of the Dag is managed, or the version is the pinned one
    """
    if dag_model.__dict__.get(IS_MANAGED) is None:
        managed, pinned = session.execute(
            _of_dag(), _asked(dag_model.dag_id, dag_model.bundle_name, dag_model.relative_fileloc)
        ).one()
        # Cached on the row, so that it is queried once, and dropped when the row is read again.
        set_committed_value(dag_model, IS_MANAGED, managed)
        set_committed_value(dag_model, PINNED_VERSION_ID, pinned)
    managed, pinned = getattr(dag_model, IS_MANAGED), getattr(dag_model, PINNED_VERSION_ID)
    if not managed or dag_version_id is None or pinned == dag_version_id:
        return None
    places: dict[UUID, VersionIdentity | None] = kept_in_transaction(session, _KEPT)
    if dag_version_id not in places:
        places[dag_version_id] = identity_of(dag_version_id, session=session)
    return places[dag_version_id]


@cache
def _of_dag() -> Select:
    dag_id: ColumnElement[str] = bindparam("dag_id")
    described = pinned_at(dag_id, bindparam("bundle_name"), bindparam("relative_fileloc"))
    return select(has_managed_versions(dag_id), described.scalar_subquery())


def _asked(dag_id: str, bundle_name: str | None, relative_fileloc: str | None) -> dict[str, str | None]:
    return {"dag_id": dag_id, "bundle_name": bundle_name, "relative_fileloc": relative_fileloc}


def has_managed_versions(dag_id: SQLColumnExpression[str], *, correlated: bool = False) -> ColumnElement[bool]:
    """Return a column for another statement: whether any version of a Dag is managed."""
    query = select(literal(1)).where(ManagedVersion.dag_id == dag_id)
    return (query.correlate(DagModel) if correlated else query).exists()


def _described() -> ScalarSelect[UUID | None]:
    described = pinned_at(DagModel.dag_id, DagModel.bundle_name, DagModel.relative_fileloc)
    return described.correlate(DagModel).scalar_subquery()


def pinned_at(dag_id: Any, bundle_name: Any, relative_fileloc: Any) -> Select:
    """Select the pinned version if the location is its own. A host without the enforcement may have overwritten it."""
    return select(Pin.dag_version_id).where(
        Pin.dag_id == dag_id, Pin.bundle_name == bundle_name, Pin.relative_fileloc == relative_fileloc
    )
