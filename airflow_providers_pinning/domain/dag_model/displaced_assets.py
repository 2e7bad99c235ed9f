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
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from airflow.assets.manager import AssetManager
from airflow.models.asset import AssetModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.shared_assets import Key, is_displaced
from airflow_providers_pinning.models import ManagedVersion


def displaced(task_instance_id: Any, keys: Collection[Key], *, session: Session) -> dict[Key, AssetModel]:
    """
    Find those of a task's inactive assets whose name or URI another one has, if its version is managed.

    :param task_instance_id: the task instance
    :param keys: names and URIs of assets that are not active
    :param session: database session
    """
    if not keys:
        return {}
    is_managed = (
        select(ManagedVersion.dag_version_id)
        .join(TaskInstance, TaskInstance.dag_version_id == ManagedVersion.dag_version_id)
        .where(TaskInstance.id == task_instance_id)
        .exists()
    )
    found = session.scalars(
        select(AssetModel).where(
            tuple_(AssetModel.name, AssetModel.uri).in_(list(keys)), is_managed.correlate(None), is_displaced()
        )
    )
    return {(asset.name, asset.uri): asset for asset in found}


def publish_displaced(
    ti: TaskInstance,
    outlets: Iterable[Any],
    outlet_events: Iterable[Mapping[str, Any]],
    published: Collection[Key],
    *,
    session: Session,
) -> list[Callable[[], None]]:
    """
    Record the events of a task's displaced outlets, as Airflow does those of active ones.

    :param ti: the task instance, which succeeded
    :param outlets: profiles of its outlets
    :param outlet_events: what it said of them
    :param published: names and URIs of the assets of which Airflow recorded events
    :param session: database session
    :return: what tells listeners, to be called after the commit
    """
    keys = {(outlet.name, outlet.uri) for outlet in outlets if outlet.type == "Asset" and outlet.name and outlet.uri}
    assets = displaced(ti.id, keys - set(published), session=session)
    if not assets:
        return []
    said: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for event in outlet_events:
        if "source_alias_name" not in event:
            said[event["dest_asset_key"]["name"], event["dest_asset_key"]["uri"]].append(event)
    listeners: list[Callable[[], None]] = []
    run = ti.dag_run
    for key, asset in sorted(assets.items()):
        for event in said[key] or [{"extra": None}]:
            partition_key = event.get("partition_key") or run.partition_key
            AssetManager.register_asset_change(
                task_instance=ti,
                asset=asset,
                extra=event["extra"],
                partition_key=partition_key,
                partition_date=run.partition_date if partition_key == run.partition_key else None,
                callback_sink=listeners,
                session=session,
            )
    return listeners
