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
"""What differs between two versions of a Dag."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field, JsonValue

from airflow_providers_pinning.schemas.common import IdentityResponse


class FieldChangeResponse(BaseModel):
    """One value that differs."""

    name: str
    kind: Literal["added", "removed", "changed"]
    before: JsonValue
    after: JsonValue


class TaskChangeResponse(BaseModel):
    """A task that both versions have."""

    task_id: str
    fields: list[FieldChangeResponse]


class TaskChangesResponse(BaseModel):
    """Tasks by id."""

    added: list[str]
    removed: list[str]
    changed: list[TaskChangeResponse]


class ScheduleChangeResponse(BaseModel):
    """When runs are created."""

    changed: bool = Field(description="Whether timetable, start, end, catch-up or time zone differ.")
    before: str
    after: str
    next_runs_before: list[datetime] = Field(description="The next five runs if this version were active now.")
    next_runs_after: list[datetime] = Field(description="The next five runs if this version were active now.")
    note: str | None


class AssetChangeResponse(BaseModel):
    """An asset that one of the versions has."""

    role: Literal["schedule", "outlet", "inlet"]
    kind: Literal["added", "removed"]
    name: str
    uri: str | None
    task_id: str | None


class SourceChangeResponse(BaseModel):
    """How the Dag file changed."""

    before_path: str | None
    after_path: str | None
    diff: str | None = Field(description="Unified diff, empty if the files are equal.")
    note: str | None = Field(description="What the diff does not tell, or why there is none.")


class ComparisonResponse(BaseModel):
    """Everything in which two versions differ."""

    dag_id: str
    from_version: IdentityResponse
    to_version: IdentityResponse
    identical: bool = Field(
        description="Whether new runs would be the same: nothing differs, and the code is of the same bundle version."
    )
    tasks: TaskChangesResponse
    schedule: ScheduleChangeResponse
    params: list[FieldChangeResponse]
    limits: list[FieldChangeResponse]
    assets: list[AssetChangeResponse]
    other: list[FieldChangeResponse]
    source: SourceChangeResponse
    warnings: list[str] = Field(
        description="What comes of pinning `to_version`: where it and other Dags say different things of an asset."
    )
