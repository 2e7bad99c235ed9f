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
"""What a user may see and change, asked of the auth manager inside a request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.api import release_rights
from airflow_providers_pinning.api.sight import sight_of


@dataclass(frozen=True)
class Permissions:
    """What a user may do with the versions of a Dag."""

    change: bool
    start_canary: bool
    edit_runs: bool
    release: bool
    override_policies: bool
    set_rules: bool


def permissions_of(user: BaseUser, dag_id: str) -> Permissions:
    """Return what the dependencies of :mod:`~airflow_providers_pinning.api.security` would let a user do."""
    manager = get_auth_manager()
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    change = manager.is_authorized_dag(method="PUT", details=details, user=user)
    start = manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user)
    edit = manager.is_authorized_dag(method="PUT", access_entity=DagAccessEntity.RUN, details=details, user=user)
    return Permissions(
        change=change,
        start_canary=change and start,
        edit_runs=change and edit,
        release=change and (not conf.release_permission() or release_rights.has(user, release_rights.RELEASE)),
        override_policies=change and release_rights.has(user, release_rights.OVERRIDES),
        set_rules=release_rights.has(user, release_rights.RULES),
    )


def may_read_code(dag_id: str, together: Collection[str], *, user: BaseUser, session: Session) -> bool:
    """
    Return whether a user may see the code of a Dag, which shows the other Dags of its file as well.

    :param dag_id: the Dag
    :param together: every Dag in the file
    :param user: who asks
    :param session: database session
    """
    manager = get_auth_manager()
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    if not manager.is_authorized_dag(method="GET", access_entity=DagAccessEntity.CODE, details=details, user=user):
        return False
    others = set(together) - {dag_id}
    return not others or others <= sight_of(user, session=session).among(others)


def may_read_xcoms(dag_id: str, *, user: BaseUser) -> bool:
    """Return whether a user may read what the tasks of a Dag return."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.XCOM, details=details, user=user
    )


def may_read_assets(*, user: BaseUser) -> bool:
    """Return whether a user may read assets and their events."""
    return get_auth_manager().is_authorized_asset(method="GET", user=user)


def may_read_runs_of(dag_ids: Collection[str], *, user: BaseUser, session: Session) -> frozenset[str]:
    """Return those of some Dags whose runs a user may read, which is more than to read their versions."""
    return _permitted_among(dag_ids, "GET", DagAccessEntity.RUN, user=user, session=session)


def editable_among(dag_ids: Collection[str], *, user: BaseUser, session: Session) -> frozenset[str]:
    """Return those of some Dags that a user may edit."""
    return _permitted_among(dag_ids, "PUT", None, user=user, session=session)


def _permitted_among(
    dag_ids: Collection[str],
    method: ResourceMethod,
    entity: DagAccessEntity | None,
    *,
    user: BaseUser,
    session: Session,
) -> frozenset[str]:
    """Return those of some Dags for which a user has a right; the database is asked once for the teams of all."""
    manager = get_auth_manager()
    teams = DagModel.get_dag_id_to_team_name_mapping(list(dag_ids), session=session) if dag_ids else {}
    return frozenset(
        dag_id
        for dag_id in dag_ids
        if manager.is_authorized_dag(
            method=method,
            access_entity=entity,
            details=DagDetails(id=dag_id, team_name=teams.get(dag_id)),
            user=user,
        )
    )


def may_change_in_team(dag_id: str, team_name: str | None, *, user: BaseUser) -> bool:
    """Return whether a user may edit a Dag that belonged to a team."""
    details = DagDetails(id=dag_id, team_name=team_name)
    return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)


def may_start_runs_in_team(dag_id: str, team_name: str | None, *, user: BaseUser) -> bool:
    """Return whether a user may edit a Dag that belonged to a team, and create runs of it."""
    details = DagDetails(id=dag_id, team_name=team_name)
    return may_change_in_team(dag_id, team_name, user=user) and get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
    )
