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
"""What Dags are made of: their files at the commits of their versions, and the commits themselves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from airflow._shared.timezones import timezone
from airflow.models.base import StringID
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from airflow_providers_pinning.models.base import Base, LongBinary, LongText
from airflow_providers_pinning.vocabulary import MAX_AUTHOR, MAX_URL


class DagModules(Base):
    """The modules of its bundle that a Dag's file imported when it was parsed last, for Dags that are managed."""

    __tablename__ = "pinning_dag_modules"

    dag_id: Mapped[str] = mapped_column(StringID(), primary_key=True)
    modules: Mapped[list[str]] = mapped_column(sa.JSON(), nullable=False)
    """Paths inside the bundle, in order."""
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)


class VersionFiles(Base):
    """The files that one version of a Dag is made of."""

    __tablename__ = "pinning_version_files"

    dag_version_id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    dag_id: Mapped[str] = mapped_column(StringID(), nullable=False)
    bundle_name: Mapped[str] = mapped_column(StringID(), nullable=False)
    bundle_version: Mapped[str] = mapped_column(StringID(), nullable=False)
    """The commit that was looked at; the version may have been moved on since."""
    files: Mapped[dict[str, str] | None] = mapped_column(sa.JSON(), nullable=True)
    """Hash of the content of each file, by its path inside the bundle; ``None`` if they are not known."""
    digest: Mapped[str | None] = mapped_column(sa.String(40), nullable=True)
    """Hash of ``files``."""
    trouble: Mapped[str | None] = mapped_column(sa.Text, nullable=True)
    """Why the files are not known."""
    is_final: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=True)
    """Whether looking again would find the same."""
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)

    __table_args__ = (sa.Index("idx_pinning_version_files_dag_id", "dag_id"),)


class CommitFiles(Base):
    """All files of a bundle at one commit."""

    __tablename__ = "pinning_commit_files"

    bundle_name: Mapped[str] = mapped_column(StringID(), primary_key=True)
    bundle_version: Mapped[str] = mapped_column(StringID(), primary_key=True)
    shared_digest: Mapped[str] = mapped_column(sa.String(40), nullable=False)
    """Hash of the files that may matter to any Dag: all but the Dags' own files and the ignored ones."""
    basis: Mapped[str] = mapped_column(sa.String(40), nullable=False)
    """Hash of which files are Dags' own or ignored; only digests of the same basis can be compared."""
    file_count: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    listing: Mapped[bytes | None] = mapped_column(LongBinary, nullable=True)
    """The files with their hashes, compressed; ``None`` if there are too many to be kept."""
    settles_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    """Until when a new file of it may turn out to be a Dag's own; ``None`` if none may."""
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime, nullable=False, default=timezone.utcnow)


class Commit(Base):
    """One commit of a bundle."""

    __tablename__ = "pinning_commit"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    bundle_name: Mapped[str] = mapped_column(StringID(), nullable=False)
    bundle_version: Mapped[str] = mapped_column(StringID(), nullable=False)
    parents: Mapped[list[str]] = mapped_column(sa.JSON(), nullable=False)
    author: Mapped[str] = mapped_column(sa.String(MAX_AUTHOR), nullable=False)
    message: Mapped[str] = mapped_column(sa.Text, nullable=False)
    committed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    url: Mapped[str | None] = mapped_column(sa.String(MAX_URL), nullable=True)
    """Where the remote shows it, if the remote's address tells."""

    __table_args__ = (sa.UniqueConstraint("bundle_name", "bundle_version"),)


class FileContent(Base):
    """The content of a file, stored once whichever versions and Dags have it."""

    __tablename__ = "pinning_file_content"

    content_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int] = mapped_column(sa.BigInteger, nullable=False)
    """Bytes."""
    is_binary: Mapped[bool] = mapped_column(sa.Boolean, nullable=False)
    text: Mapped[str | None] = mapped_column(LongText, nullable=True)
    """``None`` if it is binary or too long."""
