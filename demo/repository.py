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
"""A local git repository that a Dag bundle follows."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path

GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.invalid",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.invalid",
}
"""Shields git from the user's own settings, such as signed commits."""

BRANCH = "main"


class DagRepository:
    """
    A git repository with one branch, which starts with an empty commit.

    :param path: where it is created
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet")
        self.git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Begin")

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """
        Write files and commit them.

        :param files: paths in the repository and their contents, which are dedented; ``None`` deletes a file
        :param message: message of the commit
        :return: the commit's full hash
        """
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(textwrap.dedent(content).lstrip("\n"))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        """Full hash of the newest commit."""
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """
        Run git in the repository and return what it prints.

        :raises RuntimeError: with git's own message, if it fails
        """
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **GIT_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()
