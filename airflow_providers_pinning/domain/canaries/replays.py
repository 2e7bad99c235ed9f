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
Canary runs on the inputs of live runs.

A replay has the data interval, conf, consumed asset events and partition key of its original. No two runs of a Dag
can share a logical date, so a replay's differs by microseconds: what templates render stays the same to the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.state import DagRunState, State
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.inputs import Inputs, free_logical_dates
from airflow_providers_pinning.domain.canaries.routed_runs import live_runs, of_canary_runs
from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity


@dataclass(frozen=True)
class Replay:
    """Which live runs to replay: those with the given IDs, or the latest ones."""

    runs: tuple[str, ...] = ()
    last: int | None = None
    """Up to this many of the latest successful live runs of the active version."""
    baseline: bool = False
    """Whether the active version replays them too, which shows what is not deterministic."""

    def as_request(self) -> dict[str, Any]:
        """Return plain values."""
        request: dict[str, Any] = {"runs": list(self.runs)} if self.runs else {"last": self.last}
        return {**request, "baseline": True} if self.baseline else request


def originals(
    dag_id: str, replay: Replay, active_id: UUID | None, live_types: Collection[DagRunType], *, session: Session
) -> list[DagRun]:
    """
    Find the runs to replay, oldest first.

    :param dag_id: the Dag
    :param replay: which runs
    :param active_id: the active version, from whose runs the latest are taken
    :param live_types: types of the Dag's live runs
    :param session: database session
    :raises NothingToReplayError: if a run does not exist, is unfinished or a canary run, or if there is none at all
    """
    found = _named(dag_id, replay.runs, session=session) if replay.runs else []
    if not replay.runs and active_id is not None:
        newest = live_runs(dag_id, live_types).where(
            DagRun.created_dag_version_id == active_id, DagRun.state == DagRunState.SUCCESS
        )
        found = list(session.scalars(newest.limit(replay.last)))
    if not found:
        raise NothingToReplayError(
            f"Dag {dag_id!r} has no successful live run of its active version to replay. Wait for one, name the "
            "runs to replay, or start canary runs without a replay.",
            dag_id=dag_id,
        )
    return sorted(found, key=lambda run: run.id)


def _named(dag_id: str, run_ids: Collection[str], *, session: Session) -> list[DagRun]:
    is_local = DagRun.triggered_by.is_not_distinct_from(DagRunTriggeredByType.TEST)
    live = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids), ~of_canary_runs(), ~is_local)
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


def inputs_of(
    dag: SerializedDAG, replayed: Sequence[DagRun], run_ids: Iterable[str], *, session: Session
) -> dict[str, Inputs]:
    """
    Return the inputs of replays, by their run IDs.

    :param dag: the tested version
    :param replayed: runs of one Dag
    :param run_ids: IDs of the replays, in the order of the runs
    :param session: database session; no other transaction may write runs of the Dag meanwhile
    """
    dates = free_logical_dates(dag.dag_id, {run.run_id: run.logical_date for run in replayed}, session=session)
    return {
        run_id: Inputs(
            dates[run.run_id],
            _data_interval(dag, run, dates[run.run_id]),
            run.conf,
            run.partition_key,
            run.partition_date,
            tuple(run.consumed_asset_events),
            run.run_id,
        )
        for run_id, run in zip(run_ids, replayed, strict=True)
    }


def _data_interval(dag: SerializedDAG, run: DagRun, logical_date: datetime | None) -> Any:
    if logical_date is None:
        return None
    if run.data_interval_start is None or run.data_interval_end is None:
        return dag.timetable.infer_manual_data_interval(run_after=timezone.coerce_datetime(logical_date))
    return run.data_interval_start, run.data_interval_end


def warn_of_missing_events(replayed: Sequence[DagRun]) -> tuple[str, ...]:
    """Name the asset-triggered runs whose events are no longer known."""
    without = [
        run.run_id for run in replayed if run.run_type == DagRunType.ASSET_TRIGGERED and not run.consumed_asset_events
    ]
    if not without:
        return ()
    runs = f"{'Run' if len(without) == 1 else 'Runs'} {', '.join(map(repr, without))}"
    return (
        f"{runs} {'was' if len(without) == 1 else 'were'} triggered by assets, and Airflow has no record of the "
        "events: "
        "triggering_asset_events is empty in the replay, so its outputs may differ.",
    )


def warn_of_own_runs(replayed: Sequence[DagRun], version: VersionIdentity) -> tuple[str, ...]:
    """Name the runs of the tested version: it agrees with itself, whatever was changed."""
    own = [run.run_id for run in replayed if run.created_dag_version_id == version.dag_version_id]
    if not own:
        return ()
    return (
        f"{'Run' if len(own) == 1 else 'Runs'} {', '.join(map(repr, own))} {'is one' if len(own) == 1 else 'are'} of "
        f"version {version.version_number} itself, so the soak takes no replay of {'it' if len(own) == 1 else 'them'} "
        "for a comparison.",
    )
