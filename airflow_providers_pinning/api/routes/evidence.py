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
"""Routes of evidence and approvals."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from fastapi import Query

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.routes.versions import VersionNumber
from airflow_providers_pinning.api.security import CallerDep, changes, may_read
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies import approvals, evidence
from airflow_providers_pinning.domain.policies.evidence import Finding, Recorded
from airflow_providers_pinning.domain.policies.views import ApprovalView, EvidenceView
from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason
from airflow_providers_pinning.schemas.evidence import (
    ApprovalBody,
    ApprovalResponse,
    EvidenceBody,
    RecordedResponse,
    VersionEvidenceResponse,
)
from airflow_providers_pinning.schemas.storable import DagId, Text

router = AirflowRouter(tags=["Evidence"])


@router.get(
    "/dags/{dag_id}/versions/{version_number}/evidence",
    responses=responses(404),
    dependencies=[may_read],
    response_model=RecordedResponse,
)
def get_evidence(dag_id: DagId, version_number: VersionNumber, session: SessionDep) -> Recorded:
    """List what was found and approved of a version as it is now, newest first."""
    return evidence.recorded_of(dag_id, version_number, session=session)


@router.post(
    "/dags/{dag_id}/versions/{version_number}/evidence",
    responses=responses(404, 409),
    dependencies=changes("record_evidence"),
    response_model=VersionEvidenceResponse,
)
def record_evidence(
    dag_id: DagId, version_number: VersionNumber, body: EvidenceBody, caller: CallerDep, session: SessionDep
) -> EvidenceView:
    """Record what was found of a version, for policies that require it. The newest of each name counts."""
    finding = Finding(body.name, body.verdict, body.url, body.expires_at, body.details)
    change = change_of(body, caller)
    return commit(
        lambda: evidence.record_evidence(dag_id, version_number, finding, change, session=session), session=session
    )


@router.post(
    "/dags/{dag_id}/versions/{version_number}/approvals",
    responses=responses(404, 409),
    dependencies=changes("approve_dag_version"),
    response_model=ApprovalResponse,
)
def approve_version(
    dag_id: DagId, version_number: VersionNumber, body: ApprovalBody, caller: CallerDep, session: SessionDep
) -> ApprovalView:
    """Agree to the release of a version, in the name of the user. Who asks for the release does not count."""
    change = change_of(body, caller)
    return commit(lambda: approvals.approve(dag_id, version_number, change, session=session), session=session)


@router.delete(
    "/dags/{dag_id}/versions/{version_number}/approvals",
    responses=responses(404, 409),
    dependencies=changes("revoke_approval"),
    response_model=ApprovalResponse,
)
def revoke_approval(
    dag_id: DagId,
    version_number: VersionNumber,
    caller: CallerDep,
    session: SessionDep,
    reason: Annotated[Reason, Query(description="Reason for revoking the approval; shown in the history.")],
    actor: Annotated[Text | None, Query(description="User whose approval to revoke (default: the caller).")] = None,
    idempotency_key: IdempotencyKey | None = None,
) -> ApprovalView:
    """Let an approval count no more."""
    change = Change(caller, reason, idempotency_key=idempotency_key)
    return commit(
        lambda: approvals.revoke(dag_id, version_number, change, actor=actor, session=session), session=session
    )
