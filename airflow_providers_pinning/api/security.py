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
Who may do what.

Reading needs permission to read the Dag's versions, changing needs permission to edit the Dag, as
pausing it does. Edit permission on versions is not used for changes, because no role of FAB has it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.models.dag import DagModel
from fastapi import Depends
from fastapi.params import Depends as DependsParam

from airflow_providers_pinning.api.source import parse_source
from airflow_providers_pinning.domain.events import Caller
from airflow_providers_pinning.models.base import MAX_ACTOR

may_read = Depends(requires_access_dag("GET", DagAccessEntity.VERSION))
may_change = Depends(requires_access_dag("PUT"))


def changes(event: str) -> list[DependsParam]:
    """Return the dependencies of a route that changes something: permission, and Airflow's audit log."""
    return [may_change, Depends(action_logging(event))]


@dataclass(frozen=True)
class Permissions:
    """What a user may do with the versions of a Dag."""

    change: bool
    start_canary: bool


def permissions_of(user: BaseUser, dag_id: str) -> Permissions:
    """Tell what the dependencies above would let a user do."""
    manager = get_auth_manager()
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    change = manager.is_authorized_dag(method="PUT", details=details, user=user)
    start = manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user)
    return Permissions(change=change, start_canary=change and start)


def may_read_code(dag_id: str, together: Collection[str], *, user: BaseUser) -> bool:
    """
    Tell whether a user may see the code of a Dag, which shows the other Dags of its file as well.

    :param dag_id: the Dag
    :param together: every Dag in the file
    :param user: who asks
    """
    manager = get_auth_manager()
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    if not manager.is_authorized_dag(method="GET", access_entity=DagAccessEntity.CODE, details=details, user=user):
        return False
    others = set(together) - {dag_id}
    return not others or others <= manager.get_authorized_dag_ids(user=user)


def may_read_runs_of(dag_ids: Collection[str], *, user: BaseUser) -> frozenset[str]:
    """Return those of some Dags whose runs a user may read, which is more than to read their versions."""
    manager = get_auth_manager()
    return frozenset(
        dag_id
        for dag_id in dag_ids
        if manager.is_authorized_dag(
            method="GET",
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
            user=user,
        )
    )


def may_change_in_team(dag_id: str, team_name: str | None, *, user: BaseUser) -> bool:
    """Tell whether a user may edit a Dag that belonged to a team."""
    details = DagDetails(id=dag_id, team_name=team_name)
    return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)


def may_start_runs_in_team(dag_id: str, team_name: str | None, *, user: BaseUser) -> bool:
    """Tell whether a user may edit a Dag that belonged to a team, and create runs of it."""
    details = DagDetails(id=dag_id, team_name=team_name)
    return may_change_in_team(dag_id, team_name, user=user) and get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
    )


def _caller(user: GetUserDep, source: Annotated[dict[str, Any] | None, Depends(parse_source)]) -> Caller:
    return Caller(
        name=user.get_name()[:MAX_ACTOR], source=source, permitted_in_team=partial(may_change_in_team, user=user)
    )


def _caller_of_runs(caller: CallerDep, user: GetUserDep) -> Caller:
    return replace(caller, permitted_in_team=partial(may_start_runs_in_team, user=user))


def _readable_dag_ids(user: GetUserDep) -> frozenset[str]:
    return frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


CallerDep = Annotated[Caller, Depends(_caller)]
CallerOfRunsDep = Annotated[Caller, Depends(_caller_of_runs)]
ReadableDagIdsDep = Annotated[frozenset[str], Depends(_readable_dag_ids)]
