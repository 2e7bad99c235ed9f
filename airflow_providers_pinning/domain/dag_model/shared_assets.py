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
The definition of an asset that a pinned Dag shares with others: its watchers, extra and group.

Airflow keeps one row per asset, and each parse of a file writes that file's definition. A pinned version may differ
from HEAD, so the two would alternate, and unpinned Dags would get events of the wrong watchers, or none. So if any
unpinned Dag uses the asset, HEAD defines it, and pinned versions do not write it. If only pinned Dags use it, the
version registered last defines it. Asset aliases, whose only property is a group without effect, are always defined
by HEAD.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from airflow.dag_processing.collection import (
    AssetModelOperation,
    _find_all_asset_aliases,
    _find_all_assets,
)
from airflow.models.asset import AssetActive, AssetAliasModel, AssetModel, DagScheduleAssetReference
from airflow.models.dag import DagModel
from airflow.serialization.definitions.assets import SerializedAsset
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from sqlalchemy import exists, inspect, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.asset_users import AssetUser, deciding_users
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
from airflow_providers_pinning.models import Pin

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Name and URI of an asset."""


class AssetsOfFile(dict[Key, SerializedAsset]):
    """
    The assets used by the Dags of one file, some of which are pinned.

    :param assets: the definitions that Airflow collected
    :param dags: the Dags of the file, with pinned versions in place of their definitions at HEAD
    """

    def __init__(self, assets: Mapping[Key, SerializedAsset], dags: Mapping[str, LazyDeserializedDAG]) -> None:
        super().__init__(assets)
        self.dags = dags
        self.kept: set[Key] = set()
        """Assets whose rows are not written."""


def with_pinned(operation: AssetModelOperation, dags: Mapping[str, LazyDeserializedDAG]) -> AssetModelOperation:
    """Attach the Dags of a file to its assets, if one of the Dags is a stored version."""
    if not any(isinstance(dag, ActiveVersion) for dag in dags.values()):
        return operation
    return operation._replace(assets=AssetsOfFile(operation.assets, dags))


def choose_definitions(assets: AssetsOfFile, *, session: Session) -> None:
    """Choose the definition of each asset to be written, before Airflow writes it."""
    if not assets:
        return
    head = _at_head(assets.dags)
    pinned = _of_pinned(assets.dags)
    at_head_alone = _used_by_others(assets.dags)
    rows = {
        (row.name, row.uri): row
        for row in session.scalars(select(AssetModel).where(tuple_(AssetModel.name, AssetModel.uri).in_(list(assets))))
    }
    others = deciding_users([row.id for row in rows.values()], besides=list(assets.dags), session=session)
    for key in assets:
        row = rows.get(key)
        other = others.get(row.id) if row is not None else None
        if key in at_head_alone or (other is not None and not other.pinned):
            definition = head.get(key)
        else:
            mine, definition = max(pinned[key], key=lambda found: found[0].say)
            if other is not None and mine.yields_to(other):
                definition = None
        if definition is not None:
            assets[key] = definition
        elif row is not None:
            assets[key] = row.to_serialized()
            assets.kept.add(key)


def choose_alias_groups(operation: AssetModelOperation, *, session: Session) -> None:
    """Choose HEAD's group of each asset alias, or the current one if this file at HEAD does not use the alias."""
    assets = operation.assets
    if not isinstance(assets, AssetsOfFile) or not operation.asset_aliases:
        return
    head = {alias.name: alias for dag in _head_dags(assets.dags) for alias in _aliases_of(dag)}
    known = select(AssetAliasModel).where(AssetAliasModel.name.in_(list(operation.asset_aliases)))
    present = {row.name: row.to_serialized() for row in session.scalars(known)}
    for name in operation.asset_aliases:
        if (alias := head.get(name) or present.get(name)) is not None:
            operation.asset_aliases[name] = alias


def have_other_watchers(assets: Iterable[AssetModel]) -> bool:
    """Return whether watchers were replaced in the session but not yet flushed."""
    return any(inspect(asset).attrs.watchers.history.has_changes() for asset in assets)


def without_kept(operation: AssetModelOperation) -> AssetModelOperation:
    """Leave out the assets whose watchers must stay as they are."""
    assets = operation.assets
    if not isinstance(assets, AssetsOfFile) or not assets.kept:
        return operation
    written = {key: asset for key, asset in assets.items() if key not in assets.kept}
    return operation._replace(assets=AssetsOfFile(written, assets.dags))


def displaced_and_awaited(keys: Collection[Key], *, session: Session) -> set[Key]:
    """
    Find the inactive assets that a pinned Dag waits for, and whose name or URI another asset has taken.

    Their watchers keep running: no other Dag uses the asset, and the pinned Dag waits for its events.
    """
    if not keys:
        return set()
    rows = session.execute(
        select(AssetModel.name, AssetModel.uri)
        .join(DagScheduleAssetReference, DagScheduleAssetReference.asset_id == AssetModel.id)
        .join(DagModel, DagModel.dag_id == DagScheduleAssetReference.dag_id)
        .join(Pin, Pin.dag_id == DagModel.dag_id)
        .where(
            tuple_(AssetModel.name, AssetModel.uri).in_(list(keys)),
            is_displaced(),
            Pin.dag_version_id.is_not(None),
            DagModel.is_stale.is_(False),
            DagModel.is_paused.is_(False),
        )
        .distinct()
    )
    return {(row.name, row.uri) for row in rows}


def is_displaced() -> Any:
    """Build the condition that an asset is inactive while an active one has its name or URI."""
    taken = or_(AssetActive.name == AssetModel.name, AssetActive.uri == AssetModel.uri)
    itself = exists().where(AssetActive.name == AssetModel.name, AssetActive.uri == AssetModel.uri)
    return ~itself.correlate(AssetModel) & exists().where(taken).correlate(AssetModel)


def _used_by_others(dags: Mapping[str, LazyDeserializedDAG]) -> set[Key]:
    """Find the assets that unpinned Dags of this file use."""
    others = [dag for dag in dags.values() if not (isinstance(dag, ActiveVersion) and dag.pinned)]
    return {(asset.name, asset.uri) for asset in _find_all_assets(others)}


def _of_pinned(dags: Mapping[str, LazyDeserializedDAG]) -> dict[Key, list[tuple[AssetUser, SerializedAsset]]]:
    found: dict[Key, list[tuple[AssetUser, SerializedAsset]]] = {}
    for dag_id, dag in dags.items():
        if isinstance(dag, ActiveVersion) and dag.pinned:
            user = AssetUser(dag_id, True, dag.registered_at)
            for key, asset in {(asset.name, asset.uri): asset for asset in _find_all_assets([dag])}.items():
                found.setdefault(key, []).append((user, asset))
    return found


def _at_head(dags: Mapping[str, LazyDeserializedDAG]) -> dict[Key, SerializedAsset]:
    """Collect the definitions of this file as if nothing was pinned. As in Airflow, the last one of each asset wins."""
    return {(asset.name, asset.uri): asset for dag in _head_dags(dags) for asset in _assets_of(dag)}


def _head_dags(dags: Mapping[str, LazyDeserializedDAG]) -> list[LazyDeserializedDAG]:
    at_head = (dag.head if isinstance(dag, ActiveVersion) and dag.pinned else dag for dag in dags.values())
    return [dag for dag in at_head if dag is not None]


def _assets_of(dag: LazyDeserializedDAG) -> list[SerializedAsset]:
    try:
        return list(_find_all_assets([dag]))
    except Exception:
        # The references of a pinned Dag at HEAD cannot be read, so they are ignored, and others do not have to wait.
        log.warning("The assets of Dag %s at HEAD cannot be read", dag.dag_id, exc_info=True)
        return []


def _aliases_of(dag: LazyDeserializedDAG) -> list[Any]:
    try:
        return list(_find_all_asset_aliases([dag]))
    except Exception:
        log.warning("The asset aliases of Dag %s at HEAD cannot be read", dag.dag_id, exc_info=True)
        return []
