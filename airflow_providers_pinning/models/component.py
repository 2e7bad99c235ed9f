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
"""Attestations: which running processes enforce pins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
import uuid6
from airflow._shared.timezones import timezone
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_HOSTNAME


class Component(Base):
    """
    A process that has the enforcement in place.

    Schedulers, dag processors and triggerers have a ``job_id`` and live as long as Airflow's own job
    does; an API server has none and renews ``last_seen``.
    """

    __tablename__ = "pinning_component"

    id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True, default=uuid6.uuid7)
    component: Mapped[str] = mapped_column(sa.String(50), nullable=False)
    job_id: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    hostname: Mapped[str] = mapped_column(sa.String(MAX_HOSTNAME), nullable=False)
    pid: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    package_version: Mapped[str] = mapped_column(sa.String(50), nullable=False)
    airflow_version: Mapped[str] = mapped_column(sa.String(50), nullable=False)
    fingerprint: Mapped[str] = mapped_column(sa.String(64), nullable=False)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    missing_patches: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    """Functions of Airflow whose patches were lost since it started."""

    __table_args__ = (sa.Index("idx_pinning_component_job_id", "job_id"),)
