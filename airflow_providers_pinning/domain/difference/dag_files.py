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
"""The difference between the Dag files of two versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dagcode import DagCode
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from airflow_providers_pinning.domain.difference.unified_diff import bounded_diff
from airflow_providers_pinning.domain.versions.identity import VersionIdentity

NOT_PERMITTED = (
    "You do not have permission to view the code of every Dag in this file, so the source and the values of "
    "operators' own arguments are hidden."
)


@dataclass(frozen=True)
class SourceChange:
    """How the Dag file changed."""

    before_path: str | None
    """Path inside the bundle."""
    after_path: str | None
    diff: str | None
    """Unified diff, empty if the files are equal; ``None`` if it is not available, for the reason in ``note``."""
    note: str | None


@dataclass(frozen=True)
class SourceComparison:
    """The difference to show, and whether all code is certainly the same."""

    change: SourceChange
    same_code: bool


def dags_in_files(
    dag_id: str,
    versions: Iterable[VersionIdentity],
    *,
    further: Iterable[tuple[str | None, str | None]] = (),
    session: Session,
) -> frozenset[str]:
    """
    Return the Dags in the same file as one of the versions, because a reader sees their code too.

    :param further: other files that the reader sees, by bundle name and path
    """
    files = {*((version.bundle_name, version.relative_fileloc) for version in versions), *further}
    same_file = [
        and_(DagModel.bundle_name == bundle_name, DagModel.relative_fileloc == relative_fileloc)
        for bundle_name, relative_fileloc in files
    ]
    return frozenset({dag_id, *session.scalars(select(DagModel.dag_id).where(or_(*same_file)))})


def compare_sources(
    before: VersionIdentity,
    after: VersionIdentity,
    *,
    with_code: bool,
    with_modules: bool = False,
    session: Session,
) -> SourceComparison:
    """
    Compare the Dag files of two versions.

    :param before: one version
    :param after: the other one
    :param with_code: whether the reader may see code
    :param with_modules: whether imported modules are compared elsewhere
    :param session: database session
    """
    ids = [before.dag_version_id, after.dag_version_id]
    hashes = _stored(DagCode.source_code_hash, ids, session=session)
    same_version = before == after
    same_bundle = (before.bundle_name, before.bundle_version) == (after.bundle_name, after.bundle_version)
    same_code = same_version or (
        same_bundle and before.bundle_version is not None and hashes.get(ids[0]) == hashes.get(ids[1])
    )
    notes = []
    if not same_code and not with_modules:
        notes.append(
            "Imported modules are not compared here; they may differ between "
            f"{before.bundle_version or 'an unversioned bundle'} and "
            f"{after.bundle_version or 'an unversioned bundle'}."
        )
    diff: str | None = None
    if not with_code:
        notes = [NOT_PERMITTED]
    elif missing := [version for version in (before, after) if version.dag_version_id not in hashes]:
        numbers = " and ".join(str(version.version_number) for version in missing)
        notes.append(f"The source of version {numbers} is not stored.")
    else:
        code = _stored(DagCode.source_code, ids, session=session)
        diff, remark = bounded_diff(code[ids[0]], code[ids[1]], labels=(_label(before), _label(after)))
        notes.extend([remark] if remark else [])
    return SourceComparison(
        SourceChange(before.relative_fileloc, after.relative_fileloc, diff, " ".join(notes) or None), same_code
    )


def _stored(column: InstrumentedAttribute[str], ids: list[UUID], *, session: Session) -> dict[UUID, str]:
    query = select(DagCode.dag_version_id, column).where(DagCode.dag_version_id.in_(ids))
    return {row[0]: row[1] for row in session.execute(query)}


def _label(version: VersionIdentity) -> str:
    return f"{version.relative_fileloc or 'source'}\tversion {version.version_number}"
