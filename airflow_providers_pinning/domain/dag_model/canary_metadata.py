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
Metadata that a canary or ramp version needs in addition to the pinned version's.

Airflow does not run a task with an inactive outlet, and keeps an asset active only while a task in a Dag's active
metadata refers to it. A candidate's new outlet is in no active metadata. So its references are added to those of the
pinned version as long as the candidate has an unfinished canary run, a ramp in progress, or an unfinished run from a
ramp. Likewise, Airflow only checks limits of single tasks if the active metadata has any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from airflow.dag_processing.collection import AssetModelOperation
from airflow.models.asset import AssetAliasModel, AssetModel, TaskInletAssetReference, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.state import State
from sqlalchemy import CompoundSelect, bindparam, literal, or_, select, tuple_, union
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.stored_dags import as_parsed
from airflow_providers_pinning.models import Ramp, RoutedRun


def register_needs(serialized: SerializedDagModel, *, session: Session) -> None:
    """Register and activate the version's assets, add its task references, and enable its per-task limits."""
    dag_id = serialized.dag_id
    parsed = as_parsed(serialized)
    if parsed.has_task_concurrency_limits:
        session.get_one(DagModel, dag_id).has_task_concurrency_limits = True
    operation = AssetModelOperation.collect({dag_id: parsed})
    assets = _known_assets(operation, session=session)
    session.flush()
    operation.activate_assets_if_possible(assets.values(), session=session)
    outlets = {
        (task_id, assets[asset.name, asset.uri].id): {
            "allow_consumer_teams": asset.access_control.get("consumer_teams"),
            "allow_global_consumers": asset.access_control.get("allow_global", True),
        }
        for task_id, asset in operation.outlet_references[dag_id]
    }
    inlets: dict[tuple[str, int], dict[str, Any]] = {
        (task_id, assets[asset.name, asset.uri].id): {} for task_id, asset in operation.inlet_references[dag_id]
    }
    _refer(TaskOutletAssetReference, dag_id, outlets, session=session)
    _refer(TaskInletAssetReference, dag_id, inlets, session=session)
    session.flush()


def _known_assets(operation: AssetModelOperation, *, session: Session) -> dict[tuple[str, str], AssetModel]:
    """Create missing assets and aliases. Active versions define the existing ones."""
    known = select(AssetModel).where(tuple_(AssetModel.name, AssetModel.uri).in_(list(operation.assets)))
    assets = {(asset.name, asset.uri): asset for asset in session.scalars(known)}
    names = select(AssetAliasModel.name).where(AssetAliasModel.name.in_(list(operation.asset_aliases)))
    aliases = set(session.scalars(names))
    missing = operation._replace(
        assets={key: asset for key, asset in operation.assets.items() if key not in assets},
        asset_aliases={name: alias for name, alias in operation.asset_aliases.items() if name not in aliases},
    )
    missing.sync_asset_aliases(session=session)
    return {**assets, **missing.sync_assets(session=session)}


def register_needs_of(dag_version_id: UUID, *, session: Session) -> None:
    """Do the same for a stored version."""
    stored = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == dag_version_id)
    register_needs(session.scalars(stored).one(), session=session)


def keep_needs_of_other_versions(dag_ids: Collection[str], *, session: Session) -> None:
    """Restore what canary runs and ramps need, after the pinned version's metadata was written."""
    running = session.scalars(_versions_in_use(), {"dag_ids": list(dag_ids)}).all()
    if not running:
        return
    for serialized in session.scalars(select(SerializedDagModel).where(SerializedDagModel.dag_version_id.in_(running))):
        register_needs(serialized, session=session)


@cache
def _versions_in_use() -> CompoundSelect:
    # Built once, because every change of a pin uses it.
    dag_ids: Any = bindparam("dag_ids", expanding=True)
    is_unfinished = DagRun.state.in_(State.unfinished_dr_states)
    by_canaries = (
        select(RoutedRun.dag_version_id)
        .join(DagRun, (DagRun.dag_id == RoutedRun.dag_id) & (DagRun.run_id == RoutedRun.run_id))
        .where(RoutedRun.dag_id.in_(dag_ids), is_unfinished)
    )
    has_run = (
        select(literal(1))
        .where(DagRun.dag_id == Ramp.dag_id, DagRun.created_dag_version_id == Ramp.dag_version_id, is_unfinished)
        .exists()
    )
    by_ramps = select(Ramp.dag_version_id).where(Ramp.dag_id.in_(dag_ids), or_(Ramp.ended_at.is_(None), has_run))
    return union(by_canaries, by_ramps)


def _refer(
    model: type[TaskOutletAssetReference] | type[TaskInletAssetReference],
    dag_id: str,
    wanted: Mapping[tuple[str, int], Mapping[str, Any]],
    *,
    session: Session,
) -> None:
    """Add the references, each a task and an asset ID, that the active version does not have."""
    present = {
        tuple(row) for row in session.execute(select(model.task_id, model.asset_id).where(model.dag_id == dag_id))
    }
    session.add_all(
        model(asset_id=asset_id, dag_id=dag_id, task_id=task_id, **values)
        for (task_id, asset_id), values in wanted.items()
        if (task_id, asset_id) not in present
    )
