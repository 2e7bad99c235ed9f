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
"""Hold Dags, so that nothing but a rollback changes their pins, and lift the holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query, Request

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, changes, logged, require_edits
from airflow_providers_pinning.domain.changes import hold
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason, Revision
from airflow_providers_pinning.schemas.holds import DagIdsBody, HoldAllBody, HoldBody
from airflow_providers_pinning.schemas.pins import ReleaseStateCollectionResponse, ReleaseStateResponse
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Hold"])


@router.put(
    "/dags/{dag_id}/hold",
    responses=responses(404, 409),
    dependencies=changes("hold_dag"),
    response_model=ReleaseStateResponse,
)
def hold_dag(dag_id: DagId, body: HoldBody, caller: CallerDep, session: SessionDep, shown: ShownDep) -> ReleaseState:
    """Put a Dag on hold: until the hold ends or is lifted, only a rollback to an older version changes its pin."""
    change = change_of(body, caller)
    return shown(commit(lambda: hold.hold(dag_id, change, until=body.until, session=session), session=session))


@router.delete(
    "/dags/{dag_id}/hold",
    responses=responses(404, 409),
    dependencies=changes("unhold_dag"),
    response_model=ReleaseStateResponse,
)
def unhold_dag(
    dag_id: DagId,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
    reason: Annotated[Reason, Query(description="Why the hold is lifted; kept in the history.")],
    expected_revision: Annotated[Revision | None, Query(description="Refuse if the pin changed since.")] = None,
    idempotency_key: IdempotencyKey | None = None,
) -> ReleaseState:
    """Lift the hold of a Dag. The active version stays."""
    change = Change(caller, reason, expected_revision=expected_revision, idempotency_key=idempotency_key)
    return shown(commit(lambda: hold.unhold(dag_id, change, session=session), session=session))


@router.post("/holds", responses=responses(404, 409), dependencies=[logged("hold_dags")])
def hold_dags(
    body: HoldAllBody, caller: CallerDep, user: GetUserDep, request: Request, session: SessionDep, shown: ShownDep
) -> ReleaseStateCollectionResponse:
    """Put several Dags on hold, in one transaction. It needs permission to edit each of them."""
    require_edits("hold_dags", body.dag_ids, request, user, session=session)
    change = change_of(body, caller)
    states = commit(lambda: hold.hold_all(body.dag_ids, change, until=body.until, session=session), session=session)
    return _answer(map(shown, states))


@router.post("/holds/lift", responses=responses(404, 409), dependencies=[logged("unhold_dags")])
def unhold_dags(
    body: DagIdsBody, caller: CallerDep, user: GetUserDep, request: Request, session: SessionDep, shown: ShownDep
) -> ReleaseStateCollectionResponse:
    """Lift the holds of several Dags, in one transaction. It needs permission to edit each of them."""
    require_edits("unhold_dags", body.dag_ids, request, user, session=session)
    change = change_of(body, caller)
    states = commit(lambda: hold.unhold_all(body.dag_ids, change, session=session), session=session)
    return _answer(map(shown, states))


def _answer(states: Iterable[ReleaseState]) -> ReleaseStateCollectionResponse:
    return ReleaseStateCollectionResponse(dags=[ReleaseStateResponse.model_validate(state) for state in states])
