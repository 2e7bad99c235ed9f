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
"""What routes have in common that change many Dags as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query, Request

from airflow_providers_pinning.api.rights import EDIT_DAG
from airflow_providers_pinning.api.security import note_refusal
from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.api.user_permissions import may_change_in_team
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import DagsForbiddenError
from airflow_providers_pinning.domain.releases.access import without_hidden
from airflow_providers_pinning.domain.releases.plan import ReleaseReport
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.schemas.releases import ReleaseResponse

DryRun = Annotated[bool, Query(description="Say what would be done, and do nothing.")]


def access_of(user: GetUserDep, sight: Sight, session: SessionDep) -> Access:
    """Return what a user may do, who may see some Dags."""
    editable = sight_of(user, "PUT", session=session)
    return Access(editable, sight, partial(may_change_in_team, team_name=None, user=user))


def answer(
    plan: Callable[[], ReleaseReport],
    make: Callable[[], ReleaseReport],
    *,
    dry_run: bool,
    access: Access,
    request: Request,
    user: GetUserDep,
    session: SessionDep,
) -> ReleaseResponse:
    """
    Make a change of many Dags, or plan it, and answer with what the caller may see.

    The audit log records callers who tried without permission.

    :param plan: what a dry run does
    :param make: makes the change, without committing it
    """
    try:
        if dry_run:
            report = plan()
            # A plan writes, to learn the result of the change. The end of the request would commit that.
            session.rollback()
        else:
            report = commit(make, session=session)
    except DagsForbiddenError as error:
        session.rollback()
        error.data = {**error.data, "missing": [str(EDIT_DAG)]}
        note_refusal(request.scope["route"].name, request, user, session=session)
        raise
    shown, hidden = without_hidden(report, access, session=session)
    counted = {"total_entries": len(shown.dags), "hidden": hidden, "plan_hash": report.plan_hash}
    return ReleaseResponse.model_validate(shown).model_copy(update=counted)
