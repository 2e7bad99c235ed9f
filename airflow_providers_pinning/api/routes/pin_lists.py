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
"""The lists of pinned Dags and of others, and how many want attention."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.security import SightDep, may_read
from airflow_providers_pinning.api.user_permissions import editable_among
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.policies.inbox import inbox
from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.policies.unapproved import narrow
from airflow_providers_pinning.domain.policies.unpinned import UnpinnedFilter, list_unpinned
from airflow_providers_pinning.schemas.pins import (
    InboxResponse,
    PinCollectionResponse,
    PinOrderBy,
    PinSummaryResponse,
    UnpinnedCollectionResponse,
    UnpinnedDagResponse,
)
from airflow_providers_pinning.schemas.releases import MAX_CONDITIONS
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_INTEGER, MAX_PINS, PinOrder

router = AirflowRouter(tags=["Pin"])


@router.get("/pins", responses=responses(), dependencies=[may_read])
def get_pins(
    sight: SightDep,
    user: GetUserDep,
    session: SessionDep,
    dag_id_pattern: Annotated[Text | None, Query(description="Part of the Dag ID; % and _ are wildcards.")] = None,
    behind: Annotated[bool | None, Query(description="Only Dags that are behind (or at) their latest version.")] = None,
    unhealthy: Annotated[bool | None, Query(description="Only pins with (or without) a problem.")] = None,
    failing: Annotated[
        bool | None, Query(description="Only Dags whose newest finished run since the pin failed (or did not fail).")
    ] = None,
    held: Annotated[bool | None, Query(description="Only Dags on hold, or only others.")] = None,
    waiting: Annotated[
        bool | None,
        Query(description="Only Dags with a candidate that is newer than the pinned version, or only others."),
    ] = None,
    unapproved: Annotated[
        bool | None, Query(description="Only Dags with a version that waits for an approval, or only others.")
    ] = None,
    scheduled: Annotated[bool | None, Query(description="Only Dags with a pending change, or only others.")] = None,
    tags: Annotated[list[Text] | None, Query(max_length=MAX_CONDITIONS, description="One of these tags.")] = None,
    bundles: Annotated[
        list[Text] | None, Query(max_length=MAX_CONDITIONS, description="The pinned version is of one of these.")
    ] = None,
    owners: Annotated[list[Text] | None, Query(max_length=MAX_CONDITIONS, description="One of these owners.")] = None,
    actor: Annotated[Text | None, Query(description="Only Dags that this user pinned last.")] = None,
    order_by: Annotated[PinOrderBy, Query(description="By what to sort; - before it for descending.")] = "dag_id",
    limit: Annotated[int, Query(ge=1, le=MAX_PINS)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> PinCollectionResponse:
    """List the pinned Dags that the user may read."""
    which = PinFilter(
        sight,
        dag_id_pattern,
        behind,
        unhealthy,
        failing,
        held=held,
        waiting=waiting,
        scheduled=scheduled,
        tags=tuple(tags or ()),
        bundles=tuple(bundles or ()),
        owners=tuple(owners or ()),
        actors=(actor,) if actor is not None else (),
        among=narrow(unapproved, session=session),
    )
    listed, total = list_pins(
        which,
        order=PinOrder(order_by.removeprefix("-")),
        descending=order_by.startswith("-"),
        limit=limit,
        offset=offset,
        session=session,
    )
    editable = editable_among([pin.dag_id for pin in listed], user=user, session=session)
    shown = [PinSummaryResponse.model_validate(pin) for pin in listed]
    for pin in shown:
        pin.editable = pin.dag_id in editable
    return PinCollectionResponse(pins=shown, total_entries=total)


@router.get("/unpinned", responses=responses(), dependencies=[may_read])
def get_unpinned(
    sight: SightDep,
    user: GetUserDep,
    session: SessionDep,
    dag_id_pattern: Annotated[Text | None, Query(description="Part of the Dag id; % and _ are wildcards.")] = None,
    tags: Annotated[list[Text] | None, Query(max_length=MAX_CONDITIONS)] = None,
    bundles: Annotated[list[Text] | None, Query(max_length=MAX_CONDITIONS)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PINS)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> UnpinnedCollectionResponse:
    """List the Dags that the user may read and that are not pinned. Of each kind of condition, one must hold."""
    which = UnpinnedFilter(sight, dag_id_pattern, Match(tags=tuple(tags or ()), bundles=tuple(bundles or ())))
    listed, total = list_unpinned(which, limit=limit, offset=offset, session=session)
    editable = editable_among([dag.dag_id for dag in listed], user=user, session=session)
    shown = [UnpinnedDagResponse.model_validate(dag) for dag in listed]
    for dag in shown:
        dag.editable = dag.dag_id in editable
    return UnpinnedCollectionResponse(dags=shown, total_entries=total)


@router.get("/inbox", responses=responses(), dependencies=[may_read])
def get_inbox(sight: SightDep, session: SessionDep) -> InboxResponse:
    """Count the pinned Dags that want attention, of those that the user may read; filters of `GET /pins` list them."""
    return InboxResponse(**inbox(sight, session=session).as_dict())
