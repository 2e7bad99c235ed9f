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
"""Evidence and approvals."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import AfterValidator, Field, StringConstraints

from airflow_providers_pinning.schemas.common import ChangeBody, IdentityResponse, Moment
from airflow_providers_pinning.schemas.storable import Storable, Stored, Text
from airflow_providers_pinning.vocabulary import MAX_EVIDENCE_DETAILS, MAX_EVIDENCE_URL, MAX_ID


def _limited(details: dict[str, Any]) -> dict[str, Any]:
    import json

    if (size := len(json.dumps(details).encode())) > MAX_EVIDENCE_DETAILS:
        raise ValueError(f"It has {size:,} bytes, but the limit is {MAX_EVIDENCE_DETAILS:,}. Use a url instead.")
    return details


def _web(url: str) -> str:
    # It is shown as a link.
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("Use a URL that starts with http:// or https://")
    return url


Url = Annotated[str, StringConstraints(max_length=MAX_EVIDENCE_URL), Storable, AfterValidator(_web)]


class SeenBody(ChangeBody):
    """What the caller saw of the version, to prevent recording it for another one."""

    expected_dag_hash: Text | None = Field(
        default=None, description="Refuse with `version_drifted` if the version has another hash."
    )
    expected_bundle_version: Text | None = Field(
        default=None, description="Refuse with `version_drifted` if the version has another commit."
    )


class EvidenceBody(SeenBody):
    """Evidence on a version."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID, strip_whitespace=True), Storable]
    verdict: Literal["successful", "failed", "inconclusive"]
    url: Url | None = Field(default=None, description="URL of the details.")
    expires_at: Moment | None = Field(default=None, description="When it expires; null means never.")
    details: Annotated[dict[str, Any], Storable, AfterValidator(_limited)] | None = None


class ApprovalBody(SeenBody):
    """Reason for approving a version."""


class VersionEvidenceResponse(BaseModel):
    """Evidence on a version."""

    id: int
    version_number: int
    name: str
    verdict: str
    url: str | None
    details: Stored | None
    expires_at: datetime | None
    actor: str
    created_at: datetime


class ApprovalResponse(BaseModel):
    """The approval of a version by a user."""

    id: int
    version_number: int
    actor: str
    reason: str
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoke_reason: str | None


class RecordedResponse(BaseModel):
    """Evidence and approvals for the current content of a version, newest first."""

    version: IdentityResponse
    evidence: list[VersionEvidenceResponse]
    approvals: list[ApprovalResponse]
