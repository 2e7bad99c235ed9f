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

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow._shared.timezones import timezone
from airflow.configuration import conf
from airflow.exceptions import DagNotPartitionedError, InvalidPartitionKeyError
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from pendulum import DateTime
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.delays import cost_of_shared_slots, what_delays
from airflow_providers_pinning.domain.canaries.isolation import SLOTS, Isolation, settle
from airflow_providers_pinning.domain.canaries.replays import Inputs, Replay, inputs_of, originals
from airflow_providers_pinning.domain.canaries.routed_runs import CANARY, live_types
from airflow_providers_pinning.domain.canaries.run_ids import CANARY_PREFIX
from airflow_providers_pinning.domain.canaries.substitutes import warn_of_workers
from airflow_providers_pinning.domain.changes import conditions, preconditions
from airflow_providers_pinning.domain.changes.possible_tasks import require_tasks
from airflow_providers_pinning.domain.dag_model.canary_metadata import register_needs
from airflow_providers_pinning.domain.dag_model.sync import read_dag
from airflow_providers_pinning.domain.errors import (
    InvalidConfError,
    NothingToReplayError,
    RunIdNotAllowedError,
    RunNotAllowedError,
)
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import CallerKind, Change, EventKind
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.release_state import Repetition
from airflow_providers_pinning.domain.resolution.active import Resolution, resolved
from airflow_providers_pinning.domain.versions import likeness, managed
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin, RoutedRun
from airflow_providers_pinning.vocabulary import Slots

_OWN_PATTERN = f"^{CANARY_PREFIX}[A-Za-z0-9_.:+-]+$"
"""What all run ids of canary runs match."""

_TRIGGERED_BY = {CallerKind.CLI: DagRunTriggeredByType.CLI}


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
    """Live runs whose inputs the runs have, instead of ``count`` and ``conf``."""

    def as_request(self) -> dict[str, Any]:
        """Return plain values, for comparing requests; another note makes no other request."""
        conf = dict(self.conf) if self.conf is not None else None
        isolation = self.isolation.as_request()
        request = {"version_number": self.version_number, "count": self.count, "conf": conf}
        if self.replay is not None:
            request["replay"] = self.replay.as_request()
        return {**request, "isolation": isolation} if isolation else request


@dataclass(frozen=True)
class CanaryRuns:
    """The runs that were created."""

    dag_id: str
    version: VersionIdentity
    run_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """What may keep the runs from starting."""
    isolation: Mapping[str, Any] = field(default_factory=dict)
    """How they are kept apart from live runs."""
    replays: Mapping[str, str] = field(default_factory=dict)
    """Ids of the live runs that the runs replay, by their own ids."""
    repeated: Repetition | None = None
    """Set if the runs had been created before, so that none was created now."""


def create_canary_runs(dag_id: str, request: CanaryRequest, change: Change, *, session: Session) -> CanaryRuns:
    """
    Create runs of a version whatever is pinned, and make it a managed candidate.

    The runs have that version's structure, parameters, code and file. They wait while the Dag is paused and give way to
    live runs (:mod:`~airflow_providers_pinning.domain.canaries.slots`). What their tasks do outside Airflow is real;
    inside Airflow they are isolated from live runs, see :mod:`~airflow_providers_pinning.domain.canaries.isolation`.

    :param dag_id: the Dag
    :param request: which runs
    :param change: who asks, and the idempotency key
    :param session: database session; the caller commits
    :raises InvalidConfError: if ``conf`` does not fit the version's parameters
    :raises RunNotAllowedError: if the version does not allow manual runs
    :raises NothingToReplayError: if a run that is to be replayed is not there, not finished, or no live run
    :raises InvalidIsolationError: if live runs would be hurt by how the runs are kept apart, or a task could not run
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
    preconditions.check_unchanged(dag_id, version, managed.managed_version(version.dag_version_id, session=session))
    preconditions.check_pinnable(dag_id, version, change, session=session)
    attestation.require_enforcement(session=session)
    dag = read_dag(version, dag_id=dag_id, session=session)
    if dag.allowed_run_types and DagRunType.MANUAL not in dag.allowed_run_types:
        raise RunNotAllowedError(
            f"Dag {dag_id!r}, {version.label}, does not allow manual runs, so it can have no canary run. "
            "Add 'manual' to its allowed_run_types.",
            dag_id=dag_id,
            version_number=version.version_number,
        )
    replayed = runs_to_replay(dag_model, request.replay, pin, session=session)
    runs = _new_run_ids(dag_id, version, len(replayed) or request.count)
    inputs = inputs_of(dag, replayed, runs, session=session) or {
        run_id: Inputs(date, dag.timetable.infer_manual_data_interval(run_after=date), request.conf)
        for run_id, date in runs.items()
    }
    require_tasks(dag, version, min(given.logical_date or runs[run_id] for run_id, given in inputs.items()))
    if managed.managed_version(version.dag_version_id, session=session) is None:
        managed.manage(dag_id, version, VersionState.CANDIDATE, reason=change.reason, session=session)
        managed.release_superseded(dag_id, session=session)
    register_needs(_serialized(version, session=session), session=session)
    isolation = settle(request.isolation, dag, dag_model.max_active_runs, session=session)
    for run_id, given in inputs.items():
        _create_run(dag, version, run_id, runs[run_id], given, isolation, request, change, session=session)
    run_ids = tuple(runs)
    replays = {run_id: given.replay_of for run_id, given in inputs.items() if given.replay_of is not None}
    events.record(
        EventKind.CANARY,
        dag_id=dag_id,
        revision=pin.revision if pin else 0,
        change=change,
        request=_asked(dag_id, request),
        from_version=pinned_identity(pin),
        to_version=version,
        evidence={"run_ids": list(run_ids), "isolation": isolation, **({"replays": replays} if replays else {})},
        session=session,
    )
    warnings = (
        *likeness.warn_of_rejected_equal(version, session=session),
        *what_delays(dag_model, run_ids, session=session),
        *cost_of_shared_slots(dag_model, isolation, len(runs), session=session),
        *warn_of_workers(isolation),
    )
    return CanaryRuns(dag_id, version, run_ids, warnings, isolation, replays)


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
    told = f"These runs were created before, at revision {event.revision}, and none was created now."
    run_ids = tuple((event.evidence or {})["run_ids"])
    return CanaryRuns(
        dag_id,
        version,
        run_ids,
        (told, *what_delays(dag_model, run_ids, session=session)),
        (event.evidence or {}).get("isolation", {}),
        (event.evidence or {}).get("replays", {}),
        Repetition(event.revision, version, stands=True),
    )


def _asked(dag_id: str, request: CanaryRequest) -> dict[str, Any]:
    return {"action": CANARY, "dag_id": dag_id, **request.as_request()}


def runs_to_replay(dag_model: DagModel, replay: Replay | None, pin: Pin | None, *, session: Session) -> list[DagRun]:
    """
    Find the live runs that a request is to replay, oldest first; none if it replays nothing.

    :raises NothingToReplayError: if one is not there, not finished, or no live run
    """
    if replay is None:
        return []
    active = pinned_identity(pin) or latest_identity(dag_model.dag_id, session=session)
    active_id = active.dag_version_id if active else None
    return originals(dag_model.dag_id, replay, active_id, live_types(dag_model), session=session)


def _new_run_ids(dag_id: str, version: VersionIdentity, count: int) -> dict[str, DateTime]:
    """
    Name the runs, each with the time that it has to itself.

    Templates such as ``{{ ds }}`` need a logical date, and no two runs of a Dag may have the same. None is a whole
    second, so that no canary run takes the date of a scheduled run.

    :raises RunIdNotAllowedError: if Airflow is configured to refuse a name
    """
    now = timezone.utcnow()
    first = min(now.microsecond, 999_999 - count) + 1
    times = [timezone.coerce_datetime(now.replace(microsecond=first + index)) for index in range(count)]
    runs = {
        f"{CANARY_PREFIX}v{version.version_number}__{time.isoformat()}__{index}": time
        for index, time in enumerate(times, 1)
    }
    pattern = conf.get("scheduler", "allowed_run_id_pattern").strip()
    for run_id in runs:
        if not pattern or not re.match(pattern, run_id):
            allowing = f"{pattern}|{_OWN_PATTERN}" if pattern else _OWN_PATTERN
            raise RunIdNotAllowedError(
                f"No canary run of Dag {dag_id!r} was created: its run id, {run_id!r}, does not match [scheduler] "
                f"allowed_run_id_pattern, which is {pattern!r}. Set that option to {allowing!r} for the API server and "
                "the scheduler.",
                dag_id=dag_id,
                version_number=version.version_number,
                pattern=pattern,
                allowing_pattern=allowing,
            )
    return runs


def _create_run(
    dag: SerializedDAG,
    version: VersionIdentity,
    run_id: str,
    run_after: DateTime,
    given: Inputs,
    isolation: Mapping[str, Any],
    request: CanaryRequest,
    change: Change,
    *,
    session: Session,
) -> None:
    # First of all, since the run's creation asks what is withheld.
    session.add(
        RoutedRun(
            dag_id=dag.dag_id,
            run_id=run_id,
            dag_version_id=version.dag_version_id,
            kind=CANARY,
            isolation=dict(isolation),
            shares_slots=isolation[SLOTS] == Slots.SHARED,
            replay_of=given.replay_of,
        )
    )
    with resolved(Resolution(dag.dag_id, version.dag_version_id, routed_to=version)):
        try:
            run = dag.create_dagrun(
                run_id=run_id,
                logical_date=given.logical_date,
                data_interval=given.data_interval,
                run_after=run_after,
                conf=dict(given.conf) if given.conf is not None else None,
                partition_key=given.partition_key,
                run_type=DagRunType.MANUAL,
                triggered_by=_TRIGGERED_BY.get(change.caller.kind, DagRunTriggeredByType.REST_API),
                triggering_user_name=change.caller.name,
                state=DagRunState.QUEUED,
                note=request.note,
                session=session,
            )
            run.consumed_asset_events.extend(given.consumed_events)
        except (DagNotPartitionedError, InvalidPartitionKeyError) as error:
            raise NothingToReplayError(
                f"Dag {dag.dag_id!r}, {version.label}, cannot replay run {given.replay_of!r} of partition "
                f"{given.partition_key!r}: {error} Start canary runs without a replay.",
                dag_id=dag.dag_id,
                version_number=version.version_number,
                run_ids=[given.replay_of],
            ) from error
        except ParamValidationError as error:
            of_original = f" of run {given.replay_of!r}" if given.replay_of else ""
            raise InvalidConfError(
                f"conf{of_original} does not fit the parameters of Dag {dag.dag_id!r}, {version.label}: {error}",
                dag_id=dag.dag_id,
                version_number=version.version_number,
            ) from error


def _serialized(version: VersionIdentity, *, session: Session) -> SerializedDagModel:
    return session.scalars(
        select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.dag_version_id)
    ).one()
