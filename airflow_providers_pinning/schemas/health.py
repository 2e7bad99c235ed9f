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
"""Whether pins are enforced in a deployment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field, StringConstraints

from airflow_providers_pinning.schemas.common import ChangeBody, Revision
from airflow_providers_pinning.schemas.pins import PinSummaryResponse
from airflow_providers_pinning.schemas.storable import Storable
from airflow_providers_pinning.vocabulary import MAX_ACKNOWLEDGED_RUNS, MAX_ID

RunId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable]


class ComponentResponse(BaseModel):
    """A live process of Airflow."""

    component: str
    hostname: str
    pid: int | None
    job_id: int | None
    enforced: bool
    message: str
    package_version: str | None
    last_seen: datetime | None


class EscapedRunResponse(BaseModel):
    """A run that was created with another version than the pinned one."""

    dag_id: str
    run_id: str
    version_number: int | None
    pinned_version_number: int


class ComponentsResponse(BaseModel):
    """Whether the live processes enforce pins."""

    enforced: bool
    components: list[ComponentResponse]


class DeploymentHealthResponse(ComponentsResponse):
    """Whether pins are enforced in this deployment."""

    unhealthy_pins: list[PinSummaryResponse]
    total_unhealthy_pins: int
    troubled_at_head: list[PinSummaryResponse] = Field(
        description="Pinned Dags that are missing or broken at HEAD, which does not affect their pins."
    )
    total_troubled_at_head: int
    escaped_runs: list[EscapedRunResponse]


class AcknowledgementBody(ChangeBody):
    """Which escaped runs to acknowledge, and why."""

    run_ids: Annotated[list[RunId], Field(min_length=1, max_length=MAX_ACKNOWLEDGED_RUNS)] | None = Field(
        default=None, description="The runs (default: all reported ones)."
    )
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin has changed since.")
