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
A replay beside its original: in what the outputs of the two differ.

Outputs are the states of tasks, XComs and published assets, of the tasks that both have. It is found out when the
replay finishes, and recorded with its outcome. Run ids in XComs are the run's own, and no difference.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from airflow.models.asset import AssetEvent, AssetModel, TaskOutletAssetReference
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Row, Text, cast, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.withheld import EffectKind
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import RoutedRun, WithheldEffect

log = logging.getLogger(__name__)

SHOWN_DIFFERENCES = 100
"""How many differences are kept with their content; all are counted."""

SHOWN_LENGTH = 300
"""Of how many characters a value is kept as it is; of a longer one its size and hash."""

MOST_XCOMS = 10_000
"""How many XComs of the two runs are compared; with more they are not compared at all."""

MOST_CHARACTERS = 50_000_000
"""How many characters of XComs are compared; with more they are not compared at all."""

_OF_LINKS = "_link_"
"""Start of the keys under which Airflow keeps the links of operators, which name runs."""

_Task = tuple[str, int]


@dataclass(frozen=True)
class Difference:
    """One output that differs."""

    what: str
    """``task`` (an instance that one of them lacks), ``state``, ``xcom`` or ``asset_event``."""
    task_id: str
    map_index: int
    key: str | None
    """Key of the XCom, or name of the asset."""
    original: str | None
    """What the original has; ``None`` is nothing."""
    replay: str | None


@dataclass(frozen=True)
class Pair:
    """A replay and its original."""

    run_id: str
    state: str | None
    """State that the replay finished with; ``None`` until then."""
    counts_as: str | None
    seconds: float | None
    original_run_id: str
    comparison: Mapping[str, Any]
    """What :func:`compare_with_original` found; empty until the replay is finished."""


def list_pairs(
    dag_id: str, version: VersionIdentity, *, limit: int, offset: int, session: Session
) -> tuple[list[Pair], int]:
    """Return the replays of a version, newest first, and how many there are."""
    of_version = (
        RoutedRun.dag_id == dag_id,
        RoutedRun.dag_version_id == version.dag_version_id,
        RoutedRun.replay_of.is_not(None),
    )
    total = session.scalar(select(func.count()).select_from(RoutedRun).where(*of_version)) or 0
    newest = (
        select(RoutedRun)
        .where(*of_version)
        .order_by(RoutedRun.created_at.desc(), RoutedRun.run_id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [
        Pair(
            run.run_id,
            run.state,
            run.counts_as,
            run.active_seconds,
            run.replay_of or "",
            (run.outcome or {}).get("replay") or {},
        )
        for run in session.scalars(newest)
    ], total


def compare_with_original(run: DagRun, original_id: str, *, session: Session) -> dict[str, Any]:
    """
    Return in what a finished replay differs from its original, as plain values.

    It has ``original_state``, ``original_seconds``, ``differences`` (how many), ``shown``
    (the first of them), ``tasks_added``, ``tasks_removed`` and ``problem``, a sentence if they could not be compared.

    :param run: the replay
    :param original_id: id of the run that it replays
    :param session: database session
    """
    try:
        return _compare(run, original_id, session=session)
    except SQLAlchemyError:
        raise
    except Exception as error:
        # The scheduler must not end because of what a task put into an XCom.
        log.exception("Run %s of Dag %s cannot be compared with %s", run.run_id, run.dag_id, original_id)
        return {"problem": f"They cannot be compared: {error}"[:SHOWN_LENGTH]}


def _compare(run: DagRun, original_id: str, *, session: Session) -> dict[str, Any]:
    original = session.scalar(select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == original_id))
    if original is None:
        return {"problem": "The original is gone."}
    ours, theirs = _tasks(run, session=session), _tasks(original, session=session)
    both = ours.keys() & theirs.keys()
    if not both:
        return {"problem": "The two have no task in common."}
    if too_much := _too_much(run, original, session=session):
        return {"problem": too_much}
    found = [
        *_instances(ours, theirs),
        *_states(ours, theirs, both),
        *_differences("xcom", _xcoms(run, session=session), _xcoms(original, session=session), both),
        *_differences("asset_event", *_asset_events(run, original, session=session), both),
    ]
    return {
        "original_state": str(original.state),
        "original_seconds": sum(float(row.duration or 0) for row in theirs.values()),
        "differences": len(found),
        "shown": [asdict(difference) for difference in found[:SHOWN_DIFFERENCES]],
        "tasks_added": sorted({task_id for task_id, _ in ours} - {task_id for task_id, _ in theirs}),
        "tasks_removed": sorted({task_id for task_id, _ in theirs} - {task_id for task_id, _ in ours}),
        "problem": None,
    }


def _tasks(run: DagRun, *, session: Session) -> dict[_Task, Row]:
    query = select(
        TaskInstance.task_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.duration,
    ).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    return {(row.task_id, row.map_index): row for row in session.execute(query)}


def _instances(ours: Mapping[_Task, Row], theirs: Mapping[_Task, Row]) -> list[Difference]:
    """Return the task instances that the replay lacks, and those that it has more of a task that both have."""
    known = {task_id for task_id, _ in theirs}
    added = [task for task in ours.keys() - theirs.keys() if task[0] in known]
    gone = sorted(theirs.keys() - ours.keys())
    return [
        *(Difference("task", *task, None, str(theirs[task].state), None) for task in gone),
        *(Difference("task", *task, None, None, str(ours[task].state)) for task in sorted(added)),
    ]


def _too_much(run: DagRun, original: DagRun, *, session: Session) -> str | None:
    """Say why the XComs of the two are not read: the scheduler does that while it decides about the run."""
    number, size = session.execute(
        select(func.count(), func.sum(func.length(cast(XComModel.value, Text)))).where(
            XComModel.dag_id == run.dag_id, XComModel.run_id.in_((run.run_id, original.run_id))
        )
    ).one()
    if number > MOST_XCOMS or (size or 0) > MOST_CHARACTERS:
        return f"They have too many or too large XComs to compare: {number} of {size} characters."
    return None


def _states(ours: Mapping[_Task, Row], theirs: Mapping[_Task, Row], both: set[_Task]) -> list[Difference]:
    return [
        Difference("state", *task, None, str(theirs[task].state), str(ours[task].state))
        for task in sorted(both)
        if ours[task].state != theirs[task].state
    ]


def _differences(
    what: str, ours: Mapping[tuple[_Task, str], str], theirs: Mapping[tuple[_Task, str], str], both: set[_Task]
) -> list[Difference]:
    return [
        Difference(what, *task, key, theirs.get((task, key)), ours.get((task, key)))
        for task, key in sorted(ours.keys() | theirs.keys())
        if task in both and ours.get((task, key)) != theirs.get((task, key))
    ]


def _xcoms(run: DagRun, *, session: Session) -> dict[tuple[_Task, str], str]:
    query = (
        select(XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value)
        .where(XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id)
        .order_by(XComModel.task_id, XComModel.map_index, XComModel.key)
    )
    # Not inside of a longer word: people name runs, and call them "1".
    own_id = re.compile(rf"(?<!\w){re.escape(run.run_id)}(?!\w)")
    # One after another, since the scheduler's memory must not be filled with what tasks return.
    return {
        ((row.task_id, row.map_index), row.key): _shown(own_id.sub("{run_id}", _canonical(row.value)))
        for row in session.execute(query, execution_options={"yield_per": 50})
        if not row.key.startswith(_OF_LINKS)
    }


def _asset_events(
    run: DagRun, original: DagRun, *, session: Session
) -> tuple[dict[tuple[_Task, str], str], dict[tuple[_Task, str], str]]:
    """Return what the two published, or would have published, by task and asset."""
    withheld = session.scalars(
        select(WithheldEffect).where(
            WithheldEffect.dag_id == run.dag_id,
            WithheldEffect.run_id == run.run_id,
            WithheldEffect.kind == EffectKind.ASSET_EVENT.value,
        )
    ).all()
    ours: dict[tuple[_Task, str], Counter[str]] = {}
    for effect in withheld:
        payload = effect.payload or {}
        key = ((effect.task_id or "", -1 if effect.map_index is None else effect.map_index), payload["asset"]["name"])
        ours.setdefault(key, Counter())[_event(payload["extra"], payload["partition_key"])] += 1
    names = {name for _, name in ours}
    for (task, name), events in _published(run, names, session=session).items():
        ours.setdefault((task, name), Counter()).update(events)
    return _counted(ours), _counted(_published(original, names, session=session))


def _published(run: DagRun, names: set[str], *, session: Session) -> dict[tuple[_Task, str], Counter[str]]:
    """Read the events of a run, by an index of the assets that the Dag may publish, and not of the whole table."""
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
    published: dict[tuple[_Task, str], Counter[str]] = {}
    query = select(AssetEvent).where(
        *conditions, AssetEvent.source_dag_id == run.dag_id, AssetEvent.source_run_id == run.run_id
    )
    for event in session.scalars(query):
        index = -1 if event.source_map_index is None else event.source_map_index
        key = ((event.source_task_id or "", index), assets[event.asset_id])
        published.setdefault(key, Counter())[_event(event.extra, event.partition_key)] += 1
    return published


def _event(extra: Any, partition_key: str | None) -> str:
    return _canonical({"extra": extra or {}, **({"partition_key": partition_key} if partition_key else {})})


def _counted(events: Mapping[tuple[_Task, str], Counter[str]]) -> dict[tuple[_Task, str], str]:
    return {key: _shown(", ".join(sorted(counter.elements()))) for key, counter in events.items()}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _shown(text: str) -> str:
    if len(text) <= SHOWN_LENGTH:
        return text
    return f"{len(text)} characters, sha256 {sha256(text.encode()).hexdigest()[:16]}"
