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
"""Whether pins are honored in this deployment."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, SightDep, changes, may_read
from airflow_providers_pinning.api.user_permissions import may_read_runs_of
from airflow_providers_pinning.domain.changes.acknowledgement import acknowledge_runs
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.schemas.health import (
    AcknowledgementBody,
    ComponentResponse,
    ComponentsResponse,
    DeploymentHealthResponse,
    EscapedRunResponse,
)
from airflow_providers_pinning.schemas.pins import PinSummaryResponse, ReleaseStateResponse
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Health"])

SHOWN = 100


@router.get("/components", responses=responses(), dependencies=[may_read])
def get_components(session: SessionDep) -> ComponentsResponse:
    """Show each live component and whether it enforces pins, which costs little however many pins there are."""
    components = attestation.live_components(session=session)
    return ComponentsResponse(
        enforced=all(component.enforced for component in components),
        components=[ComponentResponse.model_validate(component) for component in components],
    )


@router.get("/health", responses=responses(), dependencies=[may_read])
def get_health(sight: SightDep, user: GetUserDep, session: SessionDep) -> DeploymentHealthResponse:
    """Show each live component, the pins that have a problem, and the runs that escaped their pin."""
    components = attestation.live_components(session=session)
    unhealthy, total = list_pins(PinFilter(sight=sight, unhealthy=True), limit=SHOWN, offset=0, session=session)
    troubled, total_troubled = list_pins(
        PinFilter(sight=sight, troubled_at_head=True), limit=SHOWN, offset=0, session=session
    )
    escaped = escaped_runs(sight, limit=SHOWN, session=session)
    with_runs = may_read_runs_of({run.dag_id for run in escaped}, user=user, session=session)
    return DeploymentHealthResponse(
        enforced=all(component.enforced for component in components),
        components=[ComponentResponse.model_validate(component) for component in components],
        unhealthy_pins=[PinSummaryResponse.model_validate(pin) for pin in unhealthy],
        total_unhealthy_pins=total,
        troubled_at_head=[PinSummaryResponse.model_validate(pin) for pin in troubled],
        total_troubled_at_head=total_troubled,
        escaped_runs=[EscapedRunResponse.model_validate(run) for run in escaped if run.dag_id in with_runs],
    )


@router.post(
    "/dags/{dag_id}/acknowledgements",
    responses=responses(404, 409),
    dependencies=changes("acknowledge_escaped_runs"),
    response_model=ReleaseStateResponse,
)
def acknowledge_escaped_runs(
    dag_id: DagId, body: AcknowledgementBody, caller: CallerDep, session: SessionDep, shown: ShownDep
) -> ReleaseState:
    """Acknowledge runs that were created with another version than the pinned one, so that they are not reported."""
    change = change_of(body, caller)
    return shown(commit(lambda: acknowledge_runs(dag_id, body.run_ids, change, session=session), session=session))
