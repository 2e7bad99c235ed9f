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
"""Changes of pins that take effect at a given time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_ACTOR


class TimedChange(Base):
    """
    A pin, unpin or rollback with a time from which it is in effect, and what became of it.

    Of one Dag at most one is pending. Those that took effect say which version runs of an earlier time have.
    """

    __tablename__ = "pinning_activation"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    action: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    effective_from: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False)
    status: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    from_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    """Identity of the version that was active before it took effect."""
    to_version: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    """Identity of the version that it activates; ``None`` for an unpin, which activates what is the latest then."""
    options: Mapped[dict[str, Any]] = mapped_column(sa.JSON, nullable=False)
    """What else was asked for, as the change's own function takes it."""
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    actor_kind: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    source: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    override_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When it stopped being pending."""
    result_reason: Mapped[str | None] = mapped_column(sa.String(100), nullable=True)
    """Machine word of the refusal, if it failed."""
    message: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    """Why it failed or was canceled."""

    __table_args__ = (
        sa.Index("idx_pinning_activation_status", "status", "effective_from"),
        sa.Index("idx_pinning_activation_dag_id", "dag_id"),
    )
