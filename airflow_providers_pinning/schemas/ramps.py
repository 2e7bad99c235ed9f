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
"""Ramps: a share of new runs gets another version than the pinned one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import AfterValidator, Field, model_validator

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    ExpectedBody,
    IdentityResponse,
    Reason,
    SeenRulesBody,
    VersionChoiceBody,
    VersionNumber,
)
from airflow_providers_pinning.schemas.policy_values import Seconds
from airflow_providers_pinning.vocabulary import MAX_INTEGER, MAX_RAMP_STEPS, RampAction, RampPromotion


class StepBody(StrictBaseModel):
    """A share of new runs, and what completes the step."""

    share: float = Field(gt=0, le=1, description="Share of new runs that get the version.")
    runs: int | None = Field(
        default=None,
        ge=1,
        le=MAX_INTEGER,
        description="Finished runs of the version required. If set, every k-th run gets the version; otherwise "
        "the run ID decides, and one run is required.",
    )
    duration: Seconds | None = Field(
        default=None, description="Minimum duration of the step in seconds; also like `30m` or `1d12h`."
    )

    @model_validator(mode="after")
    def _end_somehow(self) -> StepBody:
        if self.runs is None and not self.duration:
            raise ValueError("Use runs or duration, or both, to define when the step is complete.")
        return self


def _growing(steps: list[StepBody]) -> list[StepBody]:
    shares = [step.share for step in steps]
    if shares != sorted(shares):
        raise ValueError(f"The shares must increase with each step; they are {', '.join(map(str, shares))}")
    return steps


Steps = Annotated[list[StepBody], Field(min_length=1, max_length=MAX_RAMP_STEPS), AfterValidator(_growing)]


class RampBody(VersionChoiceBody, ExpectedBody, SeenRulesBody, ChangeBody):
    """Which version gets a share of the new runs, and in which steps."""

    steps: Steps
    max_failures: int = Field(
        default=0,
        ge=0,
        le=MAX_INTEGER,
        description="Failed runs of the version to tolerate, over all steps; one more aborts the ramp.",
    )
    promotion: RampPromotion = Field(
        default=RampPromotion.AUTOMATIC, description="Whether to pin the version after the last step, or to wait."
    )
    override_reason: Reason | None = Field(
        default=None, description="Reason for overriding a rejection, a hold, a failed verdict or policy rules."
    )
    supersede: bool = Field(
        default=False, description="Cancel a pending change and abort another ramp instead of refusing this one."
    )


class RampActionBody(SeenRulesBody, ChangeBody):
    """Action on the ramp of a Dag."""

    action: RampAction
    expected_revision: int | None = Field(
        default=None, ge=0, le=MAX_INTEGER, description="Refuse if the pin has changed since."
    )
    expected_version: VersionNumber | None = Field(
        default=None, description="Refuse with `no_ramp` if the ramp is for another version."
    )
    override_reason: Reason | None = Field(default=None, description="Reason for overriding a hold or policy rules.")


class StepResponse(BaseModel):
    """One step."""

    share: float
    runs: int | None
    duration: float | None = Field(description="In seconds.")


class RampSummaryResponse(BaseModel):
    """A ramp that is under way, as lists show it."""

    id: int
    status: str = Field(description="`running` or `paused`.")
    version: IdentityResponse = Field(description="The version that gets a share; the active version is another one.")
    steps: list[StepResponse]
    step: int = Field(description="Number of the current step, starting with 1.")
    share: float = Field(description="Share of new runs that get the version now: 0 while it is paused.")
    step_since: datetime
    started_at: datetime
    max_failures: int
    promotion: str
    actor: str
    reason: str
    message: str | None = Field(description="What keeps it from going on.")


class RampResponse(RampSummaryResponse):
    """A ramp that is under way, and how far it got."""

    finished: int = Field(description="Finished runs of the version in the present step.")
    needed: int = Field(description="How many of them the step needs.")
    failed: int = Field(description="Failed runs of the version since the ramp began.")
    unfinished: int
    next_in: int | None = Field(
        description="How many runs from now the version is used next, where 1 is the next run; null if the run ID "
        "decides."
    )
