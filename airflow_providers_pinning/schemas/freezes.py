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
"""Freezes."""

from __future__ import annotations

from datetime import datetime

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import ChangeBody, Moment
from airflow_providers_pinning.schemas.policies import MatchDocument


class FreezeBody(ChangeBody):
    """Which Dags to freeze, why, and for how long."""

    match: MatchDocument | None = Field(default=None, description="Which Dags; null means all.")
    until: Moment | None = Field(
        default=None, description="When it expires, by the database's clock; null keeps it until it is lifted."
    )


class FreezeResponse(BaseModel):
    """A block of all changes except rollbacks."""

    id: int
    match: dict[str, list[str]] = Field(description="Which Dags; empty means all.")
    until: datetime | None
    actor: str
    reason: str
    created_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None


class FreezeCollectionResponse(BaseModel):
    """Freezes, newest first."""

    freezes: list[FreezeResponse]
