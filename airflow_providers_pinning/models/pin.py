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
"""Pins: the choice of the version that new runs of a Dag use."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_ACTOR, MAX_FILELOC


class Pin(Base):
    """
    The pin of one Dag, one row a Dag.

    ``dag_version_id`` is null while the Dag is not pinned; the row stays, so that ``revision`` never
    starts again. The identity of the active version is repeated here because Airflow's version
    look-ups compare it inside their own SELECT, with one probe of this primary key.
    """

    __tablename__ = "pinning_pin"

    dag_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    revision: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    dag_version_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), nullable=True)
    version_number: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    bundle_name: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    bundle_version: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    dag_hash: Mapped[str | None] = mapped_column(sa.String(32), nullable=True)
    relative_fileloc: Mapped[str | None] = mapped_column(sa.String(MAX_FILELOC), nullable=True)
    reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    actor: Mapped[str | None] = mapped_column(sa.String(MAX_ACTOR), nullable=True)
    actor_kind: Mapped[str | None] = mapped_column(sa.String(20), nullable=True)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    last_run_before: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    """Highest ``dag_run.id`` when the pin was set: a later run of another version escaped it."""
    hold_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    hold_actor: Mapped[str | None] = mapped_column(sa.String(MAX_ACTOR), nullable=True)
    hold_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    head_missing_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """Since when no file at HEAD defines the Dag any more; ``None`` if one does."""
    hold_until: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When the hold ends by itself, by the database's clock; ``None`` keeps it until a person lifts it."""
    pending_from: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """From when a change is to be in effect that is pending."""
    effective_from: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """From when the present choice is in effect, if it was made for a time; earlier runs have an earlier version."""
    schedule_from: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """Before this, the schedule of the present choice makes no run: the schedule before it has made them."""
    timeline_id: Mapped[int | None] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    """The first of the timed changes, one after the other, that led to the present choice."""
    activation_failure: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    """Why the last pending change did not take effect; ``None`` once the pin was changed since."""
    breaker: Mapped[str | None] = mapped_column(sa.String(20), nullable=True)
    """Why the automatic rollback does not watch the version any more; ``None`` while it does, if a policy has one."""
    breaker_after: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """Highest ``dag_run.id`` when somebody confirmed a version that had failed too often: runs after it count."""
    ramp_id: Mapped[int | None] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    """The ramp under way, by which some of the new runs have another version; ``None`` if there is none."""
