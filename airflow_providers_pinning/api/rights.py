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
"""
The rights that routes need, by the names that they have for auth managers and for people.

Airflow refuses with a bare "Forbidden". Roles of FAB are put together from single permissions, so whoever is refused is
told which one is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import HTTPException, Request, status


@dataclass(frozen=True)
class Right:
    """One right on a Dag, as auth managers are asked for it."""

    method: ResourceMethod
    entity: DagAccessEntity | None
    what: str
    fab: str
    """The permission of FAB that gives it."""

    def __str__(self) -> str:
        return f"{self.what} (FAB: {self.fab!r})"


READ_DAG = Right("GET", None, "read the Dag", "can read on DAGs")
READ_VERSIONS = Right("GET", DagAccessEntity.VERSION, "read its versions", "can read on DAG Versions")
READ_RUNS = Right("GET", DagAccessEntity.RUN, "read its runs", "can read on DAG Runs")
READ_LOGS = Right("GET", DagAccessEntity.TASK_LOGS, "read the logs of its tasks", "can read on Task Logs")
EDIT_DAG = Right("PUT", None, "edit the Dag", "can edit on DAGs")
EDIT_RUNS = Right("PUT", DagAccessEntity.RUN, "edit its runs", "can edit on DAG Runs")
CREATE_RUNS = Right("POST", DagAccessEntity.RUN, "create runs of it", "can create on DAG Runs")


def requires(right: Right, *parts: Right) -> Callable[..., None]:
    """
    Return a dependency that lets nobody pass without a right.

    :param right: what Airflow is asked for
    :param parts: further rights that it consists of, to tell which of them is missing
    """
    check = requires_access_dag(right.method, right.entity)

    def check_right(request: Request, user: GetUserDep) -> None:
        try:
            check(request, user)
        except HTTPException as refusal:
            if refusal.status_code == status.HTTP_403_FORBIDDEN:
                raise forbidden(request, user, *parts, right) from refusal
            raise

    return check_right


def forbidden(request: Request, user: BaseUser, *rights: Right) -> HTTPException:
    """Return the refusal of a request, which names the rights that the user lacks."""
    dag_id = request.path_params.get("dag_id")
    missing = [str(right) for right in rights if not _has(user, right, dag_id)]
    about = f"Dag {dag_id!r}" if dag_id else "any Dag"
    return HTTPException(
        status.HTTP_403_FORBIDDEN,
        {
            "reason": "forbidden",
            "message": f"User {user.get_name()!r} is not permitted to do this ({request.method} {request.url.path}). "
            f"Missing for {about}: {', '.join(missing)}.",
            "missing": missing,
        },
    )


def _has(user: BaseUser, right: Right, dag_id: str | None) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id) if dag_id else None)
    return get_auth_manager().is_authorized_dag(
        method=right.method, access_entity=right.entity, details=details, user=user
    )
