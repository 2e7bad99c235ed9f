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
"""Canary runs: runs of a candidate while the active version stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.types import DagRunType
from pendulum import DateTime
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.delays import cost_of_shared_slots, what_delays
from airflow_providers_pinning.domain.canaries.inputs import Inputs
from airflow_providers_pinning.domain.canaries.isolation import Isolation, settle
from airflow_providers_pinning.domain.canaries.replays import (
    Replay,
    inputs_of,
    originals,
    warn_of_missing_events,
    warn_of_own_runs,
)
from airflow_providers_pinning.domain.canaries.routed_runs import CANARY, live_types
from airflow_providers_pinning.domain.canaries.substitutes import warn_of_workers
from airflow_providers_pinning.domain.changes import conditions, preconditions
from airflow_providers_pinning.domain.changes.baseline_replays import create_baseline_replays, require_baseline
from airflow_providers_pinning.domain.changes.canary_runs import Common, create_run, new_run_ids
from airflow_providers_pinning.domain.changes.canary_shape import Shape, Wanted, live_shape
from airflow_providers_pinning.domain.changes.possible_tasks import require_tasks
from airflow_providers_pinning.domain.changes.task_warnings import warn_of_tasks
from airflow_providers_pinning.domain.dag_model.canary_metadata import register_needs
from airflow_providers_pinning.domain.dag_model.stored_dags import read_dag
from airflow_providers_pinning.domain.errors import RunNotAllowedError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.release_state import Repetition
from airflow_providers_pinning.domain.policies.canaries import with_policies
from airflow_providers_pinning.domain.versions import likeness, managed
from airflow_providers_pinning.domain.versions.expected import check_unchanged
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class CanaryRequest:
    """Which runs to create."""

    version_number: int
    count: int = 1
    conf: Mapping[str, Any] | None = None
    """Configuration of each run, validated against the parameters of its own version."""
    note: str | None = None
    isolation: Isolation = field(default_factory=Isolation)
    replay: Replay | None = None
    """Live runs whose inputs the runs have, instead of ``count``, ``conf`` and ``partition_key``."""
    partition_key: str | None = None
    """Partition key of each run; by default that of the last live run, if the Dag is partitioned."""
    logical_date: datetime | None = None
    """That of a single run; by default it is like that of a live run."""
    data_interval: Any = None
    """The interval that belongs to it."""
    run_after: DateTime | None = None
    """When the runs may start, if not at once."""

    def as_request(self) -> dict[str, Any]:
        """Return plain values, for comparing requests; another note makes no other request."""
        conf = dict(self.conf) if self.conf is not None else None
        isolation = self.isolation.as_request()
        request: dict[str, Any] = {"version_number": self.version_number, "count": self.count, "conf": conf}
        if self.replay is not None:
            request["replay"] = self.replay.as_request()
        if self.partition_key is not None:
            request["partition_key"] = self.partition_key
        return {**request, "isolation": isolation} if isolation else request


@dataclass(frozen=True)
class CanaryRuns:
    """The runs that were created."""

    dag_id: str
    version: VersionIdentity
    run_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """Reasons why the runs may not start."""
    isolation: Mapping[str, Any] = field(default_factory=dict)
    """Isolation from live runs."""
    replays: Mapping[str, str] = field(default_factory=dict)
    """IDs of the replayed live runs, by the IDs of the runs."""
    baseline_replays: Mapping[str, str] = field(default_factory=dict)
    """The same of the replays by the active version, which are no runs of this version."""
    repeated: Repetition | None = None
    """Set if the runs had already been created, so none was created now."""


def create_canary_runs(dag_id: str, request: CanaryRequest, change: Change, *, session: Session) -> CanaryRuns:
    """
    Create runs of a version regardless of the pin, and make it a managed candidate.

    The runs have that version's structure, parameters, code and file. They wait while the Dag is paused and give way
    to live runs (:mod:`~airflow_providers_pinning.domain.canaries.slots`). What their tasks do outside Airflow is
    real; inside Airflow they are isolated from live runs, see
    :mod:`~airflow_providers_pinning.domain.canaries.isolation`.

    :param dag_id: the Dag
    :param request: which runs
    :param change: who asks, and the idempotency key
    :param session: database session; the caller commits
    :raises InvalidPartitionKeyError: if a partition key is missing, or not valid for the version
    :raises InvalidConfError: if ``conf`` does not fit the version's parameters
    :raises RunNotAllowedError: if the version does not allow manual runs
    :raises NothingToReplayError: if a run to replay does not exist, is not finished, or is not a live run
    :raises InvalidIsolationError: if the isolation would affect live runs, or a task could not run
    :raises NoTaskError: if a run of the version would have no task now
    :raises RunIdNotAllowedError: if Airflow is configured to refuse the ids of canary runs
    :raises PinningError: whatever refuses a pin of the version, except a hold
    """
    dag_model = require_dag(dag_id, lock=True, session=session)
    if created := find_created(dag_id, request, change, session=session):
        return created
    version = find_version(dag_id, version_number=request.version_number, session=session)
    pin = session.get(Pin, dag_id, populate_existing=True)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_expected(dag_id, version, change)
    # What it did would be evidence of nothing, whatever the caller overrides.
    check_unchanged(dag_id, version, managed.managed_version(version.dag_version_id, session=session))
    preconditions.check_pinnable(dag_id, version, change, session=session)
    attestation.require_enforcement(session=session)
    dag = read_dag(version, dag_id=dag_id, session=session)
    if dag.allowed_run_types and DagRunType.MANUAL not in dag.allowed_run_types:
        raise RunNotAllowedError(
            f"Dag {dag_id!r}, {version.label}, does not allow manual runs, so it cannot have canary runs. Add "
            "'manual' to its allowed_run_types.",
            dag_id=dag_id,
            version_number=version.version_number,
        )
    replayed = runs_to_replay(dag_model, request.replay, pin, session=session)
    runs = new_run_ids(dag_id, version, len(replayed) or request.count)
    shape = shape_of(dag, version, runs, request, replayed, dag_model, session=session)
    dates = (given.logical_date or runs[run_id] for run_id, given in shape.inputs.items())
    require_tasks(dag, version, dates, replays=bool(replayed))
    if managed.managed_version(version.dag_version_id, session=session) is None:
        managed.manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        managed.release_superseded([dag_id], session=session)
    register_needs(_serialized(version, session=session), session=session)
    by_policy = with_policies(dag_id, version, request.isolation, change, session=session)
    isolation = settle(by_policy.isolation, dag, dag_model.max_active_runs, session=session)
    baseline_replays: dict[str, str] = {}
    if request.replay is not None and request.replay.baseline:
        active = require_baseline(dag_id, version, pinned_identity(pin))
        baseline_replays = create_baseline_replays(
            dag_model, active, replayed, by_policy.isolation, change.caller, request.note, session=session
        )
        # The dates that these have are taken.
        shape = shape_of(dag, version, runs, request, replayed, dag_model, session=session)
    by_original = {original: run_id for run_id, original in baseline_replays.items()}
    common = Common(dag, version, isolation, change.caller, request.note)
    for run_id, given in shape.inputs.items():
        baseline = by_original.get(given.replay_of or "")
        create_run(common, run_id, request.run_after or runs[run_id], given, baseline_run_id=baseline, session=session)
    run_ids = tuple(runs)
    replays = {run_id: given.replay_of for run_id, given in shape.inputs.items() if given.replay_of is not None}
    evidence = {"run_ids": list(run_ids), "isolation": isolation, **by_policy.evidence}
    evidence |= {"replays": replays} if replays else {}
    evidence |= {"baseline_replays": baseline_replays} if baseline_replays else {}
    events.record(
        EventKind.CANARY,
        dag_id=dag_id,
        revision=pin.revision if pin else 0,
        change=change,
        request=_asked(dag_id, request),
        from_version=pinned_identity(pin),
        to_version=version,
        evidence=evidence,
        session=session,
    )
    warnings = (
        *by_policy.warnings,
        *likeness.warn_of_rejected_equal(version, session=session),
        *what_delays(dag_model, (*run_ids, *baseline_replays), session=session),
        *cost_of_shared_slots(dag_model, isolation, len(runs) + len(baseline_replays), session=session),
        *warn_of_workers(isolation),
        *shape.warnings,
        *warn_of_tasks(dag, shape, runs),
    )
    return CanaryRuns(dag_id, version, run_ids, warnings, isolation, replays, baseline_replays)


def find_created(dag_id: str, request: CanaryRequest, change: Change, *, session: Session) -> CanaryRuns | None:
    """
    Find the runs that an earlier request with the same idempotency key created.

    :raises IdempotencyKeyReusedError: if the key was sent with another request
    """
    event = events.find_repeated(change, _asked(dag_id, request), session=session)
    if event is None:
        return None
    version = VersionIdentity.from_dict(event.to_version or {})
    dag_model = require_dag(dag_id, session=session)
    told = f"These runs were already created at revision {event.revision}; no new runs were created."
    run_ids = tuple((event.evidence or {})["run_ids"])
    return CanaryRuns(
        dag_id,
        version,
        run_ids,
        (told, *what_delays(dag_model, run_ids, session=session)),
        (event.evidence or {}).get("isolation", {}),
        (event.evidence or {}).get("replays", {}),
        (event.evidence or {}).get("baseline_replays", {}),
        Repetition(event.revision, version, stands=True),
    )


def _asked(dag_id: str, request: CanaryRequest) -> dict[str, Any]:
    return {"action": CANARY, "dag_id": dag_id, **request.as_request()}


def runs_to_replay(dag_model: DagModel, replay: Replay | None, pin: Pin | None, *, session: Session) -> list[DagRun]:
    """
    Find the live runs to replay, oldest first; none if the request replays nothing.

    :raises NothingToReplayError: if one does not exist, is not finished, or is not a live run
    """
    if replay is None:
        return []
    active = pinned_identity(pin) or latest_identity(dag_model.dag_id, session=session)
    active_id = active.dag_version_id if active else None
    return originals(dag_model.dag_id, replay, active_id, live_types(dag_model), session=session)


def shape_of(
    dag: SerializedDAG,
    version: VersionIdentity,
    runs: Mapping[str, DateTime],
    request: CanaryRequest,
    replayed: Sequence[DagRun],
    dag_model: DagModel,
    *,
    session: Session,
) -> Shape:
    """
    Return the inputs of the requested runs.

    :param dag: the version's Dag
    :param version: the version
    :param runs: the runs, each with a time that it has to itself
    :param request: the request
    :param replayed: live runs that they replay; if there is none, they are like live runs of the version
    :param dag_model: Airflow's row of the Dag
    :param session: database session
    """
    if replayed:
        inputs = inputs_of(dag, replayed, runs, session=session)
        return Shape(inputs, (*warn_of_missing_events(replayed), *warn_of_own_runs(replayed, version)))
    if request.logical_date is not None:
        given = Inputs(request.logical_date, request.data_interval, request.conf, request.partition_key)
        return Shape({run_id: given for run_id in runs})
    wanted = Wanted(dag, version, runs, request.conf, request.partition_key, live_types(dag_model))
    return live_shape(wanted, session=session)


def _serialized(version: VersionIdentity, *, session: Session) -> SerializedDagModel:
    return session.scalars(
        select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.dag_version_id)
    ).one()
