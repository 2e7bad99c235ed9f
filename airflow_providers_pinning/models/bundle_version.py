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
"""The versions that bundles were at, in order."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base


class BundleVersion(Base):
    """One version of a bundle, such as a commit, that a dag processor had Dags parsed from."""

    __tablename__ = "pinning_bundle_version"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    bundle_name: Mapped[str] = mapped_column(StringID(), nullable=False)
    bundle_version: Mapped[str] = mapped_column(StringID(), nullable=False)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)

    parsed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """When a dag processor had parsed every file of it; ``None`` if none had before a later version came."""
    unparsed: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    """
    Files that no Dag was registered from here: not parsed before a later version came, or gone from the bundle.

    ``None`` and no ``parsed_at`` means that nothing is known of any file.
    """

    __table_args__ = (sa.UniqueConstraint("bundle_name", "bundle_version"),)
