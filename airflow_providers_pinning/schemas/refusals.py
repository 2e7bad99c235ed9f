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
"""Content of a refusal."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.pins import ReleaseStateResponse


class InvalidValueResponse(BaseModel):
    """An invalid value of the request."""

    loc: list[str | int] = Field(description="Location: `body`, `query`, `path` or `header`, and the name.")
    msg: str
    type: str


class ErrorDetail(BaseModel):
    """A refusal; further keys depend on the reason."""

    reason: str
    message: str
    state: ReleaseStateResponse | None = Field(
        default=None, description="The current state, with reason revision_conflict."
    )
    components: list[dict[str, Any]] | None = Field(
        default=None, description="The components without the enforcement, with reason not_enforced."
    )
    errors: list[InvalidValueResponse] | None = Field(
        default=None, description="The invalid values, with reason invalid_request."
    )
    retry_after: int | None = Field(
        default=None, description="Seconds to wait before a retry, with reason database_busy or database_unavailable."
    )
    dag_id: str | None = None
    version_number: int | None = None


class ErrorResponse(BaseModel):
    """A refusal."""

    detail: ErrorDetail
