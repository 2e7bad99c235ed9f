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
Tasks of managed versions whose assets are inactive because others have their name or URI by now.

Stock fails such a task before it begins, and records no event of such an asset. That is right for what HEAD defines,
where the file is to be mended. A managed version cannot be mended, and its assets are known: its tasks run, and their
events reach the Dags that use the very same asset, such as others of the same release.

Airflow's own look-ups of active assets are widened by the displaced ones, so that neither costs a statement more. The
database looks for them only if the task's version is managed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from airflow.models.asset import AssetActive, AssetModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_, union_all
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.visitors import iterate

from airflow_providers_pinning.domain.dag_model.shared_assets import Key, is_displaced
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import ManagedVersion


@contextmanager
def displaced_passed_as_active(task_instance_id: UUID, *, session: Session) -> Iterator[None]:
    """
    Make the session's look-up of active assets inside the block find a managed version's displaced ones too.

    :param task_instance_id: the task instance whose assets are looked up
    :param session: database session
    """

    def widen(state: ORMExecuteState) -> None:
        if not state.is_select or state.bind_mapper is not AssetActive.__mapper__:
            return
        active = cast("Select", state.statement)
        displaced = select(AssetModel.name, AssetModel.uri).where(
            *_displaced(_keys_of(active), task_instance_id),
        )
        found = union_all(active, displaced).subquery()
        # SQLAlchemy takes a SELECT for a SELECT, and no UNION.
        state.statement = select(found.c.name, found.c.uri)

    with listening(session, widen):
        yield


@contextmanager
def displaced_outlets_found(ti: TaskInstance, outlets: Iterable[Any], *, session: Session) -> Iterator[None]:
    """
    Make the session's first look-up of assets inside the block find a managed version's displaced outlets too.

    References by name or URI alone still mean the active asset.

    :param ti: the task instance, which succeeded
    :param outlets: profiles of its outlets
    :param session: database session
    """
    keys = {(outlet.name, outlet.uri) for outlet in outlets if outlet.type == "Asset" and outlet.name and outlet.uri}
    task_instance_id = ti.id

    def widen(state: ORMExecuteState) -> None:
        # Those that follow look up one asset each, to record its event.
        if not keys or not state.is_select or state.bind_mapper is not AssetModel.__mapper__:
            return
        stock = cast("Select", state.statement)
        found = or_(cast("ColumnElement[bool]", stock.whereclause), and_(*_displaced(keys, task_instance_id)))
        # Of several assets of one name, Airflow lets a reference mean the last.
        state.statement = select(AssetModel).where(found).order_by(AssetModel.active.has())
        keys.clear()

    with listening(session, widen):
        yield


def _displaced(keys: Iterable[Key], task_instance_id: UUID) -> tuple[ColumnElement[bool], ...]:
    is_managed = (
        select(ManagedVersion.dag_version_id)
        .join(TaskInstance, TaskInstance.dag_version_id == ManagedVersion.dag_version_id)
        .where(TaskInstance.id == task_instance_id)
        .exists()
    )
    return tuple_(AssetModel.name, AssetModel.uri).in_(list(keys)), is_managed.correlate(None), is_displaced()


def _keys_of(active: Select) -> list[Key]:
    """Return the names and URIs that Airflow looks up, which no argument of its function has."""
    return [
        key
        for element in iterate(cast("ColumnElement[bool]", active.whereclause))
        if isinstance(element, BindParameter) and element.expanding
        for key in element.value or ()
    ]
