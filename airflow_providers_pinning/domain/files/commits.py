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
"""The commits of bundles, and those between two of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.files.git import Clone, GitError, LoggedCommit
from airflow_providers_pinning.domain.files.links import commit_url, url_at_remote
from airflow_providers_pinning.models import Commit
from airflow_providers_pinning.vocabulary import MAX_AUTHOR

LOGGED_A_ROUND = 1_000
"""Maximum number of commits to record at once, for those before the first recorded version."""
SHOWN = 100
"""Maximum number of commits between two versions to list."""
MAX_MESSAGE = 4_000
"""Maximum number of characters of a message to store."""
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that control a terminal, or change the reading order of a text."""


@dataclass(frozen=True)
class CommitInfo:
    """One commit."""

    bundle_version: str
    """Its full hash."""
    message: str
    author: str
    committed_at: datetime | None
    url: str | None
    """Where it can be seen."""

    @property
    def summary(self) -> str:
        """The first line of the message, and the author."""
        return f"{self.message.partition(chr(10))[0]} ({self.author})"


@dataclass(frozen=True)
class CommitsBetween:
    """The commits between two versions."""

    commits: tuple[CommitInfo, ...] = ()
    """Newest first."""
    total: int = 0
    """Their total number, of which the newest are listed."""
    taken_back: bool = False
    """Whether the other commit is older, so these are the commits that it lacks."""
    note: str | None = None
    """What is unknown about them."""


def read_commits(
    bundle_name: str, commits: Collection[str], clone: Clone, *, session: Session
) -> Sequence[LoggedCommit]:
    """
    Read commits, and unrecorded commits before them, newest first.

    :param bundle_name: the bundle
    :param commits: the commits of versions
    :param clone: the repository that contains them
    :param session: database session
    """
    recorded = set(_recorded(bundle_name, commits, session=session))
    present = [commit for commit in commits if commit not in recorded and clone.has(commit)]
    if not present:
        return ()
    newest = session.scalars(
        select(Commit.bundle_version)
        .where(Commit.bundle_name == bundle_name)
        .order_by(Commit.id.desc())
        .limit(IN_A_STATEMENT)
    ).all()
    try:
        logged = clone.log(present, without=newest, limit=LOGGED_A_ROUND)
        # A version's own commit is included, however far it is behind the newest.
        told = {one.bundle_version for one in logged}
        for commit in present:
            if commit not in told:
                logged += clone.log([commit], without=(), limit=1)
    except GitError:
        return ()
    return logged


def record_commits(bundle_name: str, logged: Sequence[LoggedCommit], *, remote: str | None, session: Session) -> None:
    """
    Record commits.

    :param bundle_name: the bundle
    :param logged: the result of :func:`read_commits`
    :param remote: the address of the bundle's remote
    :param session: database session; the caller commits
    """
    known = set(_recorded(bundle_name, [one.bundle_version for one in logged], session=session))
    for one in reversed(logged):
        if one.bundle_version not in known:
            known.add(one.bundle_version)
            _add(bundle_name, one, remote=remote, session=session)


def commits_by_version(
    bundle_name: str | None, versions: Collection[str], *, session: Session
) -> dict[str, CommitInfo]:
    """Return the recorded ones of a bundle's commits, by hash."""
    if bundle_name is None or not versions:
        return {}
    found: dict[str, CommitInfo] = {}
    for named in pages(sorted(versions)):
        rows = session.scalars(
            select(Commit).where(Commit.bundle_name == bundle_name, Commit.bundle_version.in_(named))
        )
        found.update((row.bundle_version, _info(row)) for row in rows)
    return found


def commits_between(bundle_name: str, before: str, after: str, *, session: Session) -> CommitsBetween:
    """
    Return the commits between two commits.

    :param bundle_name: the bundle of both
    :param before: the first commit
    :param after: the second commit
    :param session: database session
    """
    if before == after:
        return CommitsBetween()
    graph: dict[str, tuple[int, list[str]]] = {
        row.bundle_version: (row.id, row.parents)
        for row in session.execute(
            select(Commit.bundle_version, Commit.id, Commit.parents).where(Commit.bundle_name == bundle_name)
        )
    }
    for commit in (before, after):
        if commit not in graph:
            return CommitsBetween(note=f"The commits from {before} to {after} are not recorded.")
    of_before, before_ends = _reachable(before, graph)
    of_after, after_ends = _reachable(after, graph)
    taken_back = before not in of_after and after in of_before
    between = of_before - of_after if taken_back else of_after - of_before
    note = None
    if before not in of_after and after not in of_before:
        note = (
            f"The recorded history does not connect {before} to {after}."
            if not (before_ends and after_ends)
            else (
                f"{after} does not come after {before}: history was rewritten, or they are on different branches. "
                f"These are the commits of {after} that {before} does not have."
            )
        )
    newest = sorted(between, key=lambda commit: graph[commit][0], reverse=True)
    infos = commits_by_version(bundle_name, newest[:SHOWN], session=session)
    return CommitsBetween(
        commits=tuple(infos[commit] for commit in newest[:SHOWN] if commit in infos),
        total=len(newest),
        taken_back=taken_back,
        note=note,
    )


def _reachable(commit: str, graph: dict[str, tuple[int, list[str]]]) -> tuple[set[str], bool]:
    """Return a commit with its ancestors, and whether all of them are recorded."""
    found: set[str] = set()
    waiting, is_whole = [commit], True
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in graph:
            is_whole = False
            continue
        found.add(name)
        waiting.extend(graph[name][1])
    return found, is_whole


def _recorded(bundle_name: str, commits: Collection[str], *, session: Session) -> Iterable[str]:
    for named in pages(sorted(commits)):
        yield from session.scalars(
            select(Commit.bundle_version).where(Commit.bundle_name == bundle_name, Commit.bundle_version.in_(named))
        )


def _add(bundle_name: str, commit: LoggedCommit, *, remote: str | None, session: Session) -> None:
    try:
        committed_at = datetime.fromtimestamp(commit.seconds, timezone.utc) if commit.seconds is not None else None
    except (ValueError, OverflowError, OSError):
        committed_at = None
    try:
        with session.begin_nested():
            session.add(
                Commit(
                    bundle_name=bundle_name,
                    bundle_version=commit.bundle_version,
                    parents=list(commit.parents),
                    author=readable(commit.author)[:MAX_AUTHOR],
                    message=readable(commit.message).strip()[:MAX_MESSAGE],
                    committed_at=committed_at,
                    url=url_at_remote(remote, commit.bundle_version),
                )
            )
    except IntegrityError:
        # Another dag processor has just written it.
        return


def readable(text: str) -> str:
    """Return a text without characters that control a terminal or change the reading order."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _info(row: Commit) -> CommitInfo:
    url = commit_url(row.bundle_name, row.bundle_version, at_remote=row.url)
    return CommitInfo(row.bundle_version, row.message, row.author, row.committed_at, url)
