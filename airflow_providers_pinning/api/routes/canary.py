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
"""Canary runs, and the verdict on a version."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, Query, status
from fastapi.exceptions import RequestValidationError

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.routes.versions import Limit, Offset, VersionNumber
from airflow_providers_pinning.api.security import CallerOfRunsDep, changes, may_read, may_read_runs, may_start_runs
from airflow_providers_pinning.api.user_permissions import may_read_assets, may_read_xcoms
from airflow_providers_pinning.domain.canaries import pairs
from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.criteria import GivenCriteria, described, question_of
from airflow_providers_pinning.domain.versions.identity import find_version, require_dag
from airflow_providers_pinning.schemas.canary import CanaryBody, CanaryRunsResponse
from airflow_providers_pinning.schemas.common import IdentityResponse, Moment
from airflow_providers_pinning.schemas.replays import PairListResponse, PairResponse
from airflow_providers_pinning.schemas.soak import BaselineComparisonResponse, EvidenceResponse, SoakResponse
from airflow_providers_pinning.schemas.storable import DagId, Text
from airflow_providers_pinning.vocabulary import MAX_DURATION_RATIO, MAX_INTEGER, MAX_SECONDS, FailedTasks, RunKind

router = AirflowRouter(tags=["Canary"])


@router.post(
    "/dags/{dag_id}/canaryRuns",
    status_code=status.HTTP_201_CREATED,
    responses=responses(404, 409, 422),
    dependencies=[*changes("trigger_canary_runs"), may_start_runs],
    response_model=CanaryRunsResponse,
)
def trigger_canary_runs(
    dag_id: DagId, body: CanaryBody, caller: CallerOfRunsDep, session: SessionDep
) -> canary.CanaryRuns:
    """Create runs of a version whatever is pinned, and make it a managed candidate."""
    replay = Replay(tuple(body.replay.runs), body.replay.last, body.replay_baseline) if body.replay else None
    request = canary.CanaryRequest(
        body.version_number,
        body.count,
        body.conf,
        body.note,
        Isolation(**dict(body.isolation)),
        replay,
        body.partition_key,
    )
    change = change_of(body, caller, reason=body.note or "canary runs")
    return commit(lambda: canary.create_canary_runs(dag_id, request, change, session=session), session=session)


def _inconclusive_after(
    inconclusive_after: Annotated[float | None, Query(ge=0, le=MAX_SECONDS, description="Seconds")] = None,
    max_wait: Annotated[
        float | None,
        Query(ge=0, le=MAX_SECONDS, description="Former name of `inconclusive_after`", deprecated=True),
    ] = None,
) -> float | None:
    """
    Return the limit of a soak, which hooks of 0.1.0 send by its former name: passed over, it would never end.

    :raises RequestValidationError: if both names are given and differ
    """
    if None not in (inconclusive_after, max_wait) and inconclusive_after != max_wait:
        said = (
            f"inconclusive_after is {inconclusive_after:g} and max_wait, its former name, is {max_wait:g}; use only one"
        )
        raise RequestValidationError(
            [{"type": "value_error", "loc": ("query", "inconclusive_after"), "msg": said, "input": inconclusive_after}]
        )
    return max_wait if inconclusive_after is None else inconclusive_after


InconclusiveAfter = Annotated[float | None, Depends(_inconclusive_after)]


@router.get(
    "/dags/{dag_id}/versions/{version_number}/replays",
    responses=responses(404),
    dependencies=[may_read, may_read_runs],
)
def get_replays(
    dag_id: DagId,
    version_number: VersionNumber,
    user: GetUserDep,
    session: SessionDep,
    limit: Limit = 50,
    offset: Offset = 0,
) -> PairListResponse:
    """
    List the replays of a version beside their originals, newest first.

    What differs is counted for everybody; XComs and asset events are shown to who may read those.
    """
    require_dag(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    listed, total = pairs.list_pairs(dag_id, version, limit=limit, offset=offset, session=session)
    replays = [PairResponse.model_validate({**vars(pair), **pair.comparison}) for pair in listed]
    readable = {"xcom": may_read_xcoms(dag_id, user=user), "asset_event": may_read_assets(user=user)}
    for pair in replays:
        pair.shown = [difference for difference in pair.shown if readable.get(difference.what, True)]
    return PairListResponse(replays=replays, total_entries=total)


@router.get("/dags/{dag_id}/versions/{version_number}/soak", responses=responses(404, 409), dependencies=[may_read])
def get_soak(
    dag_id: DagId,
    version_number: VersionNumber,
    session: SessionDep,
    inconclusive_after: InconclusiveAfter,
    min_runs: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    min_duration: Annotated[float | None, Query(ge=0, le=MAX_SECONDS, description="Seconds")] = None,
    max_failures: Annotated[int | None, Query(ge=0, le=MAX_INTEGER)] = None,
    max_output_differences: Annotated[int | None, Query(ge=0, le=MAX_INTEGER)] = None,
    consecutive_successes: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    run_kinds: RunKind | None = None,
    since: Moment | None = None,
    expected_dag_hash: Text | None = None,
    expected_bundle_version: Text | None = None,
    failed_tasks: FailedTasks | None = None,
    compare: bool | None = None,
    max_duration_ratio: Annotated[float | None, Query(gt=0, le=MAX_DURATION_RATIO)] = None,
    max_failure_rate_increase: Annotated[float | None, Query(ge=0, le=1)] = None,
    min_duration_difference: Annotated[float | None, Query(ge=0, le=MAX_SECONDS, description="Seconds")] = None,
    min_duration_runs: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    show_comparison: Annotated[bool, Query(description="Compare even if the comparison is not judged.")] = False,
) -> SoakResponse:
    """
    Judge a version by its runs, with the evidence.

    Criteria that are left out are those that are stored for the Dag (`GET .../criteria`), and else the defaults.
    """
    given = GivenCriteria(
        min_runs=min_runs,
        min_duration=min_duration,
        max_failures=max_failures,
        max_output_differences=max_output_differences,
        consecutive_successes=consecutive_successes,
        inconclusive_after=inconclusive_after,
        run_kinds=run_kinds,
        failed_tasks=failed_tasks,
        compare=compare,
        max_duration_ratio=max_duration_ratio,
        max_failure_rate_increase=max_failure_rate_increase,
        min_duration_difference=min_duration_difference,
        min_duration_runs=min_duration_runs,
    )
    question = question_of(
        dag_id,
        given,
        shows_comparison=show_comparison,
        since=since,
        expected_dag_hash=expected_dag_hash,
        expected_bundle_version=expected_bundle_version,
        session=session,
    )
    result = soak.soak(dag_id, version_number, question, session=session)
    return SoakResponse(
        dag_id=dag_id,
        verdict=result.judgement.verdict.value,
        reason=result.judgement.reason,
        message=result.judgement.message,
        version=IdentityResponse.model_validate(result.version),
        baseline=IdentityResponse.model_validate(result.baseline) if result.baseline else None,
        criteria=described(question),
        evidence=EvidenceResponse.model_validate(result.evidence).model_copy(
            update={"soaked_seconds": result.soaked_seconds}
        ),
        comparison=BaselineComparisonResponse.model_validate(result.comparison) if result.comparison else None,
    )
