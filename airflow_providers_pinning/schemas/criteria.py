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
"""What the versions of a Dag are judged by, as the REST API takes and shows it."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason, Revision
from airflow_providers_pinning.vocabulary import MAX_DURATION_RATIO, MAX_INTEGER, MAX_SECONDS, FailedTasks, RunKind


class CriteriaBody(StrictBaseModel):
    """The criteria of a Dag. What is left out, or null, is the default."""

    min_runs: int | None = Field(default=None, ge=1, le=MAX_INTEGER, description="Finished runs that are needed: 3.")
    min_duration: float | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Seconds that must have passed since the soak began: 0."
    )
    max_failures: int | None = Field(default=None, ge=0, le=MAX_INTEGER, description="Failed runs tolerated: 0.")
    max_output_differences: int | None = Field(
        default=None, ge=0, le=MAX_INTEGER, description="Outputs that may differ between replays and originals."
    )
    consecutive_successes: int | None = Field(
        default=None, ge=1, le=MAX_INTEGER, description="Successful runs in a row that are needed."
    )
    inconclusive_after: float | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Seconds after which an undecided soak is inconclusive."
    )
    run_kinds: RunKind | None = Field(default=None, description="Which runs count: `canary`.")
    failed_tasks: FailedTasks | None = Field(
        default=None, description="Whether a task that fails after its retries fails a run that ends well: `count`."
    )
    compare: bool | None = Field(
        default=None, description="Judge by a comparison with the version that it would replace: false."
    )
    max_duration_ratio: float | None = Field(
        default=None, gt=0, le=MAX_DURATION_RATIO, description="How many times as long runs may take: 1.5."
    )
    max_failure_rate_increase: float | None = Field(
        default=None, ge=0, le=1, description="By how much the failure rate may be higher: 0.05."
    )
    min_duration_difference: float | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Seconds by which runs must take longer to be slower: 5."
    )
    min_duration_runs: int | None = Field(
        default=None, ge=1, le=MAX_INTEGER, description="Successful runs on each side needed to judge durations: 3."
    )


class SetCriteriaBody(StrictBaseModel):
    """New criteria of a Dag, which replace all that are stored."""

    criteria: CriteriaBody
    reason: Reason = Field(description="Why the change is made; kept in the history.")
    expected_revision: Revision | None = Field(default=None, description="Refuse if the criteria changed since.")
    idempotency_key: IdempotencyKey | None = Field(
        default=None, description="The same key makes the change once, however often it is sent."
    )


class CriteriaResponse(BaseModel):
    """The criteria of a Dag."""

    dag_id: str
    stored: dict[str, Any] = Field(description="What differs from the defaults; times are in seconds.")
    criteria: dict[str, Any] = Field(description="What versions are judged by, defaults and all.")
    revision: int = Field(description="Number of changes of the criteria; 0 if they were never set.")
    actor: str | None = Field(description="Who set them.")
    reason: str | None
