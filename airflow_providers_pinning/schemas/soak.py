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
"""The verdict on a version, with its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import (
    IdentityResponse,
)


class EvidenceResponse(BaseModel):
    """Evidence on a version since the start of its soak."""

    since: datetime
    runs: int
    successes: int
    failures: int
    running: int
    cleared: int
    consecutive_successes: int
    first_run_at: datetime | None
    last_run_at: datetime | None
    not_evidence: int = Field(description="Finished runs that do not count: no task ran, or a user set their state.")
    failed_tasks: int = Field(
        description="Successful runs that count as failed because a task failed after its retries."
    )
    known_failures: int = Field(
        description="Successful runs with a failed task that also fails in live runs, or that is ignored."
    )
    retried_tasks: int = Field(description="Tasks that needed more than one try, over all runs.")
    withheld_effects: int = Field(description="Withheld effects on live runs.")
    replays: int = Field(description="Finished replays that were compared with their originals.")
    replays_not_compared: int = Field(description="Finished replays that could not be compared with their originals.")
    replays_pending: int = Field(description="How many of these wait for the replay by the active version.")
    output_differences: int = Field(description="Number of outputs that differ, in total, without ignored ones.")
    outputs_set_aside: list[str] = Field(
        description="Differences that are ignored, because the active version also differs from itself in them."
    )
    notes: list[str] = Field(
        description="Notes on runs that do not count, that count as failed although they succeeded, or that were "
        "changed by hand."
    )
    soaked_seconds: float = 0
    failure_rate: float | None
    failure_rate_upper_95: float | None


class JudgementResponse(BaseModel):
    """A verdict with its reason."""

    verdict: str
    reason: str
    message: str


class BaselineComparisonResponse(BaseModel):
    """A comparison with the version that would be replaced."""

    judgement: JudgementResponse
    runs: int
    baseline_runs: int
    failure_rate: float
    baseline_failure_rate: float
    median_duration: float | None = Field(
        description="Seconds that the tasks of a run took, over all tries, without waiting times."
    )
    baseline_median_duration: float | None
    duration_ratio: float | None
    duration_difference: float | None = Field(description="Seconds by which the median exceeds the baseline's.")
    duration_method: str
    p_value: float | None
    p90_duration: float | None = Field(description="Seconds exceeded by the slowest tenth of the runs.")
    baseline_p90_duration: float | None
    p90_ratio: float | None = Field(description="Shown with the median's ratio, but not judged.")
    pairs: int = Field(description="Replays whose duration is compared with that of their original, a baseline run.")
    paired_duration_ratio: float | None = Field(description="Median of the ratios of the pairs.")
    paired_duration_difference: float | None = Field(description="Median of the differences, in seconds.")
    paired_duration_method: str
    paired_p_value: float | None
    duration_judged_by: str = Field(description="pairs if there are enough of them, otherwise runs.")


class SoakResponse(JudgementResponse):
    """The verdict on a version, with all its evidence."""

    dag_id: str
    version: IdentityResponse
    baseline: IdentityResponse | None
    criteria: dict[str, Any]
    evidence: EvidenceResponse
    comparison: BaselineComparisonResponse | None
