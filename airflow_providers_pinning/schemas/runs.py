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
"""The runs of a Dag, with their versions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field


class RunResponse(BaseModel):
    """A run with its version."""

    run_id: str
    version_number: int | None
    dag_version_id: UUID | None
    kind: str = Field(description="live or canary")
    run_type: str
    state: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    withheld: dict[str, int] = Field(
        description="Number of withheld effects of a canary run, by kind: asset_event, deadline or callback"
    )
    isolation: dict[str, str | dict[str, str]] = Field(
        description="Isolation of a canary run, by field; empty for a live run."
    )
    replay_of: str | None = Field(description="ID of the live run that a canary run replays.")


class FailedTaskResponse(BaseModel):
    """The latest failure of a task among the pinned version's runs since the pin, to find its log."""

    task_id: str
    run_id: str
    map_index: int = Field(description="-1 if the task is not mapped.")
    try_number: int
    ended_at: datetime | None


class LogLineResponse(BaseModel):
    """A line of a log."""

    at: datetime | None
    level: str | None
    text: str = Field(description="The log message; long lines are truncated.")


class FailureResponse(FailedTaskResponse):
    """The latest failure of a task, with the end of its log."""

    lines: list[LogLineResponse] = Field(description="The last lines of the log, in order.")
    problem: str | None = Field(description="Why the log could not be read.")


class FailureCollectionResponse(BaseModel):
    """The latest failure of each task since the pin, newest first."""

    failures: list[FailureResponse]


class RunCollectionResponse(BaseModel):
    """Runs of a Dag, newest first."""

    runs: list[RunResponse]
    total_entries: int
    failed_tasks: list[FailedTaskResponse] = Field(
        description="The latest failure of each task in the pinned version's live runs since the pin."
    )
    canary_delays: list[str] = Field(
        description="Why the Dag's queued canary runs have not started; empty if none is queued or nothing delays them"
    )
