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

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.models.dag import DagModel
from airflow.models.log import Log
from fastapi import Depends, HTTPException, Request, status
from fastapi.params import Depends as DependsParam
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.api import release_rights
from airflow_providers_pinning.api.rights import (
    CREATE_RUNS,
    EDIT_DAG,
    EDIT_RUNS,
    READ_DAG,
    READ_LOGS,
    READ_RUNS,
    READ_VERSIONS,
    Right,
    requires,
)
from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.api.source_header import parse_source
from airflow_providers_pinning.api.user_permissions import may_change_in_team, may_start_runs_in_team
from airflow_providers_pinning.domain.changes.transactions import writing
from airflow_providers_pinning.domain.history.events import Caller
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.vocabulary import MAX_ACTOR

may_read = Depends(requires(READ_VERSIONS, READ_DAG))
may_read_runs = Depends(requires(READ_RUNS, READ_DAG))
may_read_logs = Depends(requires(READ_LOGS, READ_DAG))
may_start_runs = Depends(requires(CREATE_RUNS, EDIT_DAG))


def logged(event: str) -> DependsParam:
    """Return the dependency that notes a request in Airflow's audit log."""
    depends: DependsParam = Depends(_logged(event))
    return depends


def changes(event: str) -> list[DependsParam]:
    """Return the dependencies of a route that changes something: permission, and Airflow's audit log."""
    return [Depends(_permitted(event)), Depends(_logged(event))]


def changes_rules(event: str) -> list[DependsParam]:
    """Return the dependencies of a route that changes policies or freezes, which are about no Dag."""
    return [may_read, Depends(_permitted_to(event, release_rights.RULES)), Depends(_logged(event))]


def _permitted_to(event: str, right: release_rights.ReleaseRight) -> Callable[..., None]:
    def check_permission(request: Request, user: GetUserDep, session: SessionDep) -> None:
        try:
            release_rights.require(right, request, user)
        except HTTPException:
            note_refusal(event, request, user, session=session)
            raise

    return check_permission


def _permitted(event: str, right: Right = EDIT_DAG) -> Callable[..., None]:
    """
    Check the permission, and note in the audit log who tried without it.

    Airflow's own routes note only what is permitted. Who may release is what a pin is for, so a user who tries what is
    not theirs is to be found. Whoever is not logged in is not noted: there is nobody to name, and everybody could fill
    the log.
    """
    check = requires(right)

    def check_permission(request: Request, user: GetUserDep, session: SessionDep) -> None:
        try:
            check(request, user)
        except HTTPException as refusal:
            if refusal.status_code == status.HTTP_403_FORBIDDEN:
                note_refusal(event, request, user, session=session)
            raise

    return check_permission


require_run_edits = _permitted("roll_back_dag_version", EDIT_RUNS)
"""Let nobody pass who may not edit the runs of the Dag; for requests of which only some need that."""


def require_edits(event: str, dag_ids: Collection[str], request: Request, user: BaseUser, *, session: Session) -> None:
    """
    Let nobody pass who may not edit each of some Dags, and note in the audit log who tried.

    Whoever names a Dag that they may not edit is not told whether it is there.

    :raises HTTPException: 403, which names the Dags
    """
    if missing := sorted(set(dag_ids) - sight_of(user, "PUT", session=session).among(dag_ids)):
        known = set(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(missing))))
        # Of a Dag that is not there, the change itself tells those who might edit it.
        if forbidden_ids := [
            dag_id for dag_id in missing if dag_id in known or not may_change_in_team(dag_id, None, user=user)
        ]:
            note_refusal(event, request, user, session=session)
            more = f" and {len(forbidden_ids) - 10} more" if len(forbidden_ids) > 10 else ""
            detail = {
                "reason": "forbidden",
                "message": f"User {user.get_name()!r} may not edit these Dags: {', '.join(forbidden_ids[:10])}{more}.",
                "missing": [str(EDIT_DAG)],
            }
            raise HTTPException(status.HTTP_403_FORBIDDEN, detail)


def note_refusal(event: str, request: Request, user: BaseUser, *, session: Session) -> None:
    """Note in Airflow's audit log who tried what they may not do."""
    name = user.get_name()
    with writing(session):
        session.add(
            Log(
                event=event,
                task_instance=None,
                owner=name,
                owner_display_name=name,
                extra=json.dumps({"method": request.method, "refused": "forbidden"}),
                dag_id=request.path_params.get("dag_id"),
            )
        )
        session.commit()


def _logged(event: str) -> Callable[..., None]:
    """
    Note the request in Airflow's audit log.

    Airflow does it in the event loop, where waiting for the database would keep all other requests waiting too.
    """
    log_action = action_logging(event)

    def log_request(request: Request, user: GetUserDep, session: SessionDep) -> None:
        with writing(session):
            # It awaits nothing but the body, which has been read.
            asyncio.run(log_action(request, session, user))

    return log_request


def _caller(user: GetUserDep, source: Annotated[dict[str, Any] | None, Depends(parse_source)]) -> Caller:
    return Caller(
        name=user.get_name()[:MAX_ACTOR],
        source=source,
        permitted_in_team=partial(may_change_in_team, user=user),
        may_release=partial(release_rights.has, user, release_rights.RELEASE),
        may_override_policies=partial(release_rights.has, user, release_rights.OVERRIDES),
    )


def _caller_of_runs(caller: CallerDep, user: GetUserDep) -> Caller:
    return replace(caller, permitted_in_team=partial(may_start_runs_in_team, user=user))


def _sight(user: GetUserDep, session: SessionDep) -> Sight:
    return sight_of(user, session=session)


CallerDep = Annotated[Caller, Depends(_caller)]
CallerOfRunsDep = Annotated[Caller, Depends(_caller_of_runs)]
SightDep = Annotated[Sight, Depends(_sight)]
