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
"""Releases: the pins of many Dags, changed and rolled back as one."""

from __future__ import annotations

from datetime import timezone
from functools import partial
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query, Request

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.many_dags import DryRun, access_of, answer
from airflow_providers_pinning.api.security import CallerDep, SightDep, logged, may_read
from airflow_providers_pinning.domain.releases import lists, release, rollback
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.releases.rollback import RollbackRequest
from airflow_providers_pinning.schemas.releases import (
    ReleaseBody,
    ReleaseCollectionResponse,
    ReleaseResponse,
    ReleaseRollbackBody,
    ReleaseSummaryResponse,
)
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_INTEGER

router = AirflowRouter(tags=["Release"])


@router.post("/releases", responses=responses(404, 409), dependencies=[logged("release_dags"), may_read])
def release_dags(
    body: ReleaseBody,
    caller: CallerDep,
    user: GetUserDep,
    request: Request,
    sight: SightDep,
    session: SessionDep,
    dry_run: DryRun = False,
) -> ReleaseResponse:
    """
    Pin, unpin or roll back many Dags in one transaction: all of them or none. It needs permission to edit each of them.

    A rollback rejects no version and keeps the runs. To roll a release back, use its own route.
    """
    access = access_of(user, sight, session)
    change = change_of(body, caller)
    wanted = _wanted(body)

    return answer(
        partial(release.plan_release, wanted, change, access, session=session),
        partial(release.make_release, wanted, change, access, session=session),
        dry_run=dry_run,
        access=access,
        request=request,
        user=user,
        session=session,
    )


@router.post(
    "/releases/{release_id}/rollback",
    responses=responses(404, 409),
    dependencies=[logged("roll_back_release"), may_read],
)
def roll_back_release(
    release_id: Text,
    body: ReleaseRollbackBody,
    caller: CallerDep,
    user: GetUserDep,
    request: Request,
    sight: SightDep,
    session: SessionDep,
    dry_run: DryRun = False,
) -> ReleaseResponse:
    """Make active again what was active before a release, for all of its Dags or none."""
    access = access_of(user, sight, session)
    change = change_of(body, caller)
    wanted = RollbackRequest(
        release_id, leave_moved=body.leave_moved, exclude=tuple(body.exclude), expected_plan=body.expected_plan
    )

    return answer(
        partial(rollback.plan_rollback, wanted, change, access, session=session),
        partial(rollback.roll_back_release, wanted, change, access, session=session),
        dry_run=dry_run,
        access=access,
        request=request,
        user=user,
        session=session,
    )


@router.get("/releases", responses=responses(), dependencies=[may_read])
def get_releases(
    sight: SightDep,
    session: SessionDep,
    dag_id: Annotated[Text | None, Query(description="Only releases with this Dag.")] = None,
    bundle_version: Annotated[Text | None, Query(description="Only releases of this commit.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> ReleaseCollectionResponse:
    """List the releases that are about a Dag that the user may read, newest first."""
    which = lists.ReleaseFilter(dag_id, bundle_version)
    listed, total = lists.list_releases(which, Access(readable=sight), limit=limit, offset=offset, session=session)
    return ReleaseCollectionResponse(
        releases=[ReleaseSummaryResponse.model_validate(one) for one in listed], total_entries=total
    )


@router.get("/releases/{release_id}", responses=responses(404), dependencies=[may_read])
def get_release(
    release_id: Text,
    sight: SightDep,
    session: SessionDep,
    limit: Annotated[int | None, Query(ge=1, le=1000, description="How many Dags; all if it is not given.")] = None,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> ReleaseResponse:
    """Get a release with those of its Dags that the user may read, in the order of their ids."""
    read = lists.read_release(release_id, Access(readable=sight), limit=limit, offset=offset, session=session)
    counted = {
        "status": read.status,
        "counts": dict(read.counts),
        "total_entries": sum(read.counts.values()),
        "hidden": read.hidden,
    }
    # It is no plan, and of one page even less.
    return ReleaseResponse.model_validate(read.report).model_copy(update={**counted, "plan_hash": ""})


def _wanted(body: ReleaseBody) -> ReleaseRequest:
    return ReleaseRequest(
        action=body.action,
        selection=Selection(
            dag_ids=None if body.dag_ids is None else tuple(dict.fromkeys(body.dag_ids)),
            tags=tuple(body.tags),
            bundles=tuple(body.bundles),
            dag_id_patterns=tuple(body.dag_id_patterns),
            owners=tuple(body.owners),
            exclude=tuple(body.exclude),
        ),
        bundle_name=body.bundle_name,
        bundle_version=body.bundle_version,
        versions=body.versions or {},
        latest=body.latest,
        newest=body.newest,
        scope=body.scope,
        effective_from=body.effective_from and body.effective_from.astimezone(timezone.utc),
        expected_plan=body.expected_plan,
    )
