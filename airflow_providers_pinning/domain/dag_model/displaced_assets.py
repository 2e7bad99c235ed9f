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
Let tasks of managed versions run even if their assets were displaced by others with the same name or URI.

Airflow fails such a task before it starts, and records no event for such an asset. For a Dag at HEAD, that is right:
its file has to be fixed. A managed version cannot be fixed, and its assets are known. So its tasks run, and their
events reach the Dags that use the very same asset, such as others of the same release.

Airflow's own lookups of active assets are extended to find the displaced ones, without an extra statement. The
database searches for them only if the task's version is managed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast
from uuid import UUID

from airflow.models.asset import AssetActive, AssetModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import ColumnElement, Result, Select, and_, bindparam, or_, select, tuple_, union_all
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.visitors import iterate

from airflow_providers_pinning.domain.dag_model.shared_assets import Key, is_displaced
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import ManagedVersion

_KEYS = "pinning_assets"
_TASK_INSTANCE = "pinning_task_instance"


@contextmanager
def displaced_passed_as_active(task_instance_id: UUID, *, session: Session) -> Iterator[None]:
    """
    Make the session's lookup of active assets inside the block also find displaced assets of a managed version.

    :param task_instance_id: the task instance whose assets Airflow looks up
    :param session: database session
    """

    def widen(state: ORMExecuteState) -> Result | None:
        if not state.is_select or state.bind_mapper is not AssetActive.__mapper__:
            return None
        keys = _keys_of(cast("Select", state.statement))
        state.parameters = {_KEYS: keys, _TASK_INSTANCE: task_instance_id}
        return state.invoke_statement(statement=_active_or_displaced())

    with listening(session, widen):
        yield


@contextmanager
def displaced_outlets_found(ti: TaskInstance, outlets: Iterable[Any], *, session: Session) -> Iterator[None]:
    """
    Make the session's first lookup of assets inside the block also find displaced outlets of a managed version.

    References by name or URI alone still mean the active asset.

    :param ti: the successful task instance
    :param outlets: profiles of its outlets
    :param session: database session
    """
    keys = {(outlet.name, outlet.uri) for outlet in outlets if outlet.type == "Asset" and outlet.name and outlet.uri}
    parameters = {_KEYS: list(keys), _TASK_INSTANCE: ti.id}

    def widen(state: ORMExecuteState) -> Result | None:
        # The following lookups are for one asset each, to record its event.
        if not keys or not state.is_select or state.bind_mapper is not AssetModel.__mapper__:
            return None
        keys.clear()
        active = cast("ColumnElement[bool]", cast("Select", state.statement).whereclause)
        # If several assets have one name, Airflow resolves a reference to the last one.
        found = select(AssetModel).where(or_(active, _displaced())).order_by(AssetModel.active.has())
        state.parameters = parameters
        return state.invoke_statement(statement=found)

    with listening(session, widen):
        yield


@cache
def _active_or_displaced() -> Select:
    # Built once, because each task with inlets or outlets uses it.
    keys: BindParameter[Any] = bindparam(_KEYS, expanding=True)
    active = select(AssetActive.name, AssetActive.uri).where(tuple_(AssetActive.name, AssetActive.uri).in_(keys))
    found = union_all(active, select(AssetModel.name, AssetModel.uri).where(_displaced())).subquery()
    return select(found.c.name, found.c.uri)


@cache
def _displaced() -> ColumnElement[bool]:
    is_managed = (
        select(ManagedVersion.dag_version_id)
        .join(TaskInstance, TaskInstance.dag_version_id == ManagedVersion.dag_version_id)
        .where(TaskInstance.id == bindparam(_TASK_INSTANCE, type_=TaskInstance.id.type))
        .exists()
        .correlate(None)
    )
    keys: BindParameter[Any] = bindparam(_KEYS, expanding=True)
    return and_(tuple_(AssetModel.name, AssetModel.uri).in_(keys), is_managed, is_displaced())


def _keys_of(active: Select) -> list[Key]:
    """Return the names and URIs that Airflow looks up, which are not arguments of its function."""
    return [
        key
        for element in iterate(cast("ColumnElement[bool]", active.whereclause))
        if isinstance(element, BindParameter) and element.expanding
        for key in element.value or ()
    ]
