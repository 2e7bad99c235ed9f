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
What the remote of a git bundle has, asked without touching the bundle's own folders.

``GitDagBundle`` deletes its clone if it cannot reach its remote while it is initialized, and the Dags of the bundle
cannot be refreshed from then on. And a host that has a commit says nothing about others: a worker gets what a branch
or a tag of the remote contains. So branches and tags are fetched into a repository of the check's own, which borrows
the objects of the bundle's clone: usually nothing but names is transferred.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from airflow_providers_pinning.domain.versions.code_availability.checkout import exists, own_folder
from airflow_providers_pinning.domain.versions.code_availability.finding import (
    CodeProblem,
    CodeSource,
    Finding,
    Trouble,
)
from airflow_providers_pinning.domain.versions.code_availability.local import is_local_message, local_trouble, summary

if TYPE_CHECKING:
    from airflow.providers.git.bundles.git import GitDagBundle

log = logging.getLogger(__name__)

ANSWER_WITHIN = 60.0
"""Seconds within which a remote must tell its branches and tags."""
FETCHED_WITHIN = 200.0
"""Seconds within which it must have sent what the bundle's clone lacks."""
ABANDONED_AFTER = 3600.0
"""Seconds after which a folder belongs to a check that was killed."""
ROOM = 1 << 16
"""Bytes that must be free at least."""
MAX_REF = 250
"""Characters of a ref that are kept."""


class GitError(Exception):
    """A git command failed; the message is what it printed."""


class GitRemote:
    """
    The branches and tags of a bundle's remote, in a repository of its own while it is entered.

    :param bundle: the bundle, which is not initialized
    """

    def __init__(self, bundle: GitDagBundle) -> None:
        self._bundle = bundle
        self._repository: Path | None = None
        self._trouble: Trouble | None = None

    def __enter__(self) -> GitRemote:
        remove_abandoned()
        try:
            self._ask()
        except OSError as error:
            self._remove_repository()
            self._trouble = local_trouble(self._bundle.name, error)
        return self

    def __exit__(self, *exception: object) -> None:
        self._remove_repository()

    def look(self, commit: str, filelocs: Collection[str | None]) -> Finding:
        """Tell who has a commit, and which of these Dag files are in it."""
        if self._repository is None:
            return Finding(trouble=self._trouble)
        try:
            return self._find(commit, filelocs)
        except (OSError, GitError) as error:
            # The remote was asked before.
            return Finding(trouble=local_trouble(self._bundle.name, error))

    def _find(self, commit: str, filelocs: Collection[str | None]) -> Finding:
        is_here = self._succeeds("cat-file", "-e", f"{commit}^{{commit}}")
        place = self._bundle.versions_dir / commit
        if not is_here and not self._is_checkout(place, commit):
            return Finding(trouble=self._trouble or self._gone(commit))
        present = self._present(commit, filelocs) if is_here else self._present_in(place, filelocs)
        files = {
            fileloc: Trouble(
                CodeProblem.FILE_MISSING, f"{fileloc!r} is not in bundle {self._bundle.name!r} at {commit}"
            )
            for fileloc in filelocs
            if fileloc not in present
        }
        if self._trouble is None and is_here and (ref := self._ref_with(commit)):
            return Finding(CodeSource.REMOTE, ref[:MAX_REF], files=files)
        return Finding(CodeSource.CHECKOUT, trouble=self._trouble, files=files, remark=self._only_here(commit))

    def _ask(self) -> None:
        """Read the branches and tags of the remote, with the commits that they contain."""
        try:
            self._make_repository(borrowing=True)
        except GitError as error:
            self._remove_repository()
            self._trouble = local_trouble(self._bundle.name, error)
            return
        hook = self._bundle.hook
        with hook.configure_hook_env() if hook else nullcontext():
            try:
                self._git("ls-remote", "--quiet", str(self._bundle.repo_url), within=ANSWER_WITHIN)
            except GitError as error:
                self._trouble = self._unreachable(error)
                return
            try:
                self._fetch()
            except GitError as error:
                # The clone may be broken, or be removed meanwhile: it is done without.
                log.info("Fetching with the help of the bundle's clone failed: %s", error)
                try:
                    self._make_repository(borrowing=False)
                    self._fetch()
                except GitError as again:
                    is_local = is_local_message(str(again))
                    self._trouble = local_trouble(self._bundle.name, again) if is_local else self._unreachable(again)

    def _make_repository(self, *, borrowing: bool) -> None:
        self._remove_repository()
        own_folder().mkdir(parents=True, exist_ok=True)
        self._repository = Path(tempfile.mkdtemp(prefix="git-", dir=own_folder()))
        # On a full disk git makes a repository of empty files, and complains about that later.
        (self._repository / "room").write_bytes(bytes(ROOM))
        self._git("init", "--quiet", "--bare", str(self._repository))
        objects = self._bundle.bare_repo_path / "objects"
        if borrowing and objects.is_dir():
            (self._repository / "objects" / "info" / "alternates").write_text(f"{objects.absolute()}\n")

    def _remove_repository(self) -> None:
        if self._repository:
            shutil.rmtree(self._repository, ignore_errors=True)
        self._repository = None

    def _fetch(self) -> None:
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        options = ("--quiet", "--no-tags", "--no-auto-gc", "--recurse-submodules=no")
        self._git("fetch", *options, str(self._bundle.repo_url), *refs, within=FETCHED_WITHIN)

    def _ref_with(self, commit: str) -> str | None:
        """Find a branch or tag that contains a commit: the one that is tracked, else a tag, which stays where it is."""
        for pattern in (f"refs/heads/{self._bundle.tracking_ref}", "refs/tags", "refs/heads"):
            found = self._git("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}", pattern)
            if found:
                return found.decode(errors="replace").strip()
        return None

    def _is_checkout(self, place: Path, commit: str) -> bool:
        """Return whether there is a checkout that tasks would use, whatever became of the bundle's clone."""
        if not place.is_dir() or not (place / ".git").exists():
            return place.is_dir()
        try:
            return self._git("rev-parse", "HEAD", repository=place / ".git").decode().strip() == commit
        except GitError:
            return False

    def _present_in(self, place: Path, filelocs: Collection[str | None]) -> set[str | None]:
        root = place / self._bundle.subdir if self._bundle.subdir else place
        return {fileloc for fileloc in filelocs if exists(root, fileloc or "")}

    def _present(self, commit: str, filelocs: Collection[str | None]) -> set[str | None]:
        """Return those Dag files that a checkout of the commit has, as files or inside zip archives."""
        paths = {fileloc: PurePosixPath(self._bundle.subdir or "", fileloc or "") for fileloc in filelocs}
        paths = {fileloc: path for fileloc, path in paths.items() if self._is_checked_out(path)}
        kinds = self._types_of(commit, list(paths.values()))
        return {
            fileloc
            for fileloc, path in paths.items()
            if kinds.get(path) in ("blob", "tree") or self._is_inside(commit, path)
        }

    def _is_inside(self, commit: str, path: PurePosixPath) -> bool:
        """Return whether a path is one inside of a zip archive, or may be one inside of a submodule."""
        for parent in list(path.parents)[:-1]:
            if (kind := self._type_of(commit, parent)) == "commit":
                # Only a checkout tells what a submodule holds.
                return bool(self._bundle.submodules)
            if kind == "blob":
                return self._has_member(commit, parent, path)
        return False

    def _types_of(self, commit: str, paths: list[PurePosixPath]) -> dict[PurePosixPath, str]:
        names = "".join(f"{commit}:{path}\n" for path in paths).encode()
        found = self._git("cat-file", "--batch-check=%(objecttype)", "--follow-symlinks", stdin=names).splitlines()
        if len(found) == len(paths):
            return {path: kind.decode() for path, kind in zip(paths, found, strict=True)}
        # Some are told with a second line, such as links that lead out of the repository.
        return {path: kind for path in paths if (kind := self._type_of(commit, path))}

    def _type_of(self, commit: str, path: PurePosixPath) -> str | None:
        """Return what kind of thing a path is, through symbolic links; a submodule is a ``commit``."""
        name = f"{commit}:{path}\n".encode()
        found = self._git("cat-file", "--batch-check=%(objecttype)", "--follow-symlinks", stdin=name).split()
        if found and found[0] in (b"blob", b"tree"):
            return found[0].decode()
        listed = self._git("ls-tree", commit, "--", str(path)).split()
        return listed[1].decode() if len(listed) > 1 else None

    def _has_member(self, commit: str, archive: PurePosixPath, path: PurePosixPath) -> bool:
        content = io.BytesIO(self._git("cat-file", "blob", f"{commit}:{archive}"))
        if not zipfile.is_zipfile(content):
            return False
        with zipfile.ZipFile(content) as zipped:
            return path.relative_to(archive).as_posix() in zipped.namelist()

    def _is_checked_out(self, path: PurePosixPath) -> bool:
        """Return whether a sparse checkout has a file: those of the named folders, and beside the way to them."""
        if not self._bundle.sparse_dirs:
            return True
        wanted = [PurePosixPath(folder.strip("/")) for folder in self._bundle.sparse_dirs]
        folder = path.parent
        return any(folder == one or one in folder.parents or folder in one.parents for one in wanted)

    def _gone(self, commit: str) -> Trouble:
        return Trouble(
            CodeProblem.COMMIT_GONE,
            f"bundle {self._bundle.name!r} at {commit}: no branch and no tag of the remote contains this commit",
        )

    def _only_here(self, commit: str) -> str:
        return (
            f"bundle {self._bundle.name!r} at {commit}: no branch and no tag of the remote contains this commit; only "
            "hosts that have it already can run it"
        )

    def _unreachable(self, error: Exception) -> Trouble:
        return Trouble(
            CodeProblem.REMOTE_UNREACHABLE,
            f"the remote of bundle {self._bundle.name!r} cannot be asked: {summary(str(error))}",
        )

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self._git(*arguments)
        except GitError:
            return False
        return True

    def _git(
        self, *arguments: str, stdin: bytes | None = None, within: float = ANSWER_WITHIN, repository: Path | None = None
    ) -> bytes:
        """
        Run git in the repository, and return what it prints.

        :raises GitError: if it fails, or takes too long
        """
        where = repository or self._repository
        env = {
            **os.environ,
            **(self._bundle.hook.env if self._bundle.hook else {}),
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        # Whatever git starts for the transport belongs to its group, so that all of it can be ended.
        process = subprocess.Popen(
            ["git", f"--git-dir={where}", *arguments],
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


def remove_abandoned() -> None:
    """Remove the folders of checks that were killed."""
    long_ago = time.time() - ABANDONED_AFTER
    for folder in own_folder().glob("git-*"):
        try:
            if folder.stat().st_mtime < long_ago:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            continue
