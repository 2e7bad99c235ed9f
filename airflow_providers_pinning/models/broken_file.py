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
"""The files that could not be parsed at a commit."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.vocabulary import MAX_FILELOC


class BrokenFile(Base):
    """One file of a bundle that had an import error when it was parsed last at one of its commits."""

    __tablename__ = "pinning_broken_file"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    bundle_version_id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)
    relative_fileloc: Mapped[str] = mapped_column(sa.String(MAX_FILELOC), nullable=False)
    message: Mapped[str] = mapped_column(sa.Text, nullable=False)

    __table_args__ = (sa.Index("idx_pinning_broken_file_bundle_version_id", "bundle_version_id"),)
