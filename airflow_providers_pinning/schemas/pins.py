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
"""The pin of a Dag: changes and state."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    DocumentBody,
    ExpectedBody,
    IdentityResponse,
    Reason,
    RepetitionResponse,
    SeenRulesBody,
    TimedBody,
    VersionChoiceBody,
)
from airflow_providers_pinning.schemas.pending import PendingChangeResponse
from airflow_providers_pinning.schemas.ramps import RampResponse, RampSummaryResponse
from airflow_providers_pinning.schemas.rollback import RepairResponse
from airflow_providers_pinning.vocabulary import MAX_PINS_BYTES


class PinBody(VersionChoiceBody, TimedBody, ExpectedBody, SeenRulesBody, ChangeBody):
    """Which version to pin, and the conditions."""

    override_reason: Reason | None = Field(
        default=None, description="Reason for overriding a rejection, a hold or a failed verdict."
    )
    ignore_verdict: bool = Field(
        default=False, description="Pin the version even if its runs failed the criteria of the Dag."
    )


class PinsBody(DocumentBody, SeenRulesBody, ChangeBody):
    """A document of pins, given as an object or as the text of a YAML file."""

    text: str | None = Field(default=None, max_length=MAX_PINS_BYTES)
    override_reason: Reason | None = Field(
        default=None, description="Why holds, rejections and failed verdicts are overridden."
    )


class PinInfoResponse(BaseModel):
    """Details of a pin."""

    reason: str
    actor: str
    pinned_at: datetime


class HoldResponse(BaseModel):
    """Details of a hold."""

    reason: str
    actor: str
    held_at: datetime
    until: datetime | None = Field(description="When it expires; null keeps it until someone lifts it.")


class ProblemResponse(BaseModel):
    """One problem and its remedy."""

    reason: str
    message: str
    status: str


class HealthResponse(BaseModel):
    """Whether a pin is enforced: ``healthy``, ``degraded`` or ``broken``."""

    status: str
    problems: list[ProblemResponse]


class HeadResponse(BaseModel):
    """State of a pinned Dag at HEAD: ``defined``, ``broken`` or ``missing``; it does not affect the pin."""

    status: str
    since: datetime | None
    message: str | None


class RunsSincePinResponse(BaseModel):
    """Outcomes of a pinned version's live runs since the pin, independent of enforcement."""

    finished: int
    failed: int
    unfinished: int
    failing: bool = Field(description="Whether the newest finished run failed.")
    failed_tasks: dict[str, int] = Field(
        description="Number of failures by task among the newest 100 failed runs; empty in lists."
    )


class ReleaseStateResponse(BaseModel):
    """The version that new runs of a Dag use, and why."""

    dag_id: str
    revision: int
    pinned: bool
    active: IdentityResponse | None
    latest: IdentityResponse | None
    versions_behind: int
    related_versions_behind: int = Field(
        description="Number of these with changes related to the Dag. Unknown changes count as related."
    )
    pin: PinInfoResponse | None
    hold: HoldResponse | None
    health: HealthResponse
    head: HeadResponse | None = Field(default=None, description="Null if the Dag is not pinned.")
    pending: PendingChangeResponse | None = Field(
        default=None, description="A pin, unpin or rollback that takes effect at a given time; null if there is none."
    )
    ramp: RampResponse | None = Field(
        default=None, description="A second version used by a share of new runs; null if there is none."
    )
    runs: RunsSincePinResponse | None = Field(
        default=None, description="Runs since the pin; null if the Dag is not pinned."
    )
    warnings: list[str] = []
    repair: RepairResponse | None = Field(default=None, description="Only in responses to a rollback.")
    repeated: RepetitionResponse | None = None


class ReleaseStateCollectionResponse(BaseModel):
    """The versions that new runs of several Dags use, by Dag ID."""

    dags: list[ReleaseStateResponse]


class PinSummaryResponse(BaseModel):
    """A pinned Dag."""

    dag_id: str
    revision: int
    active: IdentityResponse
    latest_version_number: int | None
    versions_behind: int
    related_versions_behind: int = Field(
        description="Number of these with changes related to the Dag. Unknown changes count as related."
    )
    pin: PinInfoResponse
    hold: HoldResponse | None
    health: HealthResponse
    head: HeadResponse
    runs: RunsSincePinResponse
    pending: PendingChangeResponse | None = Field(
        description="A pin, unpin or rollback that takes effect at a given time; null if there is none."
    )
    ramp: RampSummaryResponse | None = Field(
        description="A second version that a share of new runs has; null if there is none."
    )
    editable: bool = Field(default=False, description="Whether the user may change the pin.")


PinOrderBy = Literal[
    "dag_id",
    "-dag_id",
    "versions_behind",
    "-versions_behind",
    "pinned_at",
    "-pinned_at",
    "actor",
    "-actor",
    "failed_runs",
    "-failed_runs",
]


class InboxResponse(BaseModel):
    """How many pinned Dags want attention; a Dag may count several times."""

    failing: int = Field(description="Their newest finished run since the pin failed.")
    unhealthy: int = Field(description="Their pin is not enforced, or needs attention.")
    waiting: int = Field(description="A candidate that is newer than the pinned version waits for a decision.")
    unapproved: int = Field(description="A version waits for an approval that release policies, or a task, ask for.")
    held: int = Field(description="They are on hold.")
    scheduled: int = Field(description="A change takes effect later.")
    unpinned: int = Field(description="Beside these: Dags that are not pinned, which `GET /unpinned` lists.")


class PinCollectionResponse(BaseModel):
    """Pinned Dags by ID."""

    pins: list[PinSummaryResponse]
    total_entries: int


class UnpinnedDagResponse(BaseModel):
    """A Dag that uses its latest version."""

    dag_id: str
    bundle_name: str | None
    latest: int | None = Field(description="Number of its latest version.")
    gates: list[str] = Field(description="Policies that have new Dags pinned, and are about this one.")
    editable: bool = Field(default=False, description="Whether the user may pin it.")


class UnpinnedCollectionResponse(BaseModel):
    """Dags that are not pinned, by id."""

    dags: list[UnpinnedDagResponse]
    total_entries: int
