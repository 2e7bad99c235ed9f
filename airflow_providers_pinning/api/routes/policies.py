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
"""Routes of release policies and freezes."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Path, Query

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.security import CallerDep, SightDep, changes_rules, may_read
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.difference.policy_documents import difference_of
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies import check, freezes, store
from airflow_providers_pinning.domain.policies.explain import Explanation, explain
from airflow_providers_pinning.domain.policies.model import Match, PolicySet
from airflow_providers_pinning.domain.policies.overview import PoliciesOverview, overview
from airflow_providers_pinning.domain.policies.views import FreezeView
from airflow_providers_pinning.schemas import policies, policy_text
from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason, VersionNumber
from airflow_providers_pinning.schemas.freezes import FreezeBody, FreezeCollectionResponse, FreezeResponse
from airflow_providers_pinning.schemas.policy_requests import (
    CheckBody,
    CheckResponse,
    DoubtResponse,
    ExplanationResponse,
    PoliciesBody,
    PoliciesOverviewResponse,
    PoliciesResponse,
)
from airflow_providers_pinning.schemas.storable import DagId
from airflow_providers_pinning.vocabulary import MAX_ACTOR

router = AirflowRouter(tags=["Policy"])

FreezeId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/policies", responses=responses(), dependencies=[may_read], response_model=PoliciesResponse)
def get_policies(session: SessionDep) -> store.Applied:
    """Get the policies that are in force."""
    return store.current(session=session)


@router.get(
    "/policies/overview", responses=responses(), dependencies=[may_read], response_model=PoliciesOverviewResponse
)
def get_policies_overview(sight: SightDep, session: SessionDep) -> PoliciesOverview:
    """Tell which Dags each policy selects, whether its windows are open, and what its YAML says."""
    return overview(sight, session=session)


@router.put(
    "/policies", responses=responses(409), dependencies=changes_rules("apply_policies"), response_model=PoliciesResponse
)
def apply_policies(body: PoliciesBody, caller: CallerDep, session: SessionDep) -> store.Applied:
    """Replace all policies by those of a document, in one transaction. The same document again changes nothing."""
    document = _document(body.document, body.text)
    change = change_of(body, caller)
    return commit(lambda: store.apply(document, change, session=session), session=session)


@router.post("/policies/check", responses=responses(), dependencies=changes_rules("check_policies"))
def check_policies(body: CheckBody, session: SessionDep) -> CheckResponse:
    """Check a document of policies, and tell what applying it would change. Nothing is changed."""
    present = store.current(session=session)
    given = body.document is not None or body.text is not None
    document = _document(body.document, body.text) if given else dict(present.document)
    doubts = check.check(PolicySet.from_dict(0, document), database_clock(session=session), session=session)
    return CheckResponse(
        document=policies.PoliciesDocument.model_validate(document),
        findings=[DoubtResponse.model_validate(doubt) for doubt in doubts],
        difference=difference_of(present.document, document),
    )


@router.get(
    "/dags/{dag_id}/policy", responses=responses(404), dependencies=[may_read], response_model=ExplanationResponse
)
def explain_policies(
    dag_id: DagId,
    user: GetUserDep,
    session: SessionDep,
    version_number: Annotated[
        VersionNumber | None, Query(description="Version to check (default: the newest candidate).")
    ] = None,
) -> Explanation:
    """Tell which policies bind a Dag, what they ask for together, and what is not met if the user asked now."""
    return explain(dag_id, version_number=version_number, actor=user.get_name()[:MAX_ACTOR], session=session)


@router.get("/freezes", responses=responses(), dependencies=[may_read])
def get_freezes(
    session: SessionDep,
    over: Annotated[bool, Query(description="Include freezes that were lifted or have ended.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> FreezeCollectionResponse:
    """List the freezes that stop changes now, newest first."""
    listed = freezes.list_freezes(over=over, limit=limit, session=session)
    return FreezeCollectionResponse(freezes=[FreezeResponse.model_validate(one) for one in listed])


@router.post(
    "/freezes", responses=responses(409), dependencies=changes_rules("freeze_dags"), response_model=FreezeResponse
)
def freeze_dags(body: FreezeBody, caller: CallerDep, session: SessionDep) -> FreezeView:
    """Stop all changes but rollbacks, of some Dags or all."""
    change = change_of(body, caller)
    match = Match.from_dict(body.match.model_dump(exclude_none=True)) if body.match else None
    return commit(lambda: freezes.freeze(change, match=match, until=body.until, session=session), session=session)


@router.delete(
    "/freezes/{freeze_id}",
    responses=responses(404, 409),
    dependencies=changes_rules("thaw_dags"),
    response_model=FreezeResponse,
)
def thaw_dags(
    freeze_id: FreezeId,
    caller: CallerDep,
    session: SessionDep,
    reason: Annotated[Reason, Query(description="Reason for lifting the freeze; shown in the history.")],
    idempotency_key: IdempotencyKey | None = None,
) -> FreezeView:
    """Lift a freeze."""
    change = Change(caller, reason, idempotency_key=idempotency_key)
    return commit(lambda: freezes.thaw(freeze_id, change, session=session), session=session)


def _document(document: dict[str, Any] | None, text: str | None) -> dict[str, Any]:
    return policies.validated(document) if text is None else policy_text.read(text)
