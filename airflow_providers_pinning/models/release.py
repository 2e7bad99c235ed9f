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
"""Releases: changes of the pins of many Dags that were made as one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_ACTOR, MAX_ID


class Release(Base):
    """One release, or the rollback of one: what was asked for, by whom and why."""

    __tablename__ = "pinning_release"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    action: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    """``pin``, ``unpin`` or ``rollback``."""
    bundle_name: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    bundle_version: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    """The commit, if one was released."""
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    actor_kind: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    source: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    override_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    request: Mapped[dict[str, Any]] = mapped_column(sa.JSON, nullable=False)
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(MAX_ID), nullable=True)
    warnings: Mapped[list[str]] = mapped_column(sa.JSON, nullable=False)
    changed: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    """How many Dags it changed."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    rolls_back: Mapped[str | None] = mapped_column(sa.String(36), nullable=True)
    """Id of the release that this one rolled back."""
    rolled_back_by: Mapped[str | None] = mapped_column(sa.String(36), nullable=True)
    """Id of the release that rolled this one back."""
    effective_from: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When it takes effect; ``None`` if it did at once."""

    __table_args__ = (
        sa.UniqueConstraint("idempotency_key"),
        sa.Index("idx_pinning_release_created_at", "created_at"),
    )


class ReleaseDag(Base):
    """What a release did with one Dag."""

    __tablename__ = "pinning_release_dag"

    release_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    dag_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    outcome: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    was_pinned: Mapped[bool] = mapped_column(sa.Boolean, nullable=False)
    """Whether the Dag was pinned before."""
    revision: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """Revision of the pin afterwards: at another one, somebody changed it since. ``None`` if the Dag has no pin."""
    from_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    to_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    reason: Mapped[str | None] = mapped_column(sa.String(40), nullable=True)
    """Why the Dag was left as it was, as a word."""
    message: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    warnings: Mapped[list[str]] = mapped_column(sa.JSON, nullable=False)

    __table_args__ = (sa.Index("idx_pinning_release_dag_dag_id", "dag_id"),)
