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
"""What managed versions consist of, so that one which was overwritten can be written again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base, LongBinary, LongText
from airflow_providers_pinning.vocabulary import MAX_FILELOC


class VersionContent(Base):
    """The serialized Dag and the source of one managed version, as they were when it came under management."""

    __tablename__ = "pinning_version_content"

    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    dag_hash: Mapped[str] = mapped_column(sa.String(32), nullable=False)
    data: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON().with_variant(JSONB, "postgresql"), nullable=True)
    """The serialized Dag, in the columns that Airflow has it in; with compression it is in the other one."""
    data_compressed: Mapped[bytes | None] = mapped_column(LongBinary, nullable=True)
    fileloc: Mapped[str] = mapped_column(sa.String(MAX_FILELOC), nullable=False)
    source_code: Mapped[str] = mapped_column(LongText, nullable=False)
    source_code_hash: Mapped[str] = mapped_column(sa.String(32), nullable=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)

    __table_args__ = (sa.Index("idx_pinning_version_content_dag_id", "dag_id"),)
