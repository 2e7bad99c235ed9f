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
"""The runs of a Dag, with their versions."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.routes.versions import Limit, Offset
from airflow_providers_pinning.api.security import may_read, may_read_runs
from airflow_providers_pinning.domain.canaries.delays import delays_of_queued
from airflow_providers_pinning.domain.monitoring import run_list
from airflow_providers_pinning.domain.monitoring.runs_since_pin import newest_failures
from airflow_providers_pinning.schemas.runs import FailedTaskResponse, RunCollectionResponse, RunResponse
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Run"])


@router.get("/dags/{dag_id}/runs", responses=responses(404), dependencies=[may_read, may_read_runs])
def get_runs(dag_id: DagId, session: SessionDep, limit: Limit = 50, offset: Offset = 0) -> RunCollectionResponse:
    """
    List the runs of a Dag with their versions, newest first.

    Tells which task instances failed of the pinned version, and why queued canary runs have not started.
    """
    listed, total = run_list.list_runs(dag_id, limit=limit, offset=offset, session=session)
    return RunCollectionResponse(
        runs=[RunResponse.model_validate(run) for run in listed],
        total_entries=total,
        failed_tasks=[FailedTaskResponse.model_validate(task) for task in newest_failures(dag_id, session=session)],
        canary_delays=list(delays_of_queued(dag_id, session=session)),
    )
