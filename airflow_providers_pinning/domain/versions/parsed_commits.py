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
Record which files were parsed at which commits.

A version with the commit of a later parse says nothing about a commit in between at which its file was never parsed,
such as one that was quickly reverted.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

from airflow._shared.timezones import timezone
from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import BundleVersion

MOST_UNPARSED = 1_000
"""Maximum number of unparsed files of a commit to record. With more, all of its files count as not parsed."""


def note_all_parsed(bundle_name: str, bundle_version: str, *, gone: Collection[str], session: Session) -> None:
    """
    Record that every file of a commit was parsed.

    :param bundle_name: name of the bundle
    :param bundle_version: its version, such as a commit
    :param gone: files that the bundle had before, but not at this commit
    :param session: database session; the caller commits
    """
    few = sorted(gone)[:MOST_UNPARSED]
    session.execute(
        update(BundleVersion)
        .where(_is(bundle_name, bundle_version), BundleVersion.parsed_at.is_(None))
        .values(parsed_at=timezone.utcnow(), unparsed=few or None)
    )


def note_left(bundle_name: str, bundle_version: str, *, unparsed: Collection[str], session: Session) -> None:
    """
    Record that a bundle left a commit before all files were parsed.

    :param bundle_name: name of the bundle
    :param bundle_version: the commit
    :param unparsed: files that were not parsed at the commit, or that it does not have
    :param session: database session; the caller commits
    """
    if len(unparsed) > MOST_UNPARSED:
        return
    row = session.scalar(select(BundleVersion).where(_is(bundle_name, bundle_version)).with_for_update())
    # Another dag processor may have parsed more files.
    if row is not None and row.parsed_at is None and (row.unparsed is None or len(unparsed) < len(row.unparsed)):
        row.unparsed = sorted(unparsed)


def was_parsed(parsed: bool, unparsed: Collection[str] | None, relative_fileloc: str | None) -> bool:
    """
    Return whether a file was parsed at a commit.

    :param parsed: whether all files of the commit were parsed
    :param unparsed: the recorded unparsed files of the commit
    :param relative_fileloc: path of the file; a file inside an archive is parsed with the archive
    """
    if unparsed is None:
        return parsed
    path = PurePath(relative_fileloc or "")
    return not {str(path), *map(str, path.parents)} & set(unparsed)


def _is(bundle_name: str, bundle_version: str) -> ColumnElement[bool]:
    return and_(BundleVersion.bundle_name == bundle_name, BundleVersion.bundle_version == bundle_version)
