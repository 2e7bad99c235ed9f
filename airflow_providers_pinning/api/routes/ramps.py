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
"""Ramps: a share of new runs has another version than the pinned one."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, changes
from airflow_providers_pinning.domain.changes import ramp
from airflow_providers_pinning.domain.changes.pins import Target
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.domain.ramp_steps import Plan, steps_of
from airflow_providers_pinning.schemas.pins import ReleaseStateResponse
from airflow_providers_pinning.schemas.ramps import RampActionBody, RampBody
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Ramp"])


@router.post(
    "/dags/{dag_id}/ramp",
    responses=responses(404, 409),
    dependencies=changes("start_ramp"),
    response_model=ReleaseStateResponse,
)
def start_ramp(dag_id: DagId, body: RampBody, caller: CallerDep, session: SessionDep, shown: ShownDep) -> ReleaseState:
    """Let a share of the new runs of a pinned Dag have another version, in steps. The active version stays."""
    target = Target.of(body)
    plan = Plan(steps_of([step.model_dump() for step in body.steps]), body.max_failures, body.promotion)
    change = change_of(body, caller)
    return shown(commit(lambda: ramp.start(dag_id, target, plan, change, session=session), session=session))


@router.patch(
    "/dags/{dag_id}/ramp",
    responses=responses(404, 409),
    dependencies=changes("change_ramp"),
    response_model=ReleaseStateResponse,
)
def change_ramp(
    dag_id: DagId, body: RampActionBody, caller: CallerDep, session: SessionDep, shown: ShownDep
) -> ReleaseState:
    """Pause, resume, abort or promote the ramp of a Dag."""
    change = change_of(body, caller)
    return shown(
        commit(
            lambda: ramp.act(dag_id, body.action, change, expected_version=body.expected_version, session=session),
            session=session,
        )
    )
