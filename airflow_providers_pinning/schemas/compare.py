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
"""Differences between two versions of a Dag."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field, JsonValue

from airflow_providers_pinning.schemas.common import IdentityResponse
from airflow_providers_pinning.vocabulary import FileKind, Role


class FieldChangeResponse(BaseModel):
    """One different value."""

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
    """Schedules of two versions."""

    changed: bool = Field(description="Whether timetable, start date, end date, catchup or time zone differ.")
    before: str
    after: str
    next_runs_before: list[datetime] = Field(description="The next five runs if this version were active now.")
    next_runs_after: list[datetime] = Field(description="The next five runs if this version were active now.")
    note: str | None


class AssetChangeResponse(BaseModel):
    """An asset that only one of the versions has."""

    role: Literal["schedule", "outlet", "inlet"]
    kind: Literal["added", "removed"]
    name: str
    uri: str | None
    task_id: str | None


class SourceChangeResponse(BaseModel):
    """Changes of the Dag file."""

    before_path: str | None
    after_path: str | None
    diff: str | None = Field(description="Unified diff, empty if the files are equal.")
    note: str | None = Field(description="Limitations of the diff, or why there is none.")


class FileChangeResponse(BaseModel):
    """A related file that differs."""

    path: str = Field(description="Path relative to the bundle's root.")
    before_path: str | None = Field(description="Previous path, if it was renamed.")
    kind: FileKind
    role: Role = Field(description="`dag`: the Dag file or an imported file. `unknown`: it may matter, so it counts.")
    lines_added: int | None
    lines_removed: int | None
    is_binary: bool
    diff: str | None = Field(description="Unified diff, empty if only the name differs.")
    note: str | None = Field(description="Why there is no diff, or what is missing from it.")


class FilesResponse(BaseModel):
    """Differences between the files of the bundle."""

    related: bool | None = Field(description="Whether anything related to the Dag differs. `null`: not known yet.")
    note: str | None = Field(description="What is unknown.")
    changed: list[FileChangeResponse] = Field(description="The related files, starting with those of the Dag.")
    left_out: int = Field(description="Number of related files that are not listed.")
    other_dags_files: int = Field(description="Number of files of other Dags that differ.")
    ignored_files: int = Field(description="Number of files in `[pinning] ignored_paths` that differ.")


class CommitResponse(BaseModel):
    """A commit."""

    bundle_version: str
    message: str
    author: str
    committed_at: datetime | None
    url: str | None = Field(description="URL of the commit.")


class CommitsResponse(BaseModel):
    """The commits from one version to the other."""

    commits: list[CommitResponse] = Field(description="Newest first.")
    total: int
    taken_back: bool = Field(description="Whether `to_version` is older, and does not have these commits.")
    note: str | None = Field(description="What is unknown about them.")


class ComparisonResponse(BaseModel):
    """All differences between two versions."""

    dag_id: str
    from_version: IdentityResponse
    to_version: IdentityResponse
    identical: bool = Field(
        description="Whether new runs would be the same: no differences, and code from the same bundle version."
    )
    tasks: TaskChangesResponse
    schedule: ScheduleChangeResponse
    params: list[FieldChangeResponse]
    limits: list[FieldChangeResponse]
    assets: list[AssetChangeResponse]
    other: list[FieldChangeResponse]
    source: SourceChangeResponse
    files: FilesResponse
    commits: CommitsResponse
    warnings: list[str] = Field(
        description="Consequences of pinning `to_version` for assets that other Dags define differently."
    )
