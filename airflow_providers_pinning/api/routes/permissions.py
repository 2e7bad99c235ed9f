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
"""What the user may do with the versions of a Dag."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.security import may_read
from airflow_providers_pinning.api.user_permissions import permissions_of
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.schemas.permissions import PermissionsResponse
from airflow_providers_pinning.schemas.storable import DagId

router = AirflowRouter(tags=["Permission"])


@router.get("/dags/{dag_id}/permissions", responses=responses(404), dependencies=[may_read])
def get_permissions(dag_id: DagId, user: GetUserDep, session: SessionDep) -> PermissionsResponse:
    """Tell what the user may do, so that nothing else is offered."""
    require_dag(dag_id, session=session)
    return PermissionsResponse.model_validate(permissions_of(user, dag_id))
