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
from airflow_providers_pinning.vocabulary import FileKind, Role


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


class FileChangeResponse(BaseModel):
    """A file that differs and counts as related."""

    path: str = Field(description="Path from the bundle's root.")
    before_path: str | None = Field(description="What it was called before, if it was renamed.")
    kind: FileKind
    role: Role = Field(
        description="`dag`: the Dag is made of it. `unknown`: nobody knows whether it matters, so that it counts."
    )
    lines_added: int | None
    lines_removed: int | None
    is_binary: bool
    diff: str | None = Field(description="Unified diff, empty if only the name differs.")
    note: str | None = Field(description="Why there is no diff, or what is missing in it.")


class FilesResponse(BaseModel):
    """What differs in the files of the bundle."""

    related: bool | None = Field(
        description="Whether anything related to the Dag differs. `null`: the dag processor will know soon."
    )
    note: str | None = Field(description="What is not known.")
    changed: list[FileChangeResponse] = Field(description="The files that count, those of the Dag first.")
    left_out: int = Field(description="How many further files that count are not listed.")
    other_dags_files: int = Field(description="How many files of other Dags differ.")
    ignored_files: int = Field(description="How many files differ that `[pinning] ignored_paths` names.")


class CommitResponse(BaseModel):
    """A commit."""

    bundle_version: str
    message: str
    author: str
    committed_at: datetime | None
    url: str | None = Field(description="Where it can be seen.")


class CommitsResponse(BaseModel):
    """The commits from one version to the other."""

    commits: list[CommitResponse] = Field(description="Newest first.")
    total: int
    taken_back: bool = Field(description="Whether `to_version` is the older one, which lacks these commits.")
    note: str | None = Field(description="What is not known of them.")


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
    files: FilesResponse
    commits: CommitsResponse
    warnings: list[str] = Field(
        description="What comes of pinning `to_version`: where it and other Dags say different things of an asset."
    )
