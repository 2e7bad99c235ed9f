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
"""The history of changes: of one Dag, and of all that the user may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, Path, Query
from sqlalchemy.orm import Session

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import without_names
from airflow_providers_pinning.api.routes.versions import Limit, Offset
from airflow_providers_pinning.api.security import SightDep, may_read
from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.api.user_permissions import may_read_runs_of
from airflow_providers_pinning.domain.errors import UnknownEventError
from airflow_providers_pinning.domain.history import search
from airflow_providers_pinning.domain.history.commits import commits_of
from airflow_providers_pinning.domain.history.search import EventFilter
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.schemas.common import Moment
from airflow_providers_pinning.schemas.compare import CommitResponse
from airflow_providers_pinning.schemas.storable import DagId, Text
from airflow_providers_pinning.schemas.versions import EventCollectionResponse, EventFeedResponse, EventResponse
from airflow_providers_pinning.vocabulary import EventKind

router = AirflowRouter(tags=["History"])

EventId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _filter(
    kind: Annotated[list[EventKind] | None, Query(description="Only changes of this kind; can be repeated.")] = None,
    actor: Annotated[Text | None, Query(description="Only changes by this user.")] = None,
    since: Annotated[Moment | None, Query(description="Only changes at or after this time.")] = None,
    until: Annotated[Moment | None, Query(description="Only changes before this time.")] = None,
    text: Annotated[Text | None, Query(description="Part of the reason, the override reason or the user name.")] = None,
) -> EventFilter:
    return EventFilter(kinds=tuple(kind or ()), actor=actor, since=since, until=until, text=text)


FilterDep = Annotated[EventFilter, Depends(_filter)]


@router.get("/dags/{dag_id}/events", responses=responses(404), dependencies=[may_read])
def get_events(
    dag_id: DagId, user: GetUserDep, session: SessionDep, which: FilterDep, limit: Limit = 50, offset: Offset = 0
) -> EventCollectionResponse:
    """
    List what was changed, by whom and why, newest first.

    Which runs it was about is told only to who may read the runs of the Dag, and which task asked for it only to who
    may read the runs of that task's Dag, or asked for it.
    """
    require_dag(dag_id, session=session)
    wanted = EventFilter(**{**vars(which), "dag_id": dag_id})
    listed, total = search.list_events(wanted, limit=limit, offset=offset, session=session)
    return EventCollectionResponse(events=_shown(listed, user, session), total_entries=total)


@router.get("/events", responses=responses(), dependencies=[may_read])
def get_event_feed(
    sight: SightDep,
    user: GetUserDep,
    session: SessionDep,
    which: FilterDep,
    dag_id_pattern: Annotated[Text | None, Query(description="Part of the Dag ID; % and _ are wildcards.")] = None,
    limit: Limit = 50,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="`next_before` of the previous response.")
    ] = None,
) -> EventFeedResponse:
    """List what was changed of any Dag that the user may read, newest first."""
    wanted = EventFilter(**{**vars(which), "sight": sight, "dag_id_pattern": dag_id_pattern})
    listed, go_on = search.next_events(wanted, limit=limit, before=before, session=session)
    return EventFeedResponse(events=_shown(listed, user, session), next_before=go_on)


@router.get("/events/{event_id}", responses=responses(404), dependencies=[may_read])
def get_event(event_id: EventId, sight: SightDep, user: GetUserDep, session: SessionDep) -> EventResponse:
    """Get one change, to which a link may lead."""
    event = search.find_event(event_id, session=session)
    if event is None or not search.is_seen(event, sight):
        raise UnknownEventError(f"There is no change {event_id}, or you may not read its Dag.", event_id=event_id)
    return _shown([event], user, session)[0]


def _shown(events: Iterable[Event], user: BaseUser, session: Session) -> list[EventResponse]:
    """Leave out what the user may not see of runs."""
    listed = list(events)
    commits = commits_of(listed, session=session)
    shown = [
        EventResponse.model_validate(event).model_copy(
            update={"commit": CommitResponse.model_validate(commit) if (commit := commits.get(event.id)) else None}
        )
        for event in listed
    ]
    dag_ids = {event.dag_id for event in shown} | set(filter(None, map(_dag_of_source, shown)))
    with_runs = may_read_runs_of(dag_ids, user=user, session=session)
    for event in shown:
        if event.dag_id not in with_runs:
            facts = (event.evidence or {}).items()
            event.evidence = {name: fact for name, fact in facts if not _names_runs(name)} or None
        source_dag = _dag_of_source(event)
        if source_dag and source_dag not in with_runs and event.actor != user.get_name():
            event.source = None
    _hide_names(shown, user, session)
    return shown


def _hide_names(events: Iterable[EventResponse], user: BaseUser, session: Session) -> None:
    told = {event.id: warnings for event in events if (warnings := _warnings(event))}
    if not told:
        return
    texts = [text for warnings in told.values() for text in warnings]
    own = {event.dag_id for event in events}
    shown = without_names(texts, own, sight_of(user, session=session), session=session)
    for event in events:
        if event.id in told:
            event.evidence = {**(event.evidence or {}), "warnings": [shown(text) for text in told[event.id]]}


def _warnings(event: EventResponse) -> list[str]:
    warnings = (event.evidence or {}).get("warnings")
    return [text for text in warnings if isinstance(text, str)] if isinstance(warnings, list) else []


def _dag_of_source(event: EventResponse) -> str | None:
    dag_id = (event.source or {}).get("dag_id")
    return dag_id if isinstance(dag_id, str) else None


def _names_runs(fact: str) -> bool:
    return fact == "replays" or fact.endswith("run_ids")
