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
"""Delete stored files and commits that no version needs anymore."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from airflow.models.dag_version import DagVersion
from sqlalchemy import ColumnElement, CursorResult, delete, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.files.listing import unpack
from airflow_providers_pinning.models import (
    Commit,
    CommitFiles,
    DagModules,
    FileContent,
    ManagedVersion,
    Pin,
    VersionFiles,
)

KEPT_COMMITS = 10_000
"""Number of commits of a bundle to keep."""


def prune(bundle_names: Collection[str], *, session: Session) -> None:
    """
    Delete the data of Dags that are no longer managed, and of versions that are gone.

    :param bundle_names: the bundles whose commits are pruned
    :param session: database session; the caller commits
    """
    dropped = _delete(VersionFiles, ~_version_is_there() | ~_is_known(VersionFiles.dag_id), session=session)
    dropped += _delete(DagModules, ~_is_known(DagModules.dag_id), session=session)
    needed = (
        select(literal(1))
        .where(
            VersionFiles.bundle_name == CommitFiles.bundle_name,
            VersionFiles.bundle_version == CommitFiles.bundle_version,
        )
        .correlate(CommitFiles)
        .exists()
    )
    dropped += _delete(CommitFiles, ~needed, session=session)
    for bundle_name in bundle_names:
        _drop_commits(bundle_name, session=session)
    if dropped:
        _drop_contents(session=session)


def _version_is_there() -> ColumnElement[bool]:
    return select(literal(1)).where(DagVersion.id == VersionFiles.dag_version_id).correlate(VersionFiles).exists()


def _is_known(dag_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return (
        select(literal(1)).where(Pin.dag_id == dag_id).exists()
        | select(literal(1)).where(ManagedVersion.dag_id == dag_id).exists()
    )


def _delete(table: type, condition: ColumnElement[bool], *, session: Session) -> int:
    done = session.execute(delete(table).where(condition).execution_options(synchronize_session=False))
    return int(cast("CursorResult", done).rowcount or 0)


def _drop_commits(bundle_name: str, *, session: Session) -> None:
    of_bundle = Commit.bundle_name == bundle_name
    oldest = session.scalar(select(Commit.id).where(of_bundle).order_by(Commit.id.desc()).offset(KEPT_COMMITS).limit(1))
    if oldest is None:
        return
    needed = select(CommitFiles.bundle_version).where(CommitFiles.bundle_name == bundle_name)
    _delete(Commit, of_bundle & (Commit.id <= oldest) & Commit.bundle_version.not_in(needed), session=session)


def _drop_contents(*, session: Session) -> None:
    """Delete contents without references."""
    needed: set[str] = set()
    for files in session.scalars(select(VersionFiles.files).where(VersionFiles.files.is_not(None))):
        needed.update((files or {}).values())
    for packed in session.scalars(select(CommitFiles.listing)):
        needed.update((unpack(packed) or {}).values())
    surplus = [one for one in session.scalars(select(FileContent.content_hash)) if one not in needed]
    for named in pages(surplus):
        _delete(FileContent, FileContent.content_hash.in_(named), session=session)
