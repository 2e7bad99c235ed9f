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
"""Differences in assets between two versions of a Dag: those they wait for, read and update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from airflow_providers_pinning.domain.difference.stored import StoredVersion
from airflow_providers_pinning.domain.difference.tasks import Tasks
from airflow_providers_pinning.domain.difference.values import TYPE

AssetRole = Literal["schedule", "outlet", "inlet"]


Used = tuple[AssetRole, "str | None", str, "str | None"]
"""Role, task, name and URI of an asset."""
_ORDER = {"schedule": 0, "outlet": 1, "inlet": 2}


@dataclass(frozen=True)
class AssetChange:
    """An asset, asset alias or asset reference that only one of the versions has."""

    role: AssetRole
    kind: Literal["added", "removed"]
    name: str
    """Name of the asset or alias, or the URI of a reference by URI."""
    uri: str | None
    task_id: str | None
    """The task with the outlet or inlet."""


def compare_assets(old: set[Used], new: set[Used]) -> tuple[AssetChange, ...]:
    """List the added and removed assets, ordered by role, task and name."""
    found = [_change("removed", used) for used in old - new] + [_change("added", used) for used in new - old]
    return tuple(
        sorted(found, key=lambda asset: (_ORDER[asset.role], asset.task_id or "", asset.name, asset.uri or ""))
    )


def _change(kind: Literal["added", "removed"], used: Used) -> AssetChange:
    role, task_id, name, uri = used
    return AssetChange(role=role, kind=kind, name=name, uri=uri, task_id=task_id)


def assets_of(version: StoredVersion, tasks: Tasks) -> set[Used]:
    """Collect the assets that a version uses."""
    used: set[Used] = {("schedule", None, name, uri) for name, uri in assets_in(version.dag.get("timetable"))}
    for task_id, fields in tasks.items():
        used |= {("outlet", task_id, name, uri) for name, uri in assets_in(fields.get("outlets"))}
        used |= {("inlet", task_id, name, uri) for name, uri in assets_in(fields.get("inlets"))}
    return used


def assets_in(value: Any) -> Iterator[tuple[str, str | None]]:
    """Yield the name and URI of every asset in a plain value."""
    if isinstance(value, list):
        for item in value:
            yield from assets_in(item)
    elif isinstance(value, dict):
        kind = value.get(TYPE)
        if kind in ("asset", "asset_alias", "asset_ref"):
            yield str(value.get("name") or value.get("uri")), value.get("uri")
        else:
            for item in value.values():
                yield from assets_in(item)
