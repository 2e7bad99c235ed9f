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
Read the clone of a git bundle without writing to it.

The dag processor fetches into the clone, so it has every commit from which Dags were parsed. The remote is not
contacted.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_providers_pinning.domain.batches import pages

WITHIN = 120.0
"""Timeout of a git command in seconds."""
MAX_TEXT = 500_000
"""Maximum size of a file to store, in bytes. Of a larger file, only the size is stored."""
CONTENTS_AT_A_TIME = 100
"""Number of contents to read at once, because each may be large."""
_FIELDS = 5


class GitError(Exception):
    """A git command failed. The message is its output."""


@dataclass(frozen=True)
class Content:
    """The content of a file."""

    content_hash: str
    size: int
    """Size in bytes."""
    is_binary: bool
    text: str | None
    """The text; ``None`` if it is binary or too large."""


@dataclass(frozen=True)
class LoggedCommit:
    """A commit from ``git log``."""

    bundle_version: str
    parents: tuple[str, ...]
    author: str
    seconds: int | None
    """Time of the commit in seconds since the epoch."""
    message: str


class Clone:
    """
    A bare clone.

    :param folder: its path
    :param root: subfolder of the repository that is the bundle's root
    """

    def __init__(self, folder: Path, root: str | None = None) -> None:
        self._folder = folder
        self._root = posixpath.normpath(root) if root else "."

    def has(self, commit: str) -> bool:
        """Return whether the clone has a commit."""
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def listing(self, commit: str) -> dict[str, str]:
        """Return the content hash of each file, by its path from the bundle's root."""
        found = {}
        for line in self._git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if line:
                described, _, path = line.partition(b"\t")
                found[self._from_root(path.decode(errors="replace"))] = described.split()[2].decode()
        return found

    def contents(self, hashes: Collection[str]) -> Iterator[Content]:
        """Read contents by hash. Missing ones, such as those of submodules, are left out."""
        sizes = self._sizes(hashes)
        for content_hash, size in sizes.items():
            if size > MAX_TEXT:
                yield Content(content_hash, size, is_binary=False, text=None)
        short = [content_hash for content_hash, size in sizes.items() if size <= MAX_TEXT]
        for some in pages(short, CONTENTS_AT_A_TIME):
            yield from self._read(some)

    def log(self, commits: Collection[str], *, without: Collection[str], limit: int) -> list[LoggedCommit]:
        """
        Return commits and their ancestors, newest first.

        :param commits: the commits to start from
        :param without: commits to leave out, with all their ancestors
        :param limit: maximum number of commits
        """
        asked = [*commits, *(f"^{commit}" for commit in without)]
        printed = self._git(
            *("log", "-z", "--date-order", "--encoding=UTF-8", "--ignore-missing", f"--max-count={limit}"),
            *("--format=%H%x00%P%x00%an%x00%ct%x00%B", "--stdin"),
            stdin="".join(f"{line}\n" for line in asked).encode(),
        )
        parts = printed.decode(errors="replace").split("\0")
        return [
            LoggedCommit(
                bundle_version=parts[at].strip(),
                parents=tuple(parts[at + 1].split()),
                author=parts[at + 2],
                seconds=int(parts[at + 3]) if parts[at + 3].isdigit() else None,
                message=parts[at + 4],
            )
            for at in range(0, len(parts) - _FIELDS + 1, _FIELDS)
        ]

    def _from_root(self, path: str) -> str:
        return path if self._root == "." else posixpath.relpath(path, self._root)

    def _sizes(self, hashes: Iterable[str]) -> dict[str, int]:
        printed = self._git("cat-file", "--batch-check", stdin="".join(f"{one}\n" for one in hashes).encode())
        found = (line.split() for line in printed.decode(errors="replace").splitlines())
        return {fields[0]: int(fields[2]) for fields in found if len(fields) == 3 and fields[1] == "blob"}

    def _read(self, hashes: list[str]) -> Iterator[Content]:
        printed = self._git("cat-file", "--batch", stdin="".join(f"{one}\n" for one in hashes).encode())
        at = 0
        while at < len(printed):
            end = printed.index(b"\n", at)
            content_hash, _, length = printed[at:end].decode().split()
            size = int(length)
            yield content_of(content_hash, printed[end + 1 : end + 1 + size])
            at = end + size + 2

    def _git(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """
        Run git in the clone, and return its output.

        :raises GitError: if it fails, or takes too long
        """
        try:
            done = subprocess.run(
                ["git", f"--git-dir={self._folder}", *arguments],
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
                input=stdin if stdin is not None else b"",
                capture_output=True,
                timeout=WITHIN,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitError(str(error)) from error
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"`git {arguments[0]}` failed")
        return done.stdout


def content_of(content_hash: str, content: bytes) -> Content:
    """Return a content, with its text if every database can store it."""
    try:
        text = None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        text = None
    return Content(content_hash, len(content), is_binary=text is None, text=text)
