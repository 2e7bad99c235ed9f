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
"""Routes for what the versions of a Dag are judged by."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.security import CallerDep, changes, may_read
from airflow_providers_pinning.domain.changes import criteria
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.soak.criteria import GivenCriteria, StoredCriteria, criteria_of
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.schemas.criteria import CriteriaResponse, SetCriteriaBody
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Canary"])


@router.get(
    "/dags/{dag_id}/criteria", responses=responses(404), dependencies=[may_read], response_model=CriteriaResponse
)
def get_criteria(dag_id: DagId, session: SessionDep) -> StoredCriteria:
    """Get what the versions of a Dag are judged by if a caller gives no criteria."""
    require_dag(dag_id, session=session)
    return criteria_of(dag_id, session=session)


@router.put(
    "/dags/{dag_id}/criteria",
    responses=responses(404, 409),
    dependencies=changes("set_dag_criteria"),
    response_model=CriteriaResponse,
)
def set_criteria(dag_id: DagId, body: SetCriteriaBody, caller: CallerDep, session: SessionDep) -> StoredCriteria:
    """Replace what the versions of a Dag are judged by."""
    change = change_of(body, caller)
    given = GivenCriteria(**dict(body.criteria))
    return commit(lambda: criteria.set_criteria(dag_id, given, change, session=session), session=session)
