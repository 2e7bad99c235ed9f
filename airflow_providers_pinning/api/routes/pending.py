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
"""Changes that take effect at a given time."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from fastapi import Query

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, SightDep, changes, may_read
from airflow_providers_pinning.domain.changes import pending
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.pending import failure_of, list_pending, pending_of
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason, Revision
from airflow_providers_pinning.schemas.pending import (
    PendingChangeCollectionResponse,
    PendingChangeOfDagResponse,
    PendingChangeResponse,
)
from airflow_providers_pinning.schemas.pins import ReleaseStateResponse
from airflow_providers_pinning.schemas.storable import DagId
from airflow_providers_pinning.vocabulary import MAX_INTEGER

router = AirflowRouter(tags=["Pin"])


@router.get("/dags/{dag_id}/pending", responses=responses(404), dependencies=[may_read])
def get_pending_change(dag_id: DagId, session: SessionDep) -> PendingChangeOfDagResponse:
    """Get the change of a Dag that takes effect at a given time, and why the last one did not."""
    found = pending_of(dag_id, session=session)
    return PendingChangeOfDagResponse(
        pending=PendingChangeResponse.model_validate(found) if found else None,
        failure=failure_of(dag_id, session=session),
    )


@router.delete(
    "/dags/{dag_id}/pending",
    responses=responses(404, 409),
    dependencies=changes("cancel_pending_change"),
    response_model=ReleaseStateResponse,
)
def cancel_pending_change(
    dag_id: DagId,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
    reason: Annotated[Reason, Query(description="Why the change is canceled; kept in the history.")],
    expected_revision: Annotated[Revision | None, Query(description="Refuse if the pin changed since.")] = None,
    idempotency_key: IdempotencyKey | None = None,
) -> ReleaseState:
    """Cancel the change of a Dag that takes effect at a given time. The active version stays."""
    change = Change(caller, reason, expected_revision=expected_revision, idempotency_key=idempotency_key)
    return shown(commit(lambda: pending.cancel(dag_id, change, session=session), session=session))


@router.get("/pending", responses=responses(), dependencies=[may_read])
def get_pending_changes(
    sight: SightDep,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> PendingChangeCollectionResponse:
    """List the changes that take effect at a given time, of the Dags that the user may read, the next one first."""
    listed, total = list_pending(sight, limit=limit, offset=offset, session=session)
    return PendingChangeCollectionResponse(
        pending=[PendingChangeResponse.model_validate(one) for one in listed], total_entries=total
    )
