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
"""Canary runs that have their Dag to themselves, because its runs must never overlap."""

from __future__ import annotations

from datetime import datetime

from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base


class Gap(Base):
    """
    The gap between live runs that one canary run has: no live run of the Dag starts while the row is there.

    It is written a turn of the scheduler before the canary run starts, so that no other scheduler can start a live
    run meanwhile without being seen, and deleted when the last process of the canary run has ended.
    """

    __tablename__ = "pinning_gap"

    dag_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    run_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When the run was found to be over or gone; processes of its tasks may still be ending."""
