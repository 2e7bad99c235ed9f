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
"""Runs that were given another version than the active one on purpose."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base


class RoutedRun(Base):
    """
    A run, the version it was routed to, and why; a run with a row here has not escaped its pin.

    What came of it is written down when the scheduler finishes it. Whatever is done to the run later, such as
    clearing or deleting it, changes nothing of that and is added to ``alterations``.
    """

    __tablename__ = "pinning_run"

    dag_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    run_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), nullable=False)
    kind: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    isolation: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    """How the run is kept apart from live ones, such as ``{"assets": "withhold", "slots": "behind"}``."""
    state: Mapped[str | None] = mapped_column(sa.String(20), nullable=True)
    """The state that the run first finished with; ``None`` until then."""
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    """Evidence that was recorded with the state: tasks by state, failed tasks, tries, times."""
    alterations: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON, nullable=True)
    """What was done to the run by hand, each ``{"what", "actor", "at"}``."""
    counts_as: Mapped[str | None] = mapped_column(sa.String(20), nullable=True)
    """What the outcome is to a verdict: ``success``, ``failed``, ``failed_tasks`` or ``nothing``."""
    active_seconds: Mapped[float | None] = mapped_column(sa.Float, nullable=True)
    """Seconds that the run's tasks ran, all tries together, without the time that they waited."""
    retried_tasks: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """Tasks that needed more than one try."""
    withheld_effects: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """What the run would have changed for live runs, and did not."""
    shares_slots: Mapped[bool | None] = mapped_column(sa.Boolean, nullable=True)
    """Whether the run counts as a live run of its Dag."""
    replay_of: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    """Id of the live run whose inputs the run has."""
    output_differences: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """In how many outputs the run differs from the one that it replays; ``None`` if they were not compared."""
    baseline_run_id: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    """Id of the replay of the same run by the version that was active, which tells what is not deterministic."""
