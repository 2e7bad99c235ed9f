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
"""Pending changes, which take effect at a given time."""

from __future__ import annotations

from datetime import datetime

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import IdentityResponse


class PendingChangeResponse(BaseModel):
    """A pin, unpin or rollback that takes effect at a given time."""

    id: int
    dag_id: str
    action: str = Field(description="`pin`, `unpin` or `rollback`.")
    effective_from: datetime
    version: IdentityResponse | None = Field(
        description="What becomes active; null for an unpin, which activates the latest version at that time."
    )
    actor: str
    reason: str
    created_at: datetime
    is_due: bool = Field(description="Whether it is due, so the schedulers apply it now.")
    is_overdue: bool = Field(
        description="Whether it is overdue by more than five minutes; see `health` for the reason."
    )
    waits_for: datetime | None = Field(
        description="Due time of the scheduled run that the old schedule still has to create first; null if there "
        "is none."
    )


class PendingChangeOfDagResponse(BaseModel):
    """The pending change of one Dag."""

    pending: PendingChangeResponse | None
    failure: str | None = Field(
        description="Why the last pending change did not take effect; null after the next change of the pin."
    )


class PendingChangeCollectionResponse(BaseModel):
    """Pending changes, the next one first."""

    pending: list[PendingChangeResponse]
    total_entries: int
