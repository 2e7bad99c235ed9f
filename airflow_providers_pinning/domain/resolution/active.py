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
Select the active version: the pin as a condition inside Airflow's own SELECTs.

The statement that selects the version enforces the pin, without a separate lookup. So there is no cache that two
schedulers could disagree on, and if a pinned version is missing or has changed, nothing is selected instead of another
version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, case, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.resolution import by_commit, holding
from airflow_providers_pinning.domain.resolution.creation import (
    look_version_of_locked_up,
    look_version_up,
    run_being_created,
    telling_pin,
)
from airflow_providers_pinning.domain.resolution.expansion import expanded_run
from airflow_providers_pinning.domain.resolution.locked_rows import locked_pin, was_never_pinned
from airflow_providers_pinning.domain.resolution.run_versions import own_version_condition
from airflow_providers_pinning.domain.versions.drift import has_drifted_condition
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class Resolution:
    """The version for the run that is being created, decided once for the whole creation."""

    dag_id: str
    dag_version_id: UUID | None
    """``None`` means the latest version, as in Airflow."""
    routed_to: VersionIdentity | None = None
    """Set if the run uses this version regardless of the pin, like a canary run."""
    row: DagVersion | None = None
    """Airflow's row of the version, if the creating transaction has already read it."""


_resolution: ContextVar[Resolution | None] = ContextVar("pinning_resolution", default=None)


@contextmanager
def resolved(resolution: Resolution) -> Iterator[None]:
    """Make version lookups of the Dag inside the block return the resolution instead of the pin."""
    token = _resolution.set(resolution)
    try:
        yield
    finally:
        _resolution.reset(token)


def current_resolution(dag_id: str) -> Resolution | None:
    """Return the current resolution for the Dag, if one of its runs is being created."""
    resolution = _resolution.get()
    return resolution if resolution and resolution.dag_id == dag_id else None


def is_active(
    version: Any = DagVersion, serialized: Any = None, *, dag_ids: Collection[str | BindParameter[str]] | None = None
) -> ColumnElement[bool]:
    """
    Build the condition "no pin of this Dag chooses anything but this version".

    Without a pin, it is true for every version. With a pin, it is true only for the version whose identity equals the
    pin's snapshot.

    However many pins there are, it costs one probe of their primary key per Dag if ``dag_ids`` is given. Correlation
    alone does not ensure that, because PostgreSQL may turn it into a merge over the whole index.

    :param version: ``DagVersion`` or an alias of it in the enclosing statement
    :param serialized: ``SerializedDagModel`` or an alias, if the enclosing statement has it; otherwise its hash is
        looked up, but only if there is a pin
    :param dag_ids: the Dags of the enclosing statement, unless it is about all Dags
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
    return ~(
        select(literal(1))
        .select_from(Pin)
        .where(
            Pin.dag_id == version.dag_id,
            Pin.dag_version_id.is_not(None),
            or_(Pin.dag_version_id != version.id, has_drifted_condition(Pin, version, dag_hash)),
            *([] if dag_ids is None else [Pin.dag_id.in_(dag_ids)]),
        )
        .correlate(*correlated)
        .exists()
    )


def active_condition(dag_id: str, *, serialized: Any = None) -> ColumnElement[bool] | None:
    """Return the condition for the active version of a Dag; ``None`` for the latest version."""
    if (resolution := current_resolution(dag_id)) is None:
        condition = is_active(DagVersion, serialized, dag_ids=[dag_id])
        own = own_version_condition(dag_id, condition)
        return condition if own is None else own
    if resolution.dag_version_id is None:
        return None
    return DagVersion.id == resolution.dag_version_id


_DAG_ID: BindParameter[str] = bindparam("pinning_dag_id", type_=DagVersion.dag_id.type)

_statements: dict[Hashable, Select] = {}

BuildLatest = Callable[["str | BindParameter[str]"], Select]
"""Builds Airflow's statement for the latest version of a Dag, given by its ID or as a parameter."""


def latest_statement(build: BuildLatest, key: Hashable, dag_id: str, *, serialized: Any = None) -> Select:
    """
    Return Airflow's statement for the latest version of a Dag, changed to find the active one.

    :param build: builds Airflow's statement for a Dag
    :param key: distinguishes the statements that it builds, regardless of the Dag
    :param dag_id: the Dag
    :param serialized: ``SerializedDagModel``, if the statement has it
    """
    if _only_the_pin_decides(dag_id):
        if was_never_pinned(dag_id):
            return _stock(build, key).params(_parameters(dag_id))
        return _built_once(build, key, serialized=serialized).params(_parameters(dag_id))
    query, condition = build(dag_id), active_condition(dag_id, serialized=serialized)
    return query if condition is None else query.where(condition)


def _only_the_pin_decides(dag_id: str) -> bool:
    """Return whether no run that is being created or expanded has its own version."""
    return current_resolution(dag_id) is None and ((run := expanded_run()) is None or run[0] != dag_id)


def _built_once(build: BuildLatest, key: Hashable, *, serialized: Any = None) -> Select:
    """
    Return a statement with the Dag as a parameter, see :func:`_parameters`.

    The scheduler sends two for each run, and building one costs more than executing it.
    """
    if (statement := _statements.get(key)) is None:
        condition = is_active(DagVersion, serialized, dag_ids=[_DAG_ID])
        statement = _statements[key] = build(_DAG_ID).where(condition)
    return statement


def _stock(build: BuildLatest, key: Hashable) -> Select:
    """Return Airflow's own statement, for a Dag that is known to have no pin."""
    if (statement := _statements.get(("stock", key))) is None:
        statement = _statements["stock", key] = build(_DAG_ID)
    return statement


def _parameters(dag_id: str) -> dict[str, str]:
    return {_DAG_ID.key: dag_id}


def find_active_version(build: BuildLatest, key: Hashable, dag_id: str, *, session: Session) -> DagVersion | None:
    """
    Execute Airflow's query for a Dag's latest version, changed to find the active one.

    :param build: builds the query, which selects ``DagVersion``, for a Dag
    :param key: distinguishes the queries that it builds, regardless of the Dag
    :param dag_id: the Dag
    :param session: database session
    """
    resolution = current_resolution(dag_id)
    if resolution is not None and resolution.row is not None:
        return resolution.row
    if resolution is None and (creation := run_being_created(dag_id)):
        if _only_the_pin_decides(dag_id):
            # With separate parameters, the statement also keeps its key in SQLAlchemy's cache.
            parameters = _parameters(dag_id)
            if was_never_pinned(dag_id):
                return look_version_of_locked_up(creation, _stock(build, key), parameters, session=session)
            if locked_pin(dag_id) is not None:
                return look_version_of_locked_up(creation, _built_once(build, key), parameters, session=session)
            telling = _built_once(lambda dag: telling_pin(build(dag), dag), ("telling", key))
            return look_version_up(creation, telling, parameters, session=session)
        telling = telling_pin(latest_statement(build, key, dag_id), dag_id)
        return look_version_up(creation, telling, {}, session=session)
    version: DagVersion | None = holding.scalar(latest_statement(build, key, dag_id), dag_id, session=session)
    return version


def find_version_of_commit(query: Select, dag_id: str, *, session: Session) -> DagVersion | None:
    """
    Execute a query for a Dag's latest version of a commit, but prefer the active version if it is of that commit.

    A caller that names a commit does not ask for the active version, so other versions are found too.

    :param query: selects ``DagVersion``, of one bundle version
    :param dag_id: the Dag
    :param session: database session
    """
    if (condition := active_condition(dag_id)) is not None:
        query = query.order_by(None).order_by(case((condition, 0), else_=1), DagVersion.version_number.desc())
    return by_commit.version_of_commit(query, dag_id, session=session)
