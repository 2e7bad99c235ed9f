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
"""Create the runs of a canary request one by one, with their IDs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow._shared.timezones import timezone
from airflow.configuration import conf
from airflow.exceptions import DagNotPartitionedError, InvalidPartitionKeyError
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from pendulum import DateTime
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.inputs import Inputs
from airflow_providers_pinning.domain.canaries.isolation import SLOTS
from airflow_providers_pinning.domain.canaries.routed_runs import CANARY
from airflow_providers_pinning.domain.errors import InvalidConfError, NothingToReplayError, RunIdNotAllowedError
from airflow_providers_pinning.domain.history.events import Caller
from airflow_providers_pinning.domain.resolution.active import Resolution, resolved
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import CANARY_PREFIX, CallerKind, Slots

_OWN_PATTERN = f"^{CANARY_PREFIX}[A-Za-z0-9_.:+-]+$"
"""Prefix that all run IDs of canary runs match."""

_TRIGGERED_BY = {CallerKind.CLI: DagRunTriggeredByType.CLI}


@dataclass(frozen=True)
class Common:
    """What the runs of a request share."""

    dag: SerializedDAG
    """The version that they run."""
    version: VersionIdentity
    isolation: Mapping[str, Any]
    caller: Caller
    note: str | None


def new_run_ids(dag_id: str, version: VersionIdentity, count: int) -> dict[str, DateTime]:
    """
    Assign run IDs, each with a unique time.

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


def create_run(
    common: Common,
    run_id: str,
    run_after: DateTime,
    given: Inputs,
    *,
    baseline_run_id: str | None = None,
    session: Session,
) -> None:
    """
    Create one run.

    :param common: what the runs of the request share
    :param run_id: its id
    :param run_after: the time that it has to itself
    :param given: what it works on
    :param baseline_run_id: replay of the same run by the active version
    :param session: database session
    :raises InvalidConfError: if the configuration does not fit the version's parameters
    :raises NothingToReplayError: if the version has no such partition
    """
    dag, version, isolation = common.dag, common.version, common.isolation
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
            baseline_run_id=baseline_run_id,
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
                partition_date=given.partition_date,
                run_type=DagRunType.MANUAL,
                triggered_by=_TRIGGERED_BY.get(common.caller.kind, DagRunTriggeredByType.REST_API),
                triggering_user_name=common.caller.name,
                state=DagRunState.QUEUED,
                note=common.note,
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
                f"conf{of_original} does not match the params of Dag {dag.dag_id!r}, {version.label}: {error}",
                dag_id=dag.dag_id,
                version_number=version.version_number,
            ) from error
