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
"""Managed versions: the Dag versions that are held unchanged and kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_FILELOC, MAX_REF


class ManagedVersion(Base):
    """
    Snapshot and state of one managed Dag version.

    The existence of a row is the protection: the dag processor does not rewrite a Dag version that
    has one, and ``airflow db clean`` does not delete it. The snapshot tells what the version was when
    it came under management, so that a later difference is noticed instead of followed.
    """

    __tablename__ = "pinning_version"

    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    version_number: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    bundle_name: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    bundle_version: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    dag_hash: Mapped[str] = mapped_column(sa.String(32), nullable=False)
    relative_fileloc: Mapped[str | None] = mapped_column(sa.String(MAX_FILELOC), nullable=True)
    state: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    state_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    state_changed_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    code_state: Mapped[str] = mapped_column(sa.String(20), nullable=False, default="unknown")
    code_message: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    code_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)

    evaluated_since: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When the present evaluation began: runs before it are no evidence. ``None`` means ``created_at``."""
    code_attempts: Mapped[int | None] = mapped_column(sa.Integer, nullable=True)
    """Checks in a row that could not get the code."""
    code_source: Mapped[str | None] = mapped_column(sa.String(20), nullable=True)
    """Who has the code as far as is known: ``remote`` or only a ``checkout`` on a dag processor's host."""
    code_ref: Mapped[str | None] = mapped_column(sa.String(MAX_REF), nullable=True)
    """A branch or tag of the remote from which the commit can be reached."""
    code_problem: Mapped[str | None] = mapped_column(sa.String(30), nullable=True)
    """Why the last check did not find the code, as a word; ``None`` if it did."""

    __table_args__ = (
        sa.Index("idx_pinning_version_dag_id", "dag_id"),
        sa.Index("idx_pinning_version_code_check", "bundle_name", "code_state", "code_checked_at"),
        sa.Index("idx_pinning_version_code_retry", "code_attempts", "code_checked_at"),
    )
