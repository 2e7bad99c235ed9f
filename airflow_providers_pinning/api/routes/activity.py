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
"""What the UI asks beside the release state: the runs, what the user may do, and where a rollback would lead."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends

from airflow_providers_pinning.api.datamodels.activity import (
    PermissionsResponse,
    RollbackTargetResponse,
    RunCollectionResponse,
    RunResponse,
)
from airflow_providers_pinning.api.datamodels.common import IdentityResponse
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.plain import DagId
from airflow_providers_pinning.api.routes.versions import Limit, Offset
from airflow_providers_pinning.api.security import may_read, permissions_of
from airflow_providers_pinning.domain import rollback, run_list
from airflow_providers_pinning.domain.identity import require_dag

router = AirflowRouter(tags=["Activity"])

may_read_runs = Depends(requires_access_dag("GET", DagAccessEntity.RUN))


@router.get("/dags/{dag_id}/runs", responses=responses(404), dependencies=[may_read, may_read_runs])
def get_runs(dag_id: DagId, session: SessionDep, limit: Limit = 50, offset: Offset = 0) -> RunCollectionResponse:
    """List the runs of a Dag with their versions, newest first."""
    listed, total = run_list.list_runs(dag_id, limit=limit, offset=offset, session=session)
    return RunCollectionResponse(runs=[RunResponse.model_validate(run) for run in listed], total_entries=total)


@router.get("/dags/{dag_id}/permissions", responses=responses(404), dependencies=[may_read])
def get_permissions(dag_id: DagId, user: GetUserDep, session: SessionDep) -> PermissionsResponse:
    """Tell what the user may do, so that nothing else is offered."""
    require_dag(dag_id, session=session)
    return PermissionsResponse.model_validate(permissions_of(user, dag_id))


@router.get("/dags/{dag_id}/rollback", responses=responses(404), dependencies=[may_read])
def get_rollback_target(dag_id: DagId, session: SessionDep) -> RollbackTargetResponse:
    """Tell which version a rollback would pin, without rolling back."""
    target = rollback.target_of_rollback(dag_id, session=session)
    return RollbackTargetResponse(to_version=IdentityResponse.model_validate(target) if target else None)
