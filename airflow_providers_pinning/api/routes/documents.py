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
"""Routes of the document of pins: what is pinned, as it can be applied again."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query, Request

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.many_dags import DryRun, access_of, answer
from airflow_providers_pinning.api.security import CallerDep, SightDep, logged, may_read
from airflow_providers_pinning.domain.releases import apply, export
from airflow_providers_pinning.domain.releases.document import PinsDocument
from airflow_providers_pinning.domain.releases.request import Access, Selection
from airflow_providers_pinning.schemas import pins_document
from airflow_providers_pinning.schemas.pins import PinsBody
from airflow_providers_pinning.schemas.releases import MAX_CONDITIONS, ReleaseResponse
from airflow_providers_pinning.schemas.storable import Text

router = AirflowRouter(tags=["Pin"])

Conditions = Annotated[list[Text] | None, Query(max_length=MAX_CONDITIONS)]


@router.get("/pins/export", responses=responses(), dependencies=[may_read], response_model=pins_document.PinsDocument)
def export_pins(
    sight: SightDep,
    session: SessionDep,
    tags: Conditions = None,
    bundles: Conditions = None,
    owners: Conditions = None,
    dag_id_patterns: Conditions = None,
    owns: Annotated[
        bool, Query(description="Let the document own the Dags, so that applying it unpins those it does not list.")
    ] = False,
) -> dict[str, Any]:
    """Get the pins that the user may read as a document to apply. Of each kind of condition, one must hold."""
    selection = Selection(
        tags=tuple(tags or ()),
        bundles=tuple(bundles or ()),
        owners=tuple(owners or ()),
        dag_id_patterns=tuple(dag_id_patterns or ()),
    )
    return export.export_pins(selection, Access(readable=sight), owns=owns, session=session)


@router.post("/pins/apply", responses=responses(409), dependencies=[logged("apply_pins"), may_read])
def apply_pins(
    body: PinsBody,
    caller: CallerDep,
    user: GetUserDep,
    request: Request,
    sight: SightDep,
    session: SessionDep,
    dry_run: DryRun = False,
) -> ReleaseResponse:
    """
    Make pins what a document says, all of them or none. The same document again changes nothing.

    `release_id` of the answer is null if nothing was to change. Dags that the document owns are only those that the
    user may read.
    """
    given = pins_document.validated(body.document) if body.text is None else pins_document.read(body.text)
    document = PinsDocument.from_dict(given)
    access = access_of(user, sight, session)
    change = change_of(body, caller)

    return answer(
        partial(apply.plan_apply, document, change, access, session=session),
        partial(apply.apply, document, change, access, session=session),
        dry_run=dry_run,
        access=access,
        request=request,
        user=user,
        session=session,
    )
