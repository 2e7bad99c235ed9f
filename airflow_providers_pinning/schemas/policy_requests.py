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
"""What requests about policies ask for, and what they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import ChangeBody, DocumentBody, IdentityResponse, Revision
from airflow_providers_pinning.schemas.policies import PoliciesDocument, RulesResponse
from airflow_providers_pinning.vocabulary import (
    MAX_POLICY_BYTES,
    Rule,
)


class PoliciesBody(DocumentBody, ChangeBody):
    """A document of policies, given as an object or as the text of a YAML file."""

    text: str | None = Field(default=None, max_length=MAX_POLICY_BYTES)
    expected_revision: Revision | None = Field(default=None, description="Refuse if the policies changed since.")


class PoliciesResponse(BaseModel):
    """The policies that are in force."""

    revision: int = Field(description="Number of documents that were applied; 0 before the first.")
    document: PoliciesDocument
    changed: bool = Field(description="Whether this request changed them.")
    actor: str | None = None
    reason: str | None = None
    created_at: datetime | None = None


class WindowNowResponse(BaseModel):
    """Whether changes are possible at this moment, as far as one policy's windows go."""

    is_open: bool
    reason: str = Field(description="In words, with the rule that decides.")
    changes_at: datetime | None = Field(
        description="When that changes; null if it never does, or if finding out takes too long."
    )


class PolicyOverviewResponse(BaseModel):
    """What one policy is about."""

    name: str
    text: str = Field(description="Its part of the document as YAML. Below `policies:`, the parts are the document.")
    dags: int = Field(description="How many Dags it selects, of those that the user may read.")
    examples: list[str] = Field(description="The first of them.")
    window: WindowNowResponse | None = Field(description="Null if the policy has no windows.")


class PoliciesOverviewResponse(BaseModel):
    """What the policies in force are about."""

    revision: int = Field(description="Of the policies; 0 if none were ever declared.")
    dags: int = Field(description="How many Dags there are that the user may read.")
    bound: int = Field(description="How many of them at least one policy selects.")
    policies: list[PolicyOverviewResponse]


class UnmetResponse(BaseModel):
    """One rule that is not met, and what would meet it."""

    rule: Rule
    policies: list[str] = Field(description="Policies that ask for it; none if it is a freeze.")
    message: str
    details: dict[str, Any]


class ExplanationResponse(BaseModel):
    """Which policies bind a Dag, what they ask for, and what is not met now."""

    dag_id: str
    revision: int = Field(description="Of the policies; 0 if none were ever declared.")
    policies: list[str]
    rules: RulesResponse = Field(validation_alias="merged")
    version: IdentityResponse | None = Field(
        description="The version that was looked at: the one named, else the newest candidate, else the latest."
    )
    passes_gate: bool = Field(
        description="Whether the Dag is not pinned although a policy pins new Dags to their first version."
    )
    allowed: bool = Field(description="Whether the user could pin it now, as far as policies and freezes go.")
    unmet: list[UnmetResponse]


class DoubtResponse(BaseModel):
    """One thing that is probably not meant."""

    reason: str = Field(
        description="`never_open`, `never_open_together`, `never_recorded`, `failing_already`, `outvoted` or "
        "`matches_nothing`."
    )
    policies: list[str]
    message: str


class CheckBody(StrictBaseModel):
    """A document of policies to check; without one, those in force are checked."""

    document: dict[str, Any] | None = None
    text: str | None = Field(default=None, max_length=MAX_POLICY_BYTES)


class CheckResponse(BaseModel):
    """A document of policies that is valid, what is suspicious of it, and what applying it would change."""

    document: PoliciesDocument
    findings: list[DoubtResponse]
    difference: list[str] = Field(description="Lines of a unified diff; none if it would change nothing.")
