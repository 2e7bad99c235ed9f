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
"""Routes of release policies."""

from __future__ import annotations

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.security import CallerDep, changes_rules, may_read
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.schemas import policies, policy_text
from airflow_providers_pinning.schemas.policies import PoliciesBody, PoliciesResponse

router = AirflowRouter(tags=["Policy"])


@router.get("/policies", responses=responses(), dependencies=[may_read], response_model=PoliciesResponse)
def get_policies(session: SessionDep) -> store.Applied:
    """Get the policies that are in force."""
    return store.current(session=session)


@router.put(
    "/policies", responses=responses(409), dependencies=changes_rules("apply_policies"), response_model=PoliciesResponse
)
def apply_policies(body: PoliciesBody, caller: CallerDep, session: SessionDep) -> store.Applied:
    """Replace all policies by those of a document, in one transaction. The same document again changes nothing."""
    document = policies.validated(body.document) if body.text is None else policy_text.read(body.text)
    change = Change(caller, body.reason, expected_revision=body.expected_revision, idempotency_key=body.idempotency_key)
    return commit(lambda: store.apply(document, change, session=session), session=session)
