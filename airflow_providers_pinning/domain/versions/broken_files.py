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
"""Record which files had import errors at which commits, because Airflow deletes an import error once it is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from airflow.models.dag import DagModel
from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.json_limits import NOT_TEXT
from airflow_providers_pinning.domain.versions.identity import latest_identity
from airflow_providers_pinning.models import BrokenFile, BundleVersion

LONGEST_MESSAGE = 1_000
"""Maximum number of characters to store of an import error's first line."""


@dataclass(frozen=True)
class FileProblem:
    """A file with an import error."""

    relative_fileloc: str
    """Path of the file inside the bundle."""
    message: str
    """First line of the import error, such as ``SyntaxError: invalid syntax``."""


def first_line(stacktrace: str) -> str:
    """Return the first line of an import error's message, without the traceback."""
    traced = "Traceback (most recent call last):"
    lines = [line for line in stacktrace.rpartition(traced)[2].splitlines() if line.strip()]
    said = next((line for line in lines if not line[0].isspace()), lines[0] if lines else "import error")
    return NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", said.strip())[:LONGEST_MESSAGE]


def broken_at(bundle_name: str, bundle_version: str, *, session: Session) -> dict[str, str]:
    """Return the broken files at a commit, with the first line of their import errors."""
    found = session.execute(
        select(BrokenFile.relative_fileloc, BrokenFile.message)
        .join(BundleVersion, BundleVersion.id == BrokenFile.bundle_version_id)
        .where(BundleVersion.bundle_name == bundle_name, BundleVersion.bundle_version == bundle_version)
    )
    return {row.relative_fileloc: row.message for row in found}


def note_parse(
    bundle_name: str, bundle_version: str, *, was: Mapping[str, str], now: Mapping[str, str], session: Session
) -> bool:
    """
    Record the result of parsing files that were, or are, broken.

    :param bundle_name: name of the bundle
    :param bundle_version: the commit that was parsed
    :param was: the files recorded as broken, with the first line of their errors
    :param now: the files that are broken now, with the first line of their errors
    :param session: database session; the caller commits
    :return: whether this was recorded, which requires that the commit is
    """
    place = session.scalar(
        select(BundleVersion.id).where(
            BundleVersion.bundle_name == bundle_name, BundleVersion.bundle_version == bundle_version
        )
    )
    if place is None:
        return False
    if was:
        session.execute(
            delete(BrokenFile).where(
                BrokenFile.bundle_version_id == place, BrokenFile.relative_fileloc.in_({*was, *now})
            )
        )
    session.add_all(
        BrokenFile(bundle_version_id=place, relative_fileloc=file, message=message) for file, message in now.items()
    )
    return True


def problems_since(dag_id: str, place: int, *, only_there: bool, session: Session) -> tuple[FileProblem, ...]:
    """
    Return the import errors of a Dag's files at a commit, or at later ones.

    :param dag_id: the Dag
    :param place: ID of the commit's row
    :param only_there: ignore later commits
    :param session: database session
    :return: the broken files of the Dag, with the error at the first of these commits
    """
    latest = latest_identity(dag_id, session=session)
    asked = {
        "dag_id": dag_id,
        "bundle_name": latest and latest.bundle_name,
        "file_of_latest": latest and latest.relative_fileloc,
        "place": place,
    }
    found: dict[str, FileProblem] = {}
    for row in session.execute(_broken_since(), asked):
        if not only_there or row.bundle_version_id == place:
            found.setdefault(row.relative_fileloc, FileProblem(row.relative_fileloc, row.message))
    return tuple(found.values())


@cache
def _broken_since() -> Select:
    """
    Select the import errors of a Dag's files, starting at a commit.

    These are the file of its newest version and, if the dag processor last saw the Dag in another file, that file too.
    """
    file_seen_last = (
        select(DagModel.relative_fileloc)
        .where(DagModel.dag_id == bindparam("dag_id"), DagModel.bundle_name == bindparam("bundle_name"))
        .scalar_subquery()
    )
    return (
        select(BrokenFile.bundle_version_id, BrokenFile.relative_fileloc, BrokenFile.message)
        .join(BundleVersion, BundleVersion.id == BrokenFile.bundle_version_id)
        .where(
            BundleVersion.bundle_name == bindparam("bundle_name"),
            BundleVersion.id >= bindparam("place"),
            BrokenFile.relative_fileloc.in_([bindparam("file_of_latest"), file_seen_last]),
        )
        .order_by(BrokenFile.bundle_version_id, BrokenFile.id)
    )
