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
"""Permissions of the user."""

from __future__ import annotations

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field


class PermissionsResponse(BaseModel):
    """Permissions of the user on the versions of a Dag."""

    change: bool = Field(
        description="Pin, unpin, roll back, hold and lift holds, evaluate, reject, restore and repair versions, "
        "acknowledge runs, and set criteria."
    )
    start_canary: bool = Field(description="Start canary runs.")
    edit_runs: bool = Field(description="Cancel and rerun runs of a version that is rolled back.")
    release: bool = Field(
        description="Pin and unpin, which may need a separate permission ([pinning] release_permission)."
    )
    override_policies: bool = Field(description="Override rules of release policies with an override_reason.")
    set_rules: bool = Field(description="Set release policies and freezes.")
