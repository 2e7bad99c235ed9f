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
"""Compute when a version would run next if it was active now."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.serialization.decoders import decode_timetable
from airflow.timetables.base import DagRunInfo, TimeRestriction, Timetable
from airflow.timetables.simple import ContinuousTimetable
from airflow.utils.types import DagRunType
from pendulum import DateTime
from pendulum import instance as as_pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.difference.stored import StoredVersion

AUTOMATED = (DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB)
"""Types of runs from which Airflow computes the next one."""


@dataclass(frozen=True)
class NextRuns:
    """The times of the next runs, and a note on what they do not show."""

    times: tuple[datetime, ...]
    note: str | None = None


def read_timetable(version: StoredVersion) -> Timetable:
    """
    Return the version's timetable.

    :raises Exception: if its class is not installed, or raises anything
    """
    return decode_timetable(copy.deepcopy(version.raw_dag["timetable"]))


def next_runs(dag_id: str, version: StoredVersion, *, now: datetime, count: int = 5, session: Session) -> NextRuns:
    """
    Compute the times of the next runs, as the scheduler does when the version becomes active.

    :param dag_id: the Dag
    :param version: which version
    :param now: the current time, to find overdue runs; the timetables themselves read the clock
    :param count: how many
    :param session: database session
    """
    try:
        timetable = read_timetable(version)
        by_assets = bool(timetable.asset_condition)
        if not timetable.can_be_scheduled:
            return NextRuns((), f"{version.name} has no schedule: it runs when it is triggered.")
        if isinstance(timetable, ContinuousTimetable):
            return NextRuns((), f"{version.name} starts a run as soon as the previous one has ended.")
        times = tuple(_times(dag_id, version, timetable, count, session=session))
    except Exception as error:
        # A custom timetable can raise anything.
        return NextRuns((), f"The next runs of {version.name.lower()} cannot be computed: {error!r}.")
    if by_assets and not times:
        return NextRuns((), f"{version.name} runs when its assets are updated, not at fixed times.")
    return NextRuns(times, _note(version, times, by_assets, now))


def _note(version: StoredVersion, times: tuple[datetime, ...], by_assets: bool, now: datetime) -> str | None:
    if not times:
        return f"The schedule of {version.name.lower()} has no more runs."
    said = [f"{version.name} also runs when its assets are updated."] if by_assets else []
    if overdue := sum(time <= now for time in times):
        more = " or more" if overdue == len(times) > 1 else ""
        said.append(f"{version.name} would create {overdue}{more} overdue run{'s' if overdue > 1 else ''} at once.")
    return " ".join(said) or None


def _times(
    dag_id: str, version: StoredVersion, timetable: Timetable, count: int, *, session: Session
) -> Iterator[datetime]:
    last = _last_automated_run(dag_id, partitioned=timetable.partitioned, session=session)
    info: DagRunInfo | None = timetable.run_info_from_dag_run(dag_run=last) if last else None
    restriction = _restriction(version.raw_dag)
    for _ in range(count):
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
        if info is None:
            return
        yield info.run_after.astimezone(timezone.utc)


def _last_automated_run(dag_id: str, *, partitioned: bool, session: Session) -> DagRun | None:
    """Read the run from which Airflow's dag processor computes the next one."""
    query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_type.in_(AUTOMATED)).limit(1)
    if partitioned:
        query = query.where(DagRun.partition_key.is_not(None)).order_by(
            DagRun.partition_date.is_(None), DagRun.partition_date.desc(), DagRun.run_after.desc()
        )
    else:
        query = query.where(DagRun.logical_date.is_not(None)).order_by(DagRun.logical_date.desc())
    return session.scalar(query)


def _restriction(dag: dict[str, Any]) -> TimeRestriction:
    """Read the start and end of the schedule, as ``SerializedDAG`` does, but without deserializing the tasks."""
    tasks = [_fields(task) for task in dag.get("tasks") or []]
    start, end = _time(dag.get("start_date")), _time(dag.get("end_date"))
    starts = [found for task in tasks if (found := _time(task.get("start_date")) or start)]
    ends = [found for task in tasks if (found := _time(task.get("end_date")) or end)]
    earliest = min([*starts, *([start] if start else [])], default=None)
    latest = end
    if len(ends) == len(tasks):
        latest = max([*ends, *([end] if end else [])], default=None)
    return TimeRestriction(earliest, latest, bool(dag.get("catchup", False)))


def _fields(task: dict[str, Any]) -> dict[str, Any]:
    fields = task.get("__var") or {}
    return {**fields, **(fields.get("partial_kwargs") or {})}


def _time(stored: Any) -> DateTime | None:
    seconds = stored.get("__var") if isinstance(stored, dict) else stored
    return None if seconds is None else as_pendulum(datetime.fromtimestamp(seconds, timezone.utc))
