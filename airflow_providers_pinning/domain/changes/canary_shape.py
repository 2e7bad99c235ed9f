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
Canary runs that are not replays look like live runs of their version.

That is the interval of the timetable for a scheduled Dag, the events that the last live run consumed and no logical
date for one that assets trigger, and the partition of the last live run, or another one, for a partitioned Dag. This
does not take anything from live runs: events are consumed from the queue of the Dag, which is not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from airflow.assets.evaluation import AssetEvaluator
from airflow.exceptions import InvalidPartitionKeyError as AirflowInvalidPartitionKeyError
from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.serialization.definitions.assets import (
    SerializedAssetBase,
    SerializedAssetNameRef,
    SerializedAssetUniqueKey,
    SerializedAssetUriRef,
)
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.simple import AssetTriggeredTimetable
from airflow.utils.types import DagRunType
from pendulum import DateTime
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.inputs import Inputs, free_logical_dates
from airflow_providers_pinning.domain.canaries.routed_runs import live_runs
from airflow_providers_pinning.domain.changes.possible_tasks import has_task_at
from airflow_providers_pinning.domain.errors import InvalidPartitionKeyError, RunNotAllowedError
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity


@dataclass(frozen=True)
class Wanted:
    """What was asked for, and what is known of live runs."""

    dag: SerializedDAG
    """The version that is tried."""
    version: VersionIdentity
    runs: Mapping[str, DateTime]
    """The runs, each with a time that it has to itself."""
    conf: Mapping[str, Any] | None
    partition_key: str | None
    live_types: Collection[DagRunType]
    """Types of the Dag's live runs."""


@dataclass(frozen=True)
class Shape:
    """What the runs work on."""

    inputs: dict[str, Inputs]
    warnings: tuple[str, ...] = ()
    """In what they are not like live runs."""


def live_shape(wanted: Wanted, *, session: Session) -> Shape:
    """
    Return what live runs of a version would work on, as far as that can be told.

    :param wanted: the version, and the runs that will be created
    :param session: database session; other writers of runs of the Dag must be kept out
    :raises InvalidPartitionKeyError: if there is no partition key to have, or it does not fit the version
    :raises RunNotAllowedError: if the version's timetable has no interval for the runs
    """
    timetable = wanted.dag.timetable
    if timetable.partitioned:
        return _of_partition(wanted, session=session)
    if wanted.partition_key is not None and not timetable.partitioned_at_runtime:
        raise _refused(wanted, "it is not partitioned. Omit the partition key")
    if isinstance(timetable, AssetTriggeredTimetable):
        types = set(wanted.live_types) | {DagRunType.ASSET_TRIGGERED}
        by_time = isinstance(timetable, AssetOrTimeSchedule)
        last = _last(wanted, types if by_time else (DagRunType.ASSET_TRIGGERED,), session=session)
        if not by_time or (last is not None and last.run_type == DagRunType.ASSET_TRIGGERED):
            return _of_events(wanted, last, Inputs(None, None, wanted.conf), session=session)
    return _by_time(wanted, session=session)


def _by_time(wanted: Wanted, *, session: Session) -> Shape:
    """The logical date is the start of the interval, as that of a live run; its second is shared, and nothing more."""
    key = wanted.partition_key
    if key is None and wanted.dag.timetable.partitioned_at_runtime:
        last = _last(wanted, wanted.live_types, session=session)
        key = last.partition_key if last else None
    intervals = {run_id: _interval(wanted, date) for run_id, date in wanted.runs.items()}
    shared: dict[str, datetime | None] = {
        run_id: interval.start
        for run_id, interval in intervals.items()
        if interval.start != wanted.runs[run_id] and has_task_at(wanted.dag, interval.start)
    }
    dates = {**wanted.runs, **free_logical_dates(wanted.dag.dag_id, shared, session=session)}
    return Shape({run_id: Inputs(dates[run_id], intervals[run_id], wanted.conf, key) for run_id in wanted.runs})


def _interval(wanted: Wanted, date: DateTime) -> Any:
    timetable = wanted.dag.timetable
    try:
        return timetable.infer_manual_data_interval(run_after=date)
    except NotImplementedError as error:
        raise RunNotAllowedError(
            f"The timetable of Dag {wanted.dag.dag_id!r}, {wanted.version.label}, {type(timetable).__name__}, "
            "cannot compute an interval for unscheduled runs. Replay live runs, or implement "
            "infer_manual_data_interval.",
            dag_id=wanted.dag.dag_id,
            version_number=wanted.version.version_number,
        ) from error


def _of_partition(wanted: Wanted, *, session: Session) -> Shape:
    key = wanted.partition_key
    types = set(wanted.live_types) | {DagRunType.ASSET_TRIGGERED}
    last = _last(
        wanted, types, DagRun.partition_key == key if key else DagRun.partition_key.is_not(None), session=session
    )
    if key is None and last is None:
        raise _refused(wanted, "there is no live run with a partition key to use. Give the partition key")
    key = key or last.partition_key  # type: ignore[union-attr]
    try:
        date = last.partition_date if last else wanted.dag.timetable.resolve_partition_date(key)
        wanted.dag.validate_partition_key(key)
    except (AirflowInvalidPartitionKeyError, ValueError) as error:
        raise _refused(wanted, f"{key!r} is not valid: {error} Give a valid partition key", key) from error
    inputs = Inputs(None, None, wanted.conf, key, date)
    if isinstance(wanted.dag.timetable, AssetTriggeredTimetable):
        return _of_events(wanted, last, inputs, session=session)
    return Shape(dict.fromkeys(wanted.runs, inputs))


def _refused(wanted: Wanted, why: str, key: str | None = None) -> InvalidPartitionKeyError:
    return InvalidPartitionKeyError(
        f"Canary runs of Dag {wanted.dag.dag_id!r}, {wanted.version.label}, cannot use the partition: {why}.",
        dag_id=wanted.dag.dag_id,
        version_number=wanted.version.version_number,
        partition_key=key or wanted.partition_key,
    )


def _last(wanted: Wanted, types: Collection[DagRunType], *conditions: Any, session: Session) -> DagRun | None:
    found: DagRun | None = session.scalar(live_runs(wanted.dag.dag_id, types).where(*conditions).limit(1))
    return found


def _of_events(wanted: Wanted, last: DagRun | None, inputs: Inputs, *, session: Session) -> Shape:
    """Give the runs those events of the last live run that a live run of the version would have consumed."""
    condition: SerializedAssetBase = wanted.dag.timetable.asset_condition
    consumed: list[AssetEvent] = list(last.consumed_asset_events) if last else []
    kept = [event for event in consumed if _is_waited_for(event, condition)]
    shape = dict.fromkeys(wanted.runs, replace(inputs, consumed_events=tuple(kept)))
    return Shape(shape, tuple(_what_is_unlike(wanted, last, consumed, kept, session=session)))


def _what_is_unlike(
    wanted: Wanted, last: DagRun | None, consumed: list[AssetEvent], kept: list[AssetEvent], *, session: Session
) -> Iterator[str]:
    if last is None:
        of_partition = f" of partition {wanted.partition_key!r}" if wanted.partition_key else ""
        yield (
            f"No live run{of_partition} was triggered by assets yet, so the runs have no asset events: "
            "triggering_asset_events is empty."
        )
        return
    if not consumed:
        yield (
            f"Airflow has no record of the asset events of the last live run, {last.run_id!r}, so the runs have none: "
            "triggering_asset_events is empty."
        )
        return
    if left_out := sorted({event.asset.name for event in consumed if event not in kept}):
        yield (
            f"The runs leave out the events of {plural(len(left_out), 'asset')} that the last live run consumed "
            f"but {wanted.version.label} does not use: {', '.join(left_out)}."
        )
    has_event = {SerializedAssetUniqueKey(event.asset.name, event.asset.uri): True for event in kept}
    condition = wanted.dag.timetable.asset_condition
    if not AssetEvaluator(session).run(condition, statuses=has_event):
        lacking = sorted(key.name for key, _ in condition.iter_assets() if key not in has_event)
        yield (
            f"The asset events of the last live run, {last.run_id!r}, would not trigger {wanted.version.label}, "
            f"which waits for others{': ' if lacking else ''}{', '.join(lacking)}. The runs have no asset events."
        )


def _is_waited_for(event: AssetEvent, condition: SerializedAssetBase) -> bool:
    asset = event.asset
    if any((key.name, key.uri) == (asset.name, asset.uri) for key, _ in condition.iter_assets()):
        return True
    for ref in condition.iter_asset_refs():
        if isinstance(ref, SerializedAssetNameRef) and ref.name == asset.name:
            return True
        if isinstance(ref, SerializedAssetUriRef) and ref.uri == asset.uri:
            return True
    aliases = {name for name, _ in condition.iter_asset_aliases()}
    return any(alias.name in aliases for alias in event.source_aliases)
