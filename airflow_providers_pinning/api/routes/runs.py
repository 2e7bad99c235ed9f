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

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from fastapi import Query

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.routes.versions import Limit, Offset
from airflow_providers_pinning.api.security import may_read, may_read_logs, may_read_runs
from airflow_providers_pinning.domain.canaries.delays import delays_of_queued
from airflow_providers_pinning.domain.monitoring import run_list
from airflow_providers_pinning.domain.monitoring.failure_logs import read_failures
from airflow_providers_pinning.domain.monitoring.runs_since_pin import newest_failures
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.schemas.runs import (
    FailedTaskResponse,
    FailureCollectionResponse,
    FailureResponse,
    RunCollectionResponse,
    RunResponse,
)
from airflow_providers_pinning.schemas.storable import DagId
from airflow_providers_pinning.vocabulary import MAX_FAILED_TASKS, MAX_LOG_LINES

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


@router.get("/dags/{dag_id}/failures", responses=responses(404), dependencies=[may_read, may_read_runs, may_read_logs])
def get_failures(
    dag_id: DagId,
    session: SessionDep,
    tasks: Annotated[int, Query(ge=1, le=MAX_FAILED_TASKS)] = 3,
    lines: Annotated[int, Query(ge=1, le=MAX_LOG_LINES)] = 10,
) -> FailureCollectionResponse:
    """
    Show the newest failure of each task since the pin, with the last lines of its log.

    The logs are read from where they are, such as another host, so this can take some seconds.
    """
    require_dag(dag_id, session=session)
    found = read_failures(dag_id, tasks=tasks, lines=lines, session=session)
    return FailureCollectionResponse(failures=[FailureResponse.model_validate(failure) for failure in found])
