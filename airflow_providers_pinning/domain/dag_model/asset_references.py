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
References of a Dag's row in other tables: to assets and deadlines.

If a file no longer has any reference of a kind, Airflow keeps the old ones until it has some again. For a pinned Dag,
they would belong to another version, create runs of the pinned one, and send it events that it does not wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from airflow.dag_processing.collection import AssetModelOperation
from airflow.models.asset import (
    DagScheduleAssetAliasReference,
    DagScheduleAssetNameReference,
    DagScheduleAssetReference,
    DagScheduleAssetUriReference,
    TaskInletAssetReference,
    TaskOutletAssetReference,
)
from airflow.models.dag import DagModel
from sqlalchemy import CompoundSelect, bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion

_KINDS: dict[str, Any] = {
    "schedule_asset_references": DagScheduleAssetReference,
    "schedule_asset_alias_references": DagScheduleAssetAliasReference,
    "schedule_asset_name_references": DagScheduleAssetNameReference,
    "schedule_asset_uri_references": DagScheduleAssetUriReference,
    "task_inlet_asset_references": TaskInletAssetReference,
    "task_outlet_asset_references": TaskOutletAssetReference,
}
"""Relationships of ``DagModel``, and their models."""


def drop_references_of_other_versions(
    active: Mapping[str, ActiveVersion], orm_dags: Mapping[str, DagModel], *, session: Session
) -> None:
    """Drop all references of each kind that the active version does not use. Airflow replaces the others."""
    wanted = _wanted_kinds(active)
    for row in session.execute(_present_kinds(), {"dag_ids": list(active)}).all():
        if (row.dag_id, row.kind) not in wanted:
            setattr(orm_dags[row.dag_id], row.kind, [])
    for dag_id, dag in active.items():
        if not dag.data["dag"].get("deadline"):
            orm_dags[dag_id].deadline = None


def _wanted_kinds(active: Mapping[str, ActiveVersion]) -> set[tuple[str, str]]:
    collected = AssetModelOperation.collect(dict(active))
    by_dag: dict[str, Mapping[str, Any]] = {
        "schedule_asset_references": collected.schedule_asset_references,
        "schedule_asset_alias_references": collected.schedule_asset_alias_references,
        "schedule_asset_name_references": dict(collected.schedule_asset_name_references),
        "schedule_asset_uri_references": dict(collected.schedule_asset_uri_references),
        "task_inlet_asset_references": collected.inlet_references,
        "task_outlet_asset_references": collected.outlet_references,
    }
    return {(dag_id, kind) for kind, references in by_dag.items() for dag_id, found in references.items() if found}


@cache
def _present_kinds() -> CompoundSelect:
    # One round trip for all kinds, and built once, because every change of a pin uses it.
    asked: Any = bindparam("dag_ids", expanding=True)
    return union_all(
        *(
            select(model.dag_id, literal(kind).label("kind")).distinct().where(model.dag_id.in_(asked))
            for kind, model in _KINDS.items()
        )
    )
