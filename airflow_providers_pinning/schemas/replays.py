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
"""Replays of a version, with the original runs."""

from __future__ import annotations

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field


class DifferenceResponse(BaseModel):
    """One output that differs between a replay and its original."""

    what: str = Field(description="task (an instance that only one has), state, xcom or asset_event")
    task_id: str
    map_index: int
    key: str | None = Field(description="Key of the XCom, or name of the asset.")
    original: str | None = Field(description="As JSON; for a long value, its size and hash. null is nothing.")
    replay: str | None


class TriesResponse(BaseModel):
    """A task with another number of tries in a replay than in its original."""

    task_id: str
    map_index: int
    original: int
    replay: int


class PairResponse(BaseModel):
    """A replay and its original."""

    run_id: str
    state: str | None = Field(description="Final state of the replay; null while it is running.")
    counts_as: str | None
    seconds: float | None
    original_run_id: str
    baseline_run_id: str | None = Field(description="ID of the replay of the same original by the active version.")
    original_state: str | None = None
    original_seconds: float | None = None
    differences: int | None = Field(
        default=None, description="Number of outputs that differ; null until they are compared."
    )
    shown: list[DifferenceResponse] = Field(default_factory=list, description="The first 100 differences.")
    set_aside: list[str] = Field(
        default_factory=list,
        description="Differences that are ignored, because the active version also differs from itself in them.",
    )
    tasks_added: list[str] = Field(default_factory=list, description="Tasks that only exist in the replay.")
    tasks_removed: list[str] = Field(default_factory=list, description="Tasks that only exist in the original.")
    tries: list[TriesResponse] = Field(
        default_factory=list, description="Tasks with another number of tries, which does not count as a difference."
    )
    problem: str | None = Field(default=None, description="Why they could not be compared.")


class PairListResponse(BaseModel):
    """Replays of a version with their originals, newest first."""

    replays: list[PairResponse]
    total_entries: int
