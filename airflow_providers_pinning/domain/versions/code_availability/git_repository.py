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
"""A git repository, and queries on it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

WITHIN = 60.0
"""Default timeout of a command in seconds."""


class GitError(Exception):
    """A git command failed. The message is its output."""


class GitRepository:
    """
    A repository without a work tree.

    :param folder: its path
    :param env: environment variables for git, in addition to those of this process
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self._env = env

    def succeeds(self, *arguments: str) -> bool:
        """Return whether a git command succeeds."""
        try:
            self.run(*arguments)
        except GitError:
            return False
        return True

    def run(self, *arguments: str, stdin: bytes | None = None, within: float = WITHIN) -> bytes:
        """
        Run git in the repository, and return its output.

        :param arguments: the command and its arguments
        :param stdin: input for git
        :param within: timeout in seconds
        :raises GitError: if it fails, or takes too long
        """
        env = {**os.environ, **self._env, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        # Processes that git starts for the transport belong to its group, so that all of them can be ended.
        process = subprocess.Popen(
            ["git", f"--git-dir={self.folder}", *arguments],
            env=env,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            printed, complaint = process.communicate(stdin, timeout=within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise GitError(f"`git {arguments[0]}` did not end within {within:.0f} seconds") from None
        if process.returncode:
            raise GitError(complaint.decode(errors="replace").strip() or f"`git {arguments[0]}` failed")
        return printed

    def types_of(self, commit: str, paths: list[PurePosixPath]) -> dict[PurePosixPath, str]:
        """Return the object type of each path in a commit, like :meth:`type_of`. Missing paths are left out."""
        names = "".join(f"{commit}:{path}\n" for path in paths).encode()
        found = self.run("cat-file", "--batch-check=%(objecttype)", "--follow-symlinks", stdin=names).splitlines()
        if len(found) == len(paths):
            return {path: kind.decode() for path, kind in zip(paths, found, strict=True)}
        # Some have a second line, such as links that lead out of the repository.
        return {path: kind for path in paths if (kind := self.type_of(commit, path))}

    def type_of(self, commit: str, path: PurePosixPath) -> str | None:
        """Return the object type of a path, following symbolic links. A submodule is a ``commit``."""
        name = f"{commit}:{path}\n".encode()
        found = self.run("cat-file", "--batch-check=%(objecttype)", "--follow-symlinks", stdin=name).split()
        if found and found[0] in (b"blob", b"tree"):
            return found[0].decode()
        listed = self.run("ls-tree", commit, "--", str(path)).split()
        return listed[1].decode() if len(listed) > 1 else None

    def has_member(self, commit: str, archive: PurePosixPath, path: PurePosixPath) -> bool:
        """Return whether a path is inside a zip archive."""
        content = io.BytesIO(self.run("cat-file", "blob", f"{commit}:{archive}"))
        if not zipfile.is_zipfile(content):
            return False
        with zipfile.ZipFile(content) as zipped:
            return path.relative_to(archive).as_posix() in zipped.namelist()
