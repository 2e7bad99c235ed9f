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
"""Holds of one Dag and of several."""

from __future__ import annotations

from pydantic import Field

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    Moment,
    Revision,
)
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_HELD_DAGS


class HoldBody(ChangeBody):
    """Why a Dag is put on hold, and for how long."""

    until: Moment | None = Field(
        default=None, description="When the hold expires, by the database's clock; null keeps it until lifted."
    )
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin has changed since.")


class DagIdsBody(ChangeBody):
    """Several Dags, and why they are changed."""

    dag_ids: list[Text] = Field(min_length=1, max_length=MAX_HELD_DAGS)


class HoldAllBody(DagIdsBody):
    """Several Dags that are put on hold, why, and for how long."""

    until: Moment | None = Field(
        default=None, description="When the holds expire, by the database's clock; null keeps them."
    )
