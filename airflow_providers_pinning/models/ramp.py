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
"""Ramps: a second version that a share of a Dag's new runs has."""

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
from airflow_providers_pinning.vocabulary import MAX_ACTOR


class Ramp(Base):
    """
    A ramp and what became of it. Of one Dag at most one is under way: the one that its pin names.

    Those that ended stay for a while, since they say which runs had another version than the pinned one for a reason.
    """

    __tablename__ = "pinning_ramp"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    status: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), nullable=False)
    to_version: Mapped[dict[str, Any]] = mapped_column(sa.JSON, nullable=False)
    """Identity of the version that gains a share."""
    from_version: Mapped[dict[str, Any]] = mapped_column(sa.JSON, nullable=False)
    """Identity of the version that was pinned meanwhile."""
    steps: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, nullable=False)
    max_failures: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    """Failed runs of the version that are tolerated, in all steps together."""
    promotion: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    step: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    """Index of the present step."""
    step_since: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False)
    step_after: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    """Highest ``dag_run.id`` when the present step began: later runs count."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    started_after: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    """Highest ``dag_run.id`` when the ramp began."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    ended_after: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """Highest ``dag_run.id`` when the ramp ended: a later run of its version has it for another reason."""
    options: Mapped[dict[str, Any]] = mapped_column(sa.JSON, nullable=False)
    """Which rights who started it had, with which it goes on."""
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    actor_kind: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    source: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    override_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    message: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    """Why it ended, or what keeps it from going on."""

    __table_args__ = (sa.Index("idx_pinning_ramp_dag_id", "dag_id"),)
