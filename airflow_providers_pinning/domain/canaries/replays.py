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
Canary runs on the very inputs of live runs.

A replay has its original's data interval, configuration, consumed asset events and partition key. No two runs of a Dag
may share a logical date, so that of a replay is another microsecond of the same second: what templates show stays the
same to the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.state import DagRunState, State
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import is_canary
from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.domain.text import plural

MOST = 100
"""How many runs one request may replay."""


@dataclass(frozen=True)
class Replay:
    """Which live runs to replay: those of some ids, or the last ones."""

    runs: tuple[str, ...] = ()
    last: int | None = None
    """The newest successful live runs of the active version, as many as there are up to this number."""

    def as_request(self) -> dict[str, Any]:
        """Return plain values."""
        return {"runs": list(self.runs)} if self.runs else {"last": self.last}


@dataclass(frozen=True)
class Inputs:
    """What a canary run works on."""

    logical_date: datetime | None
    data_interval: Any
    conf: Mapping[str, Any] | None
    partition_key: str | None = None
    consumed_events: tuple[AssetEvent, ...] = ()
    replay_of: str | None = None
    """Id of the run that has the same inputs."""


def originals(
    dag_id: str, replay: Replay, active_id: UUID | None, live_types: Collection[DagRunType], *, session: Session
) -> list[DagRun]:
    """
    Find the runs to replay, oldest first.

    :param dag_id: the Dag
    :param replay: which runs
    :param active_id: the active version, whose runs the last ones are
    :param live_types: types of the Dag's live runs
    :param session: database session
    :raises NothingToReplayError: if a run is not there, not finished or a canary run, or there is no run at all
    """
    found = _named(dag_id, replay.runs, session=session) if replay.runs else []
    if not replay.runs and active_id is not None:
        newest = (
            select(DagRun)
            .where(
                DagRun.dag_id == dag_id,
                DagRun.created_dag_version_id == active_id,
                DagRun.state == DagRunState.SUCCESS,
                DagRun.run_type.in_(live_types),
                DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
                ~is_canary(),
            )
            .order_by(DagRun.id.desc())
            .limit(replay.last)
        )
        found = list(session.scalars(newest))
    if not found:
        raise NothingToReplayError(
            f"There is no successful live run of the active version of Dag {dag_id!r} to replay. Wait for one, name "
            "runs to replay, or start canary runs without a replay.",
            dag_id=dag_id,
        )
    return sorted(found, key=lambda run: run.id)


def _named(dag_id: str, run_ids: Collection[str], *, session: Session) -> list[DagRun]:
    is_local = DagRun.triggered_by.is_not_distinct_from(DagRunTriggeredByType.TEST)
    live = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids), ~is_canary(), ~is_local)
    found = {run.run_id: run for run in session.scalars(live)}
    if unknown := [run_id for run_id in run_ids if run_id not in found]:
        raise NothingToReplayError(
            f"Dag {dag_id!r} has no live {'run' if len(unknown) == 1 else 'runs'} {', '.join(map(repr, unknown))}. "
            "Name live runs; canary runs cannot be replayed.",
            dag_id=dag_id,
            run_ids=unknown,
        )
    if unfinished := [run_id for run_id, run in found.items() if run.state not in State.finished_dr_states]:
        raise NothingToReplayError(
            f"{plural(len(unfinished), 'run')} of Dag {dag_id!r} {'has' if len(unfinished) == 1 else 'have'} not "
            f"finished: {', '.join(map(repr, unfinished))}. Wait for the end, or name other runs.",
            dag_id=dag_id,
            run_ids=unfinished,
        )
    return list(found.values())


def free_logical_dates(runs: Collection[DagRun], *, session: Session) -> dict[str, datetime | None]:
    """
    Return the logical date for the replay of each run, by its id: the first free one after that of the original.

    :param runs: runs of one Dag
    :param session: database session; other writers of runs of the Dag must be kept out
    """
    dates: dict[str, datetime | None] = {}
    given: set[datetime] = set()
    for run in runs:
        if run.logical_date is None:
            dates[run.run_id] = None
            continue
        second = run.logical_date.replace(microsecond=0)
        taken: set[Any] = set(
            session.scalars(
                select(DagRun.logical_date).where(
                    DagRun.dag_id == run.dag_id,
                    DagRun.logical_date >= second,
                    DagRun.logical_date < second + timedelta(seconds=1),
                )
            )
        )
        dates[run.run_id] = date = _free(run.logical_date, taken | given)
        given.add(date)
    return dates


def _free(date: datetime, taken: Collection[datetime]) -> datetime:
    """Return the next free date in the same second, and never the whole second, which a live run may have."""
    for microsecond in (*range(date.microsecond + 1, 1_000_000), *range(date.microsecond - 1, 0, -1)):
        if (free := date.replace(microsecond=microsecond)) not in taken:
            return free
    raise NothingToReplayError(f"There is no logical date left for another replay of the run of {date.isoformat()}.")


def inputs_of(
    dag: SerializedDAG, replayed: Sequence[DagRun], run_ids: Iterable[str], *, session: Session
) -> dict[str, Inputs]:
    """
    Return the inputs of the replays of some runs, by the ids of the replays.

    :param dag: the version that is tried
    :param replayed: runs of one Dag
    :param run_ids: ids of the replays, in the order of the runs
    :param session: database session; other writers of runs of the Dag must be kept out
    """
    dates = free_logical_dates(replayed, session=session)
    return {
        run_id: Inputs(
            dates[run.run_id],
            _data_interval(dag, run, dates[run.run_id]),
            run.conf,
            run.partition_key,
            tuple(run.consumed_asset_events),
            run.run_id,
        )
        for run_id, run in zip(run_ids, replayed, strict=False)
    }


def _data_interval(dag: SerializedDAG, run: DagRun, logical_date: datetime | None) -> Any:
    if logical_date is None:
        return None
    if run.data_interval_start is None or run.data_interval_end is None:
        return dag.timetable.infer_manual_data_interval(run_after=timezone.coerce_datetime(logical_date))
    return run.data_interval_start, run.data_interval_end
