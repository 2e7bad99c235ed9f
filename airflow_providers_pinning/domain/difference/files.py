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
"""Find the files that differ between two versions, and those of them that belong to the Dag."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.difference.dag_files import NOT_PERMITTED
from airflow_providers_pinning.domain.difference.unified_diff import bounded_diff
from airflow_providers_pinning.domain.files.commits import CommitsBetween, commits_between
from airflow_providers_pinning.domain.files.listing import Sharing, unpack
from airflow_providers_pinning.domain.files.relation import VersionKey, is_related, keys_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import CommitFiles, FileContent, VersionFiles
from airflow_providers_pinning.vocabulary import FileKind, Role

MAX_FILES = 200
"""Maximum number of changed files to list. The others are counted."""
MAX_CHARACTERS = 400_000
"""Maximum number of characters of all diffs together."""
MAX_WORK = 200_000
"""Maximum number of steps of one diff, because there may be many diffs."""


@dataclass(frozen=True)
class FileChange:
    """A related file that differs."""

    path: str
    """Path from the bundle's root."""
    before_path: str | None
    """Its previous path, if it was renamed."""
    kind: FileKind
    role: Role
    lines_added: int | None
    """``None`` if there is no diff."""
    lines_removed: int | None
    is_binary: bool
    diff: str | None
    note: str | None
    """Why there is no diff, or what is missing from it."""


@dataclass(frozen=True)
class FilesComparison:
    """Differences in the files of a bundle between two versions of a Dag."""

    related: bool | None
    """Whether anything related to the Dag differs; ``None`` if that will be known soon."""
    note: str | None
    """What is unknown."""
    changed: tuple[FileChange, ...] = ()
    """Related files, those of the Dag first."""
    left_out: int = 0
    """Number of related files that are not listed."""
    other_dags_files: int = 0
    """Number of changed files of other Dags."""
    ignored_files: int = 0
    """Number of changed files that match ``[pinning] ignored_paths``."""


def files_of_versions(versions: Collection[VersionIdentity], *, session: Session) -> frozenset[tuple[str, str]]:
    """Return the known files of versions, by bundle name and path."""
    rows = session.execute(
        select(VersionFiles.bundle_name, VersionFiles.files).where(
            VersionFiles.dag_version_id.in_([version.dag_version_id for version in versions])
        )
    )
    return frozenset((row.bundle_name, path) for row in rows for path in row.files or ())


def compare_commits(before: VersionIdentity, after: VersionIdentity, *, session: Session) -> CommitsBetween:
    """Return the commits between two versions."""
    if before.bundle_name is None or before.bundle_version is None or after.bundle_version is None:
        return CommitsBetween(note="An unversioned bundle has no commits.")
    if before.bundle_name != after.bundle_name:
        return CommitsBetween(note=f"The versions come from bundles {before.bundle_name} and {after.bundle_name}.")
    return commits_between(before.bundle_name, before.bundle_version, after.bundle_version, session=session)


def compare_files(
    before: VersionIdentity, after: VersionIdentity, *, with_code: bool, session: Session
) -> FilesComparison:
    """
    Compare all files of two versions.

    :param before: one version
    :param after: the other one
    :param with_code: whether the reader may see code
    :param session: database session
    """
    keys = keys_of([before.dag_version_id, after.dag_version_id], session=session)
    pair = [keys.get(version.dag_version_id) for version in (before, after)]
    if pair[0] is None or pair[1] is None:
        return FilesComparison(related=True, note="A version was deleted, so all files count as related.")
    related = is_related(pair[0], pair[1])
    same_code = (before.bundle_name, before.bundle_version) == (after.bundle_name, after.bundle_version)
    if before == after or (same_code and before.bundle_version is not None):
        return FilesComparison(related=related, note=None)
    files = [_files_of(version, session=session) for version in (before, after)]
    listings = [_listing_of(version, session=session) for version in (before, after)]
    note = _note(pair[0], pair[1])
    if before.bundle_name != after.bundle_name or files[0] is None or files[1] is None:
        return FilesComparison(related=related, note=note)
    if listings[0] is None or listings[1] is None:
        note = " ".join(filter(None, (note, "Only the files of this Dag are listed, not all files of the bundle.")))
        listings = [*files]
    old, new = listings[0] or {}, listings[1] or {}
    different = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    sharing = Sharing(_own_files(before.bundle_name or "", different, session=session), conf.ignored_paths())
    of_dag = {*files[0], *files[1]}
    counted = [path for path in different if path in of_dag or not (sharing.is_own(path) or sharing.is_ignored(path))]
    counted.sort(key=lambda path: (path not in of_dag, path))
    others = set(different).difference(counted)
    own = sum(sharing.is_own(path) for path in others)
    changes = _Changes(old, new, of_dag, session=session)
    told, left_out = changes.tell(counted) if with_code else ((), len(counted))
    return FilesComparison(
        related=related,
        note=note if with_code else " ".join(filter(None, (note, NOT_PERMITTED))),
        changed=told,
        left_out=left_out,
        other_dags_files=own,
        ignored_files=len(others) - own,
    )


def _note(before: VersionKey, after: VersionKey) -> str | None:
    if before.key is not None and after.key is not None:
        return None
    if before.is_pending or after.is_pending:
        return "The dag processor has not recorded the files of both versions yet."
    why = (
        before.trouble
        or after.trouble
        or (
            "The dag processor did not record the files of both versions. It records them for pinned Dags and "
            "Dags with candidates, in versioned bundles."
        )
    )
    return f"{why} All files count as related."


def _files_of(version: VersionIdentity, *, session: Session) -> dict[str, str] | None:
    row = session.get(VersionFiles, version.dag_version_id)
    return row.files if row is not None and row.bundle_version == version.bundle_version else None


def _listing_of(version: VersionIdentity, *, session: Session) -> dict[str, str] | None:
    row = session.get(CommitFiles, (version.bundle_name, version.bundle_version))
    return unpack(row.listing) if row is not None else None


def _own_files(bundle_name: str, paths: list[str], *, session: Session) -> set[str]:
    found: set[str] = set()
    for named in pages(paths):
        rows = session.scalars(
            select(DagModel.relative_fileloc).where(
                DagModel.bundle_name == bundle_name, DagModel.relative_fileloc.in_(named)
            )
        )
        found.update(path for path in rows if path)
    return found


class _Changes:
    """
    Describes changes of files, with diffs until these become too long.

    :param old: content hashes by path, before
    :param new: the same, after
    :param of_dag: paths of the Dag's files
    :param session: database session
    """

    def __init__(
        self, old: Mapping[str, str], new: Mapping[str, str], of_dag: Collection[str], *, session: Session
    ) -> None:
        self._old, self._new, self._of_dag = old, new, of_dag
        self._session = session
        self._left = MAX_CHARACTERS

    def tell(self, paths: list[str]) -> tuple[tuple[FileChange, ...], int]:
        """Return the changes of files, and the number of those left out."""
        gone = {self._old[path]: path for path in paths if path not in self._new}
        renamed = {path: gone[self._new[path]] for path in paths if path not in self._old and self._new[path] in gone}
        names = [path for path in paths if path not in renamed.values()]
        told = names[:MAX_FILES]
        contents = self._contents(told)
        return tuple(self._change(path, renamed.get(path), contents) for path in told), len(names) - len(told)

    def _contents(self, paths: list[str]) -> dict[str, FileContent]:
        hashes = {side[path] for path in paths for side in (self._old, self._new) if path in side}
        rows = self._session.scalars(select(FileContent).where(FileContent.content_hash.in_(hashes)))
        return {row.content_hash: row for row in rows}

    def _change(self, path: str, before_path: str | None, contents: Mapping[str, FileContent]) -> FileChange:
        sides = [self._old.get(before_path or path), self._new.get(path)]
        kind = FileKind.RENAMED if before_path else FileKind.CHANGED
        if not before_path and None in sides:
            kind = FileKind.ADDED if sides[0] is None else FileKind.REMOVED
        found = [contents.get(side) if side else None for side in sides]
        is_binary = any(content is not None and content.is_binary for content in found)
        diff, note = None, None
        if before_path:
            diff = ""
        elif is_binary:
            note = "Binary file."
        elif any(side and content is None for side, content in zip(sides, found, strict=True)):
            note = "Its content is not stored."
        elif any(content is not None and content.text is None for content in found):
            note = "It is too large to compare here."
        elif self._left <= 0:
            note = "Not shown: the diffs are too large in total."
        else:
            before, after = ((content.text or "") if content else "" for content in found)
            diff, note = bounded_diff(before, after, labels=(f"a/{path}", f"b/{path}"), max_work=MAX_WORK)
        if diff and len(diff) > self._left:
            diff, note = diff[: self._left], "This diff is cut: the diffs are too large in total."
        self._left -= len(diff or "")
        lines = (diff or "").splitlines()[2:]
        return FileChange(
            path=path,
            before_path=before_path,
            kind=kind,
            role=Role.DAG if path in self._of_dag or before_path in self._of_dag else Role.UNKNOWN,
            lines_added=sum(line.startswith("+") for line in lines) if diff is not None else None,
            lines_removed=sum(line.startswith("-") for line in lines) if diff is not None else None,
            is_binary=is_binary,
            diff=diff,
            note=note,
        )
