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
Check the remote of a git bundle without touching the bundle's own folders.

``GitDagBundle`` deletes its clone if it cannot reach its remote during initialization, and can then no longer refresh
its Dags. And a commit on one host says nothing about others: a worker only gets what a branch or tag of the remote
contains. So branches and tags are fetched into a separate repository, which borrows the objects of the bundle's
clone: usually only names are transferred.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
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
from airflow_providers_pinning.domain.versions.code_availability.git_repository import GitError, GitRepository
from airflow_providers_pinning.domain.versions.code_availability.local import is_local_message, local_trouble, summary
from airflow_providers_pinning.vocabulary import MAX_REF

if TYPE_CHECKING:
    from airflow.providers.git.bundles.git import GitDagBundle

log = logging.getLogger(__name__)

ANSWER_WITHIN = 60.0
"""Timeout for listing branches and tags of a remote, in seconds."""
FETCHED_WITHIN = 200.0
"""Timeout for fetching what the bundle's clone lacks, in seconds."""
ABANDONED_AFTER = 3600.0
"""Age in seconds at which a folder must belong to a check that was killed."""
ROOM = 1 << 16
"""Required free space in bytes."""


class GitRemote:
    """
    The branches and tags of a bundle's remote, in a temporary repository that exists while this context is entered.

    :param bundle: the bundle, which is not initialized
    """

    def __init__(self, bundle: GitDagBundle) -> None:
        self._bundle = bundle
        self._repository: GitRepository | None = None
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
        """Find where a commit is, and which of the Dag files it contains."""
        if self._repository is None:
            return Finding(trouble=self._trouble)
        try:
            return self._find(self._repository, commit, filelocs)
        except (OSError, GitError) as error:
            # The remote was already queried.
            return Finding(trouble=local_trouble(self._bundle.name, error))

    def _find(self, repository: GitRepository, commit: str, filelocs: Collection[str | None]) -> Finding:
        is_here = repository.succeeds("cat-file", "-e", f"{commit}^{{commit}}")
        place = self._bundle.versions_dir / commit
        if not is_here and not self._is_checkout(place, commit):
            return Finding(trouble=self._trouble or self._gone(commit))
        present = self._present(repository, commit, filelocs) if is_here else self._present_in(place, filelocs)
        files = {
            fileloc: Trouble(
                CodeProblem.FILE_MISSING, f"{fileloc!r} is not in bundle {self._bundle.name!r} at {commit}"
            )
            for fileloc in filelocs
            if fileloc not in present
        }
        if self._trouble is None and is_here and (ref := self._ref_with(repository, commit)):
            return Finding(CodeSource.REMOTE, ref[:MAX_REF], files=files)
        return Finding(CodeSource.CHECKOUT, trouble=self._trouble, files=files, remark=self._only_here(commit))

    def _ask(self) -> None:
        """Fetch the branches and tags of the remote, with their commits."""
        try:
            repository = self._make_repository(borrowing=True)
        except GitError as error:
            self._remove_repository()
            self._trouble = local_trouble(self._bundle.name, error)
            return
        hook = self._bundle.hook
        with hook.configure_hook_env() if hook else nullcontext():
            try:
                repository.run("ls-remote", "--quiet", str(self._bundle.repo_url), within=ANSWER_WITHIN)
            except GitError as error:
                self._trouble = self._unreachable(error)
                return
            try:
                self._fetch(repository)
            except GitError as error:
                # The clone may be broken, or removed meanwhile: continue without it.
                log.info("Fetching with the help of the bundle's clone failed: %s", error)
                try:
                    self._fetch(self._make_repository(borrowing=False))
                except GitError as again:
                    is_local = is_local_message(str(again))
                    self._trouble = local_trouble(self._bundle.name, again) if is_local else self._unreachable(again)

    def _make_repository(self, *, borrowing: bool) -> GitRepository:
        self._remove_repository()
        own_folder().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="git-", dir=own_folder()))
        self._repository = repository = self._at(folder)
        # On a full disk, git creates a repository of empty files, and only fails later.
        (folder / "room").write_bytes(bytes(ROOM))
        repository.run("init", "--quiet", "--bare", str(folder))
        objects = self._bundle.bare_repo_path / "objects"
        if borrowing and objects.is_dir():
            (folder / "objects" / "info" / "alternates").write_text(f"{objects.absolute()}\n")
        return repository

    def _at(self, folder: Path) -> GitRepository:
        return GitRepository(folder, self._bundle.hook.env if self._bundle.hook else {})

    def _remove_repository(self) -> None:
        if self._repository:
            shutil.rmtree(self._repository.folder, ignore_errors=True)
        self._repository = None

    def _fetch(self, repository: GitRepository) -> None:
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        options = ("--quiet", "--no-tags", "--no-auto-gc", "--recurse-submodules=no")
        repository.run("fetch", *options, str(self._bundle.repo_url), *refs, within=FETCHED_WITHIN)

    def _ref_with(self, repository: GitRepository, commit: str) -> str | None:
        """Find a branch or tag that contains a commit: the tracked branch, else a tag, because tags do not move."""
        for pattern in (f"refs/heads/{self._bundle.tracking_ref}", "refs/tags", "refs/heads"):
            found = repository.run("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}", pattern)
            if found:
                return found.decode(errors="replace").strip()
        return None

    def _is_checkout(self, place: Path, commit: str) -> bool:
        """Return whether there is a checkout that tasks would use, whatever the state of the bundle's clone."""
        if not place.is_dir() or not (place / ".git").exists():
            return place.is_dir()
        try:
            return self._at(place / ".git").run("rev-parse", "HEAD").decode().strip() == commit
        except GitError:
            return False

    def _present_in(self, place: Path, filelocs: Collection[str | None]) -> set[str | None]:
        root = place / self._bundle.subdir if self._bundle.subdir else place
        return {fileloc for fileloc in filelocs if exists(root, fileloc or "")}

    def _present(self, repository: GitRepository, commit: str, filelocs: Collection[str | None]) -> set[str | None]:
        """Return the Dag files that a checkout of the commit contains, as files or inside zip archives."""
        paths = {fileloc: PurePosixPath(self._bundle.subdir or "", fileloc or "") for fileloc in filelocs}
        paths = {fileloc: path for fileloc, path in paths.items() if self._is_checked_out(path)}
        kinds = repository.types_of(commit, list(paths.values()))
        return {
            fileloc
            for fileloc, path in paths.items()
            if kinds.get(path) in ("blob", "tree") or self._is_inside(repository, commit, path)
        }

    def _is_inside(self, repository: GitRepository, commit: str, path: PurePosixPath) -> bool:
        """Return whether a path is inside a zip archive, or may be inside a submodule."""
        for parent in list(path.parents)[:-1]:
            if (kind := repository.type_of(commit, parent)) == "commit":
                # Only a checkout shows the content of a submodule.
                return bool(self._bundle.submodules)
            if kind == "blob":
                return repository.has_member(commit, parent, path)
        return False

    def _is_checked_out(self, path: PurePosixPath) -> bool:
        """Return whether a sparse checkout includes a file: in the named folders, or directly in a parent of these."""
        if not self._bundle.sparse_dirs:
            return True
        wanted = [PurePosixPath(folder.strip("/")) for folder in self._bundle.sparse_dirs]
        folder = path.parent
        return any(folder == one or one in folder.parents or folder in one.parents for one in wanted)

    def _gone(self, commit: str) -> Trouble:
        return Trouble(
            CodeProblem.COMMIT_GONE,
            f"bundle {self._bundle.name!r} at {commit}: no branch or tag of the remote contains this commit",
        )

    def _only_here(self, commit: str) -> str:
        return (
            f"bundle {self._bundle.name!r} at {commit}: no branch or tag of the remote contains this commit; only "
            "hosts that already have it can run it"
        )

    def _unreachable(self, error: Exception) -> Trouble:
        return Trouble(
            CodeProblem.REMOTE_UNREACHABLE,
            f"the remote of bundle {self._bundle.name!r} is not reachable: {summary(str(error))}",
        )


def remove_abandoned() -> None:
    """Remove the folders of checks that were killed."""
    long_ago = time.time() - ABANDONED_AFTER
    for folder in own_folder().glob("git-*"):
        try:
            if folder.stat().st_mtime < long_ago:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            continue
