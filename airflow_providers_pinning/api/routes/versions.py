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
"""The versions of a Dag, and its history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from fastapi import Path, Query

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, changes, may_read
from airflow_providers_pinning.domain.changes import review
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.changes.version_repair import repair_version
from airflow_providers_pinning.domain.dag_model.params import VersionParams, params_of
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.domain.monitoring.version_list import list_versions
from airflow_providers_pinning.domain.versions.bundle_versions import CommitStatus, commit_status
from airflow_providers_pinning.schemas.pins import ReleaseStateResponse
from airflow_providers_pinning.schemas.storable import DagId, Text
from airflow_providers_pinning.schemas.versions import (
    CandidateBody,
    JudgementBody,
    RegistrationResponse,
    VersionCollectionResponse,
    VersionParamsResponse,
    VersionResponse,
)
from airflow_providers_pinning.vocabulary import MAX_INTEGER, MAX_PAGE

router = AirflowRouter(tags=["Version"])

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Query(ge=0, le=MAX_INTEGER)]
VersionNumber = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


@router.get("/dags/{dag_id}/versions", responses=responses(404), dependencies=[may_read])
def get_versions(
    dag_id: DagId, session: SessionDep, limit: Limit = 50, offset: Offset = 0
) -> VersionCollectionResponse:
    """List the registered versions of a Dag, newest first."""
    listed, total = list_versions(dag_id, limit=limit, offset=offset, session=session)
    return VersionCollectionResponse(
        versions=[
            VersionResponse.model_validate({**asdict(version.identity), **asdict(version)}) for version in listed
        ],
        total_entries=total,
    )


@router.get(
    "/dags/{dag_id}/registration",
    responses=responses(404),
    dependencies=[may_read],
    response_model=RegistrationResponse,
)
def get_registration(
    dag_id: DagId,
    session: SessionDep,
    bundle_version: Annotated[Text, Query(min_length=1, description="Full commit hash.")],
) -> CommitStatus:
    """Return whether a commit is registered for a Dag, and as which version."""
    return commit_status(dag_id, bundle_version, session=session)


@router.post(
    "/dags/{dag_id}/candidates",
    responses=responses(404, 409),
    dependencies=changes("add_dag_version_candidate"),
    response_model=ReleaseStateResponse,
)
def add_candidate(
    dag_id: DagId, body: CandidateBody, caller: CallerDep, session: SessionDep, shown: ShownDep
) -> ReleaseState:
    """Put a version under evaluation, so that the next commit cannot overwrite it."""
    change = change_of(body, caller)
    return shown(
        commit(lambda: review.add_candidate(dag_id, body.version_number, change, session=session), session=session)
    )


@router.get(
    "/dags/{dag_id}/versions/{version_number}/params",
    responses=responses(404, 409),
    dependencies=[may_read],
    response_model=VersionParamsResponse,
)
def get_version_params(dag_id: DagId, version_number: VersionNumber, session: SessionDep) -> VersionParams:
    """Get the parameters of a version, which the configuration of its canary runs is checked against."""
    return params_of(dag_id, version_number, session=session)


@router.post(
    "/dags/{dag_id}/versions/{version_number}/reject",
    responses=responses(404, 409),
    dependencies=changes("reject_dag_version"),
    response_model=ReleaseStateResponse,
)
def reject_version(
    dag_id: DagId,
    version_number: VersionNumber,
    body: JudgementBody,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
) -> ReleaseState:
    """Mark a version as not to be pinned."""
    change = change_of(body, caller)
    return shown(commit(lambda: review.reject(dag_id, version_number, change, session=session), session=session))


@router.post(
    "/dags/{dag_id}/versions/{version_number}/restore",
    responses=responses(404, 409),
    dependencies=changes("restore_dag_version"),
    response_model=ReleaseStateResponse,
)
def restore_version(
    dag_id: DagId,
    version_number: VersionNumber,
    body: JudgementBody,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
) -> ReleaseState:
    """Allow a rejected version to be pinned again."""
    change = change_of(body, caller)
    return shown(commit(lambda: review.restore(dag_id, version_number, change, session=session), session=session))


@router.post(
    "/dags/{dag_id}/versions/{version_number}/repair",
    responses=responses(404, 409),
    dependencies=changes("repair_dag_version"),
    response_model=ReleaseStateResponse,
)
def repair_dag_version(
    dag_id: DagId,
    version_number: VersionNumber,
    body: JudgementBody,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
) -> ReleaseState:
    """Write a managed version again as it was recorded, after something without the enforcement rewrote it."""
    change = change_of(body, caller)
    return shown(commit(lambda: repair_version(dag_id, version_number, change, session=session), session=session))
