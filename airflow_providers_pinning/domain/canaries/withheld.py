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
"""Withhold the effects of canary runs on live runs, and record them with the run as evidence."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from airflow.models.asset import AssetModel
from airflow.models.deadline_alert import DeadlineAlert
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import WithheldEffect


class EffectKind(str, Enum):
    """The kind of a withheld effect."""

    ASSET_EVENT = "asset_event"
    """An event of an asset: ``{"asset": {"name", "uri"}, "extra", "partition_key", "aliases"}``."""
    DEADLINE = "deadline"
    """A deadline of the Dag: ``{"name", "reference", "interval"}``."""
    CALLBACK = "callback"
    """A callback or email that Airflow itself would have handled: ``{"request", "on", "reason"}``."""
    VARIABLE = "variable"
    """The final write to a Variable: ``{"variable", "operation", "size", "writes"}``, without the value."""
    ASSET_STATE = "asset_state"
    """The final write to asset state: ``{"asset", "asset_id", "key", "operation", "size", "writes"}``."""


def withhold(
    kind: EffectKind,
    payloads: Iterable[dict[str, Any]],
    *,
    dag_id: str,
    run_id: str,
    task_id: str | None = None,
    map_index: int | None = None,
    session: Session,
) -> None:
    """
    Record the withheld effects of a run.

    :param kind: the kind of the effects
    :param payloads: the effects, as plain values
    :param dag_id: the Dag
    :param run_id: the run
    :param task_id: the task that caused them; ``None`` if the run did
    :param map_index: its map index
    :param session: database session; the caller commits
    """
    session.add_all(
        WithheldEffect(
            dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, kind=kind.value, payload=payload
        )
        for payload in payloads
    )


def asset_events(
    outlets: Collection[Any],
    outlet_events: Collection[Mapping[str, Any]],
    partition_key: str | None,
    *,
    session: Session,
) -> list[dict[str, Any]]:
    """
    Return the asset events that the success of a task would have published.

    Each outlet with an active asset gets an event, even if the task emitted none.

    :param outlets: the outlets of the task, with ``type``, ``name`` and ``uri``
    :param outlet_events: the events that the task emitted, as the task process sends them
    :param partition_key: partition key of the run, for events without their own
    :param session: database session
    """
    emitted: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    of_aliases: dict[tuple[str, str, str], tuple[dict[str, Any], set[str]]] = {}
    aliases = {outlet.name for outlet in outlets if outlet.type == "AssetAlias"}
    for event in outlet_events:
        asset = (event["dest_asset_key"]["name"], event["dest_asset_key"]["uri"])
        alias = event.get("source_alias_name")
        if alias is None:
            emitted[asset].append(event)
        elif alias in aliases:
            # Equal events of several aliases are one event.
            published = _event(asset, event, partition_key)
            of_aliases.setdefault((*asset, json.dumps(event["extra"], sort_keys=True)), (published, set()))[1].add(
                alias
            )
    events = []
    for asset in _active_outlets(outlets, session=session):
        for event in emitted.get(asset) or [{}]:
            events.append(_event(asset, event, event.get("partition_key") or partition_key))
    return [*events, *({**event, "aliases": sorted(names)} for event, names in of_aliases.values())]


def deadlines(dag_version_id: UUID, *, session: Session) -> list[dict[str, Any]]:
    """Return the deadlines that a run of a version would have."""
    alerts = session.execute(
        select(DeadlineAlert.name, DeadlineAlert.reference, DeadlineAlert.interval)
        .join(SerializedDagModel, SerializedDagModel.id == DeadlineAlert.serialized_dag_id)
        .where(SerializedDagModel.dag_version_id == dag_version_id)
        .order_by(DeadlineAlert.id)
    )
    return [{"name": alert.name, "reference": alert.reference, "interval": alert.interval} for alert in alerts]


def count_withheld(dag_id: str, run_ids: Collection[str], *, session: Session) -> dict[str, dict[str, int]]:
    """Count the withheld effects of runs, by run and kind. Runs without any are left out."""
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for run_id, kind, number in session.execute(
        select(WithheldEffect.run_id, WithheldEffect.kind, func.count())
        .where(WithheldEffect.dag_id == dag_id, WithheldEffect.run_id.in_(run_ids))
        .group_by(WithheldEffect.run_id, WithheldEffect.kind)
        .order_by(WithheldEffect.kind)
    ):
        counted[run_id][kind] = number
    return dict(counted)


def _event(asset: tuple[str, str], event: Mapping[str, Any], partition_key: str | None) -> dict[str, Any]:
    name, uri = asset
    return {
        "asset": {"name": name, "uri": uri},
        "extra": event.get("extra") or {},
        "partition_key": partition_key,
        "aliases": [],
    }


def _active_outlets(outlets: Collection[Any], *, session: Session) -> list[tuple[str, str]]:
    """Find the assets of the outlets, each as often as Airflow would publish an event for it."""
    named: dict[str, list[Any]] = defaultdict(list)
    for outlet in outlets:
        named[outlet.type].append(outlet)
    if not named.keys() & {"Asset", "AssetNameRef", "AssetUriRef"}:
        return []
    keys = {(outlet.name, outlet.uri) for outlet in named["Asset"]}
    names = {outlet.name for outlet in named["AssetNameRef"]}
    uris = {outlet.uri for outlet in named["AssetUriRef"]}
    active = [
        (row.name, row.uri)
        for row in session.execute(
            select(AssetModel.name, AssetModel.uri)
            .where(
                AssetModel.active.has(),
                or_(
                    tuple_(AssetModel.name, AssetModel.uri).in_(keys),
                    AssetModel.name.in_(names),
                    AssetModel.uri.in_(uris),
                ),
            )
            .order_by(AssetModel.id)
        )
    ]
    return [asset for asset in active for wanted in (asset in keys, asset[0] in names, asset[1] in uris) if wanted]
