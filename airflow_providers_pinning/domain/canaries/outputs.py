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
The outputs of a run, in a comparable form.

The run's own ID in XComs does not count as a difference.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from airflow.models.asset import AssetEvent, AssetModel, TaskOutletAssetReference
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Row, Text, cast, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.withheld import EffectKind
from airflow_providers_pinning.domain.tries import earlier_tries, of_current_tries
from airflow_providers_pinning.models import WithheldEffect

SHOWN_LENGTH = 300
"""Maximum length of a value that is stored as it is. Of a longer one, size and hash are stored."""

MOST_XCOMS = 10_000
"""Maximum number of XComs of the two runs. With more, none are compared."""

MOST_CHARACTERS = 50_000_000
"""Maximum number of characters of all XComs. With more, none are compared."""

_OF_LINKS = "_link_"
"""Prefix of the keys under which Airflow stores links of operators, which contain run IDs."""

Task = tuple[str, int]
"""A task instance of a run: task ID and map index."""

Output = tuple[Task, str]
"""An output of a task instance: the key of an XCom, or the name of an asset."""


def tasks_of(run: DagRun, *, session: Session) -> dict[Task, Row]:
    """Return state, try number and duration of the task instances of a run."""
    query = select(
        TaskInstance.task_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.duration,
    ).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, *of_current_tries())
    return {(row.task_id, row.map_index): row for row in session.execute(query)}


def seconds_of(run: DagRun, tasks: Mapping[Task, Row], *, session: Session) -> float:
    """
    Return the total run time of a run's tasks over all tries, without waiting time.

    :param run: the run
    :param tasks: its task instances
    """
    earlier, are_earlier = earlier_tries()
    of_earlier = session.scalar(
        select(func.sum(earlier.c.duration)).where(
            earlier.c.dag_id == run.dag_id, earlier.c.run_id == run.run_id, *are_earlier
        )
    )
    return sum(float(row.duration or 0) for row in tasks.values()) + float(of_earlier or 0)


def why_too_much(run: DagRun, original: DagRun, *, session: Session) -> str | None:
    """Return why the XComs of the two runs are not read: the scheduler would read them while deciding about the run."""
    number, size = session.execute(
        select(func.count(), func.sum(func.length(cast(XComModel.value, Text)))).where(
            XComModel.dag_id == run.dag_id, XComModel.run_id.in_((run.run_id, original.run_id))
        )
    ).one()
    if number > MOST_XCOMS or (size or 0) > MOST_CHARACTERS:
        return f"They have too many or too large XComs to compare: {number} of {size} characters."
    return None


def xcoms_of(run: DagRun, *, session: Session) -> dict[Output, str]:
    """Return the XComs of a run."""
    query = (
        select(XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value)
        .where(XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id)
        .order_by(XComModel.task_id, XComModel.map_index, XComModel.key)
    )
    # Not inside a longer word: users name runs, and may call them "1".
    own_id = re.compile(rf"(?<!\w){re.escape(run.run_id)}(?!\w)")
    # One by one, so that large XComs do not fill the scheduler's memory.
    return {
        ((row.task_id, row.map_index), row.key): shown(own_id.sub("{run_id}", canonical(row.value)))
        for row in session.execute(query, execution_options={"yield_per": 50})
        if not row.key.startswith(_OF_LINKS)
    }


def asset_events_of(run: DagRun, original: DagRun, *, session: Session) -> tuple[dict[Output, str], dict[Output, str]]:
    """Return the asset events that the two published, or would have published, by task and asset."""
    withheld = session.scalars(
        select(WithheldEffect).where(
            WithheldEffect.dag_id == run.dag_id,
            WithheldEffect.run_id == run.run_id,
            WithheldEffect.kind == EffectKind.ASSET_EVENT.value,
        )
    ).all()
    ours: dict[Output, Counter[str]] = {}
    for effect in withheld:
        payload = effect.payload or {}
        key = ((effect.task_id or "", -1 if effect.map_index is None else effect.map_index), payload["asset"]["name"])
        ours.setdefault(key, Counter())[_event(payload["extra"], payload["partition_key"])] += 1
    names = {name for _, name in ours}
    for (task, name), events in _published(run, names, session=session).items():
        ours.setdefault((task, name), Counter()).update(events)
    return _counted(ours), _counted(_published(original, names, session=session))


def _published(run: DagRun, names: set[str], *, session: Session) -> dict[Output, Counter[str]]:
    """Read the asset events of a run through an index on the Dag's assets, instead of scanning the table."""
    outlets = select(TaskOutletAssetReference.asset_id).where(TaskOutletAssetReference.dag_id == run.dag_id)
    assets = {
        asset_id: name
        for asset_id, name in session.execute(
            select(AssetModel.id, AssetModel.name).where(AssetModel.name.in_(names) | AssetModel.id.in_(outlets))
        )
    }
    if not assets or run.start_date is None:
        return {}
    conditions = [AssetEvent.asset_id.in_(assets), AssetEvent.timestamp >= run.start_date]
    if run.end_date is not None:
        conditions.append(AssetEvent.timestamp <= run.end_date + timedelta(minutes=1))
    published: dict[Output, Counter[str]] = {}
    query = select(AssetEvent).where(
        *conditions, AssetEvent.source_dag_id == run.dag_id, AssetEvent.source_run_id == run.run_id
    )
    for event in session.scalars(query):
        index = -1 if event.source_map_index is None else event.source_map_index
        key = ((event.source_task_id or "", index), assets[event.asset_id])
        published.setdefault(key, Counter())[_event(event.extra, event.partition_key)] += 1
    return published


def _event(extra: Any, partition_key: str | None) -> str:
    return canonical({"extra": extra or {}, **({"partition_key": partition_key} if partition_key else {})})


def _counted(events: Mapping[Output, Counter[str]]) -> dict[Output, str]:
    return {key: shown(", ".join(sorted(counter.elements()))) for key, counter in events.items()}


def canonical(value: Any) -> str:
    """Return a value as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def shown(text: str) -> str:
    """Return a text, or size and hash of a long text."""
    if len(text) <= SHOWN_LENGTH:
        return text
    return f"{len(text)} characters, sha256 {sha256(text.encode()).hexdigest()[:16]}"
