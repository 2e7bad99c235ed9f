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
"""Criteria for the versions of a Dag."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import IdempotencyKey, Reason, Revision
from airflow_providers_pinning.vocabulary import MAX_DURATION_RATIO, MAX_INTEGER, MAX_SECONDS, FailedTasks, RunKind


class CriteriaBody(StrictBaseModel):
    """The criteria of a Dag. Omitted or null values use the default."""

    min_runs: int | None = Field(default=None, ge=1, le=MAX_INTEGER, description="Finished runs required (default: 3).")
    min_duration: float | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Minimum seconds since the start of the soak (default: 0)."
    )
    max_failures: int | None = Field(
        default=None, ge=0, le=MAX_INTEGER, description="Failed runs to tolerate (default: 0)."
    )
    max_output_differences: int | None = Field(
        default=None, ge=0, le=MAX_INTEGER, description="Outputs that may differ between replays and originals."
    )
    consecutive_successes: int | None = Field(
        default=None, ge=1, le=MAX_INTEGER, description="Successful runs in a row required."
    )
    inconclusive_after: float | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Seconds after which an undecided soak becomes inconclusive."
    )
    run_kinds: RunKind | None = Field(default=None, description="Which runs count (default: `canary`).")
    failed_tasks: FailedTasks | None = Field(
        default=None,
        description="Whether a task that fails after its retries fails a successful run (default: `count`).",
    )
    compare: bool | None = Field(
        default=None, description="Compare with the version that it would replace (default: false)."
    )
    max_duration_ratio: float | None = Field(
        default=None, gt=0, le=MAX_DURATION_RATIO, description="How many times as long runs may take (default: 1.5)."
    )
    max_failure_rate_increase: float | None = Field(
        default=None, ge=0, le=1, description="Maximum increase of the failure rate (default: 0.05)."
    )
    min_duration_difference: float | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description="Ignore runs that are slower by fewer seconds than this (default: 5).",
    )
    min_duration_runs: int | None = Field(
        default=None,
        ge=1,
        le=MAX_INTEGER,
        description="Successful runs required on each side to judge durations (default: 3).",
    )


class SetCriteriaBody(StrictBaseModel):
    """New criteria of a Dag, replacing all stored ones."""

    criteria: CriteriaBody
    reason: Reason = Field(description="Reason for the change; shown in the history.")
    expected_revision: Revision | None = Field(default=None, description="Refuse if the criteria have changed since.")
    idempotency_key: IdempotencyKey | None = Field(default=None, description="The same key makes the change only once.")


class CriteriaResponse(BaseModel):
    """The criteria of a Dag."""

    dag_id: str
    stored: dict[str, Any] = Field(description="Differences from the defaults; times are in seconds.")
    criteria: dict[str, Any] = Field(description="All criteria in effect, including defaults.")
    revision: int = Field(description="Number of changes of the criteria; 0 if they were never set.")
    actor: str | None = Field(description="Who set them.")
    reason: str | None
