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
"""The append-only history of every change."""

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


class Event(Base):
    """
    One change: who did it, why, from which version to which.

    Rows are only ever added; ``announced_at`` is set once afterwards. ``idempotency_key`` is unique for each
    Dag, so that a retried request finds the change that it made already.
    """

    __tablename__ = "pinning_event"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    revision: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    kind: Mapped[str] = mapped_column(sa.String(30), nullable=False)
    from_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    to_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    actor_kind: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    source: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    override_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    release_id: Mapped[str | None] = mapped_column(sa.String(36), nullable=True)
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(MAX_ID), nullable=True)
    request: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    announced_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When a process claimed the event, to tell it to listeners and to count it; no other does so then."""

    __table_args__ = (
        sa.UniqueConstraint("dag_id", "idempotency_key"),
        sa.Index("idx_pinning_event_dag_id_id", "dag_id", "id"),
        sa.Index("idx_pinning_event_announced_at_id", "announced_at", "id"),
        sa.Index("idx_pinning_event_actor_id", "actor", "id"),
        sa.Index("idx_pinning_event_kind_id", "kind", "id"),
        sa.Index("idx_pinning_event_created_at", "created_at"),
    )
