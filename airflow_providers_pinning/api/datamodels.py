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
"""What the REST API takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field, StringConstraints, model_validator

MAX_INTEGER = 2**31 - 1
"""What an integer column holds."""

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
VersionNumber = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Revision = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=250)]


class ChangeBody(StrictBaseModel):
    """What every change carries."""

    reason: Reason = Field(description="Why the change is made; kept in the history.")
    idempotency_key: IdempotencyKey | None = Field(
        default=None, description="The same key makes the change once, however often it is sent."
    )


class PinBody(ChangeBody):
    """Which version to pin, and under which conditions."""

    version_number: VersionNumber | None = None
    dag_version_id: UUID | None = None
    bundle_version: str | None = Field(default=None, min_length=1, max_length=250)
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin changed since.")
    expected_dag_hash: str | None = Field(default=None, description="Refuse if the version changed since.")
    override_reason: Reason | None = Field(default=None, description="Why a rejection or a hold is passed over.")

    @model_validator(mode="after")
    def _name_one_version(self) -> PinBody:
        if [self.version_number, self.dag_version_id, self.bundle_version].count(None) != 2:
            raise ValueError("Give exactly one of version_number, dag_version_id and bundle_version.")
        return self


class RollbackBody(ChangeBody):
    """How to roll back."""

    to_version: VersionNumber | None = Field(
        default=None, description="Version number to return to, instead of the one that was active before."
    )
    reject_current: bool = Field(default=True, description="Mark the present version as not to be pinned.")
    hold: bool = Field(default=False, description="Take no further change without an override_reason.")
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin changed since.")


class CandidateBody(ChangeBody):
    """Which version to put under evaluation."""

    reason: Reason = Field(default="candidate", description="Why it is evaluated; kept in the history.")

    version_number: VersionNumber | None = Field(default=None, description="The latest if not given.")


class JudgementBody(ChangeBody):
    """Why a version is rejected or restored."""


class CanaryBody(StrictBaseModel):
    """Which canary runs to create."""

    version_number: VersionNumber
    count: int = Field(default=1, ge=1, le=100)
    conf: dict[str, Any] | None = Field(
        default=None, description="Configuration of each run, validated against the version's own parameters."
    )
    note: Reason | None = None
    idempotency_key: IdempotencyKey | None = Field(
        default=None, description="The same key makes the runs once, however often it is sent."
    )


class IdentityResponse(BaseModel):
    """Exact identity of a Dag version."""

    dag_version_id: UUID
    version_number: int
    bundle_name: str | None
    bundle_version: str | None
    dag_hash: str
    relative_fileloc: str | None


class PinInfoResponse(BaseModel):
    """Why a Dag is pinned."""

    reason: str
    actor: str
    pinned_at: datetime


class HoldResponse(BaseModel):
    """Why a Dag is on hold."""

    reason: str
    actor: str
    held_at: datetime


class ProblemResponse(BaseModel):
    """One thing that is wrong, and what to do about it."""

    reason: str
    message: str
    status: str


class HealthResponse(BaseModel):
    """Whether a pin is honoured: ``healthy``, ``degraded`` or ``broken``."""

    status: str
    problems: list[ProblemResponse]


class ReleaseStateResponse(BaseModel):
    """What new runs of a Dag use, and how that came about."""

    dag_id: str
    revision: int
    pinned: bool
    active: IdentityResponse | None
    latest: IdentityResponse | None
    versions_behind: int
    pin: PinInfoResponse | None
    hold: HoldResponse | None
    health: HealthResponse
    warnings: list[str] = []


class VersionResponse(IdentityResponse):
    """A registered version."""

    state: str
    state_reason: str | None
    code_state: str | None
    created_at: datetime
    is_active: bool
    is_latest: bool
    run_counts: dict[str, int]


class VersionCollectionResponse(BaseModel):
    """Versions of a Dag, newest first."""

    versions: list[VersionResponse]
    total_entries: int


class EventResponse(BaseModel):
    """One change."""

    id: int
    dag_id: str
    revision: int
    kind: str
    from_version: IdentityResponse | None
    to_version: IdentityResponse | None
    actor: str
    actor_kind: str
    source: dict[str, Any] | None
    reason: str
    override_reason: str | None
    evidence: dict[str, Any] | None
    release_id: str | None
    created_at: datetime


class EventCollectionResponse(BaseModel):
    """Changes of a Dag's pin, newest first."""

    events: list[EventResponse]
    total_entries: int


class PinSummaryResponse(BaseModel):
    """A pinned Dag."""

    dag_id: str
    revision: int
    active: IdentityResponse
    latest_version_number: int | None
    versions_behind: int
    pin: PinInfoResponse
    health: HealthResponse


class PinCollectionResponse(BaseModel):
    """Pinned Dags by id."""

    pins: list[PinSummaryResponse]
    total_entries: int


class ComponentResponse(BaseModel):
    """A live process of Airflow."""

    component: str
    hostname: str
    pid: int | None
    job_id: int | None
    enforced: bool
    message: str
    package_version: str | None
    last_seen: datetime | None


class EscapedRunResponse(BaseModel):
    """A run that was created with another version than the pinned one."""

    dag_id: str
    run_id: str
    version_number: int | None
    pinned_version_number: int


class DeploymentHealthResponse(BaseModel):
    """Whether pins are honoured in this deployment."""

    enforced: bool
    components: list[ComponentResponse]
    unhealthy_pins: list[PinSummaryResponse]
    total_unhealthy_pins: int
    escaped_runs: list[EscapedRunResponse]


class CanaryRunsResponse(BaseModel):
    """The canary runs that were created."""

    dag_id: str
    version: IdentityResponse
    run_ids: list[str]
    warnings: list[str]


class EvidenceResponse(BaseModel):
    """What was observed of a version since its soak began."""

    since: datetime
    runs: int
    successes: int
    failures: int
    running: int
    cleared: int
    consecutive_successes: int
    first_run_at: datetime | None
    last_run_at: datetime | None
    soaked_seconds: float = 0
    failure_rate: float | None
    failure_rate_upper_95: float | None


class JudgementResponse(BaseModel):
    """A verdict and why."""

    verdict: str
    reason: str
    message: str


class ComparisonResponse(BaseModel):
    """A comparison with the version that would be replaced."""

    judgement: JudgementResponse
    runs: int
    baseline_runs: int
    failure_rate: float
    baseline_failure_rate: float
    median_duration: float | None
    baseline_median_duration: float | None
    duration_ratio: float | None
    duration_method: str
    p_value: float | None


class SoakResponse(JudgementResponse):
    """The verdict on a version, and everything that led to it."""

    dag_id: str
    version: IdentityResponse
    baseline: IdentityResponse | None
    criteria: dict[str, Any]
    evidence: EvidenceResponse
    comparison: ComparisonResponse | None


class ErrorDetail(BaseModel):
    """A refusal; further keys depend on the reason."""

    reason: str
    message: str
    state: ReleaseStateResponse | None = Field(
        default=None, description="The current state, with reason revision_conflict."
    )
    components: list[dict[str, Any]] | None = Field(
        default=None, description="The components at fault, with reason not_enforced."
    )
    dag_id: str | None = None
    version_number: int | None = None


class ErrorResponse(BaseModel):
    """A refusal."""

    detail: ErrorDetail
