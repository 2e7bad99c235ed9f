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
"""A git repository of Dags, served as a versioned bundle."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
}


class Repository:
    """
    A repository with one branch, ``main``.

    :param path: where it is made
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """Run git in the repository, and return what it prints."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**IDENTITY, "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, path: str, content: str | bytes | None) -> None:
        """Write a file of any name, to be committed; ``None`` removes it."""
        file = self.path / path
        if content is None:
            file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, **sources: str) -> str:
        """Write files (double underscores become slashes, ``.py`` is added) and commit; return the commit."""
        for name, source in sources.items():
            file = self.path / f"{name.replace('__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        return self.commit_all()

    def commit_zip(self, archive: str, **sources: str) -> str:
        """Commit a zip archive of files; return the commit."""
        with zipfile.ZipFile(self.path / archive, "w") as zipped:
            for name, source in sources.items():
                zipped.writestr(f"{name}.py", source)
        return self.commit_all()

    def commit_all(self, message: str = "a change") -> str:
        """Commit what was written; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def configuration(self, name: str, **options: str) -> dict[str, str]:
        """Return the environment that configures the repository as the only bundle."""
        bundle = {
            "name": name,
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {"tracking_ref": "main", "repo_url": str(self.path), **options},
        }
        return {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle])}
