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
"""Tables of release policies: what is declared, freezes, and what was found and approved of versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base, LongText
from airflow_providers_pinning.vocabulary import MAX_ACTOR


class PolicyRevision(Base):
    """
    One state of the document that declares the policies; the one with the highest revision is in force.

    Rows are only ever added, so that a change can say which revision it was checked against.
    """

    __tablename__ = "pinning_policy"

    revision: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(LongText, nullable=False)
    """The document as JSON."""
    document_hash: Mapped[str] = mapped_column(sa.String(64), nullable=False)
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)


class Freeze(Base):
    """A stop of all changes but rollbacks, for the Dags that it matches, until it ends or someone lifts it."""

    __tablename__ = "pinning_freeze"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    selection: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    """Which Dags; ``None`` means all."""
    until: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When it ends by itself, by the database's clock; ``None`` keeps it until someone lifts it."""
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    lifted_by: Mapped[str | None] = mapped_column(sa.String(MAX_ACTOR), nullable=True)
    lift_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)

    __table_args__ = (sa.Index("idx_pinning_freeze_lifted_at_until", "lifted_at", "until"),)


class VersionEvidence(Base):
    """What someone outside of this package found of exactly one version; rows are only ever added."""

    __tablename__ = "pinning_evidence"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), nullable=False)
    version_number: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    bundle_name: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    bundle_version: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    dag_hash: Mapped[str] = mapped_column(sa.String(32), nullable=False)
    name: Mapped[str] = mapped_column(sa.String(250), nullable=False)
    verdict: Mapped[str] = mapped_column(sa.String(20), nullable=False)
    url: Mapped[str | None] = mapped_column(sa.String(2000), nullable=True)
    details: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, nullable=True)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)

    __table_args__ = (
        sa.Index("idx_pinning_evidence_dag_version_id", "dag_version_id", "id"),
        sa.Index("idx_pinning_evidence_dag_id", "dag_id"),
        sa.Index("idx_pinning_evidence_name", "name"),
    )


class VersionApproval(Base):
    """That someone agrees to the release of exactly one version."""

    __tablename__ = "pinning_approval"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), nullable=False)
    version_number: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    bundle_name: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    bundle_version: Mapped[str | None] = mapped_column(StringID(), nullable=True)
    dag_hash: Mapped[str] = mapped_column(sa.String(32), nullable=False)
    actor: Mapped[str] = mapped_column(sa.String(MAX_ACTOR), nullable=False)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    revoked_by: Mapped[str | None] = mapped_column(sa.String(MAX_ACTOR), nullable=True)
    revoke_reason: Mapped[str | None] = mapped_column(sa.Text, nullable=True)

    __table_args__ = (
        sa.Index("idx_pinning_approval_dag_version_id", "dag_version_id", "id"),
        sa.Index("idx_pinning_approval_dag_id", "dag_id"),
    )
