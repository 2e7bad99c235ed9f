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
"""What canary runs would have changed for live runs, and did not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base, LongText


class WithheldEffect(Base):
    """One effect of a run that was kept from the live world, as evidence of what the version does."""

    __tablename__ = "pinning_withheld_effect"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    run_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    task_id: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    map_index: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    kind: Mapped[str] = mapped_column(sa.String(30), nullable=False)
    """``asset_event``, ``deadline``, ``callback``, ``variable`` or ``asset_state``."""
    payload: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    subject: Mapped[str | None] = mapped_column(sa.String(64), nullable=True)
    """Hash of the names that the run wrote to, under which it finds the value; ``None`` for other effects."""
    value: Mapped[str | None] = mapped_column(LongText, nullable=True)
    """What the run reads back, encrypted as Variables are; ``None`` if it deleted it."""

    __table_args__ = (sa.Index("idx_pinning_withheld_effect_dag_id_run_id", "dag_id", "run_id"),)
