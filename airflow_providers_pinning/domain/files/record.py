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
"""
Record the files of versions, and their commits.

The dag processor does this in a separate process, because it has the bundles; see
``enforcement/dag_processor/commit_record.py``. API servers only read the records, and need no bundle.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from airflow._shared.timezones import timezone
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.dag import DagModel
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.files.commits import read_commits, record_commits
from airflow_providers_pinning.domain.files.contents import Contents
from airflow_providers_pinning.domain.files.due import due
from airflow_providers_pinning.domain.files.git import Clone, GitError
from airflow_providers_pinning.domain.files.imports import files_of
from airflow_providers_pinning.domain.files.listing import Sharing, hash_of
from airflow_providers_pinning.domain.files.listings import Listings
from airflow_providers_pinning.domain.files.prune import prune
from airflow_providers_pinning.domain.files.store import put
from airflow_providers_pinning.domain.locks import keep_writers_out_of_sqlite
from airflow_providers_pinning.domain.versions.code_availability.local import summary
from airflow_providers_pinning.domain.versions.code_availability.sources import is_git
from airflow_providers_pinning.domain.versions.identity import identities_of
from airflow_providers_pinning.models import Base, ManagedVersion, VersionFiles

log = logging.getLogger(__name__)


def record_files(bundle_names: Collection[str], *, session: Session) -> int:
    """
    Process the versions that are due in these bundles.

    :param bundle_names: the bundles that this host has
    :param session: database session; committed after each commit of a bundle
    :return: the number of processed versions
    """
    by_bundle: dict[str, dict[str, list[Row[Any]]]] = {name: defaultdict(list) for name in sorted(bundle_names)}
    for version in session.execute(due(bundle_names)).all():
        by_bundle[version.bundle_name][version.bundle_version].append(version)
    looked_at = 0
    for bundle_name, by_commit in by_bundle.items():
        try:
            looked_at += _record_bundle(bundle_name, by_commit, session=session)
        except Exception:
            session.rollback()
            log.exception("The files of bundle %s could not be recorded; retrying", bundle_name)
    prune(bundle_names, session=session)
    session.commit()
    return looked_at


def sharing_of(bundle_name: str, *, session: Session) -> Sharing:
    """Read which files of a bundle define Dags, as far as is known now."""
    own = {
        *session.scalars(select(DagModel.relative_fileloc).where(DagModel.bundle_name == bundle_name).distinct()),
        *session.scalars(
            select(ManagedVersion.relative_fileloc).where(ManagedVersion.bundle_name == bundle_name).distinct()
        ),
    }
    return Sharing(filter(None, own), conf.ignored_paths())


def _record_bundle(bundle_name: str, by_commit: dict[str, list[Row[Any]]], *, session: Session) -> int:
    sharing = sharing_of(bundle_name, session=session)
    rows: list[Base] = []
    if not by_commit:
        _settle(Listings(bundle_name, None, sharing, rows, session=session), session=session)
        return 0
    clone, remote, trouble = _clone_of(bundle_name)
    listings = Listings(bundle_name, clone, sharing, rows, session=session)
    looked_at = 0
    for commit, versions in by_commit.items():
        if clone is not None:
            try:
                _read_versions(commit, versions, clone, listings, rows, session=session)
                trouble = None
            except GitError as error:
                rows.clear()
                trouble = (
                    f"The clone of bundle {bundle_name!r} cannot list the files of {commit}: {summary(str(error))}"
                )
        if clone is None or trouble is not None:
            rows += _in_trouble(versions, trouble or "", is_final=clone is None)
        # Git may take minutes, and an open write transaction would block all other writers of SQLite: write only now.
        _begin_writing(session)
        for row in rows:
            put(row, session=session)
        session.commit()
        rows.clear()
        looked_at += len(versions)
    if clone is not None:
        logged = read_commits(bundle_name, by_commit, clone, session=session)
        _begin_writing(session)
        record_commits(bundle_name, logged, remote=remote, session=session)
        session.commit()
    _settle(listings, session=session)
    return looked_at


def _settle(listings: Listings, *, session: Session) -> None:
    due_now = listings.due()
    _begin_writing(session)
    listings.settle(due_now)
    session.commit()


def _begin_writing(session: Session) -> None:
    """
    Begin a write transaction.

    On SQLite, a transaction that has read, and writes after another one has written, fails at once because the database
    is locked, however long its timeout.
    """
    session.commit()
    keep_writers_out_of_sqlite(session=session)


def _clone_of(bundle_name: str) -> tuple[Clone | None, str | None, str | None]:
    """Return a bundle's clone and the address of its remote, or the reason why it has none."""
    bundle = DagBundlesManager().get_bundle(bundle_name)
    if not is_git(bundle):
        return None, None, f"Bundle {bundle_name!r} is a {type(bundle).__name__}, which cannot list its files."
    return Clone(bundle.bare_repo_path, bundle.subdir), bundle.repo_url, None


def _read_versions(
    commit: str, versions: list[Row[Any]], clone: Clone, listings: Listings, rows: list[Base], *, session: Session
) -> None:
    """Read the files of versions, and add the rows to write."""
    listing = listings.at(commit)
    contents = Contents(clone, rows, session=session)
    filelocs = {
        one.dag_version_id: one.relative_fileloc
        for one in identities_of([version.id for version in versions], session=session)
    }
    used: set[str] = set()
    for version in versions:
        fileloc = filelocs.get(version.id)
        files = files_of(fileloc or "", version.modules or (), listing, contents.imports_of)
        used.update(files.values())
        rows.append(
            VersionFiles(
                dag_version_id=version.id,
                dag_id=version.dag_id,
                bundle_name=version.bundle_name,
                bundle_version=version.bundle_version,
                files=files or None,
                digest=hash_of(list(files.items())) if files else None,
                trouble=None if files else f"{fileloc!r} is not in bundle {version.bundle_name!r} at {commit}.",
                is_final=bool(files),
                looked_at=timezone.utcnow(),
            )
        )
    contents.keep({*used, *listings.changed_contents(commit)})


def _in_trouble(versions: list[Row[Any]], trouble: str, *, is_final: bool) -> Iterator[VersionFiles]:
    for version in versions:
        yield VersionFiles(
            dag_version_id=version.id,
            dag_id=version.dag_id,
            bundle_name=version.bundle_name,
            bundle_version=version.bundle_version,
            trouble=trouble,
            is_final=is_final,
            looked_at=timezone.utcnow(),
        )
