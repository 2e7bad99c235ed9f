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
Run every test in several processes at a time, those first that take longest.

System and end-to-end tests mostly wait for real processes and unit tests mostly compute, so that two cores are well
used by three processes. What fails is shown in full, what passes in a line. The names of folders and files that are
given apart from the rest of their folder stand here; whatever is new in a folder runs with its rest.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.test_unit_tests import FOLDERS

ROOT = Path(__file__).parents[1]
AT_A_TIME = 3


def split(rest: str, *parts: tuple[str, ...]) -> list[list[str]]:
    """
    Return the arguments of pytest for parts of a folder and for its rest.

    :param rest: the folder
    :param parts: files or folders below it
    """
    apart = [[f"{rest}/{name}" for name in part] for part in parts]
    return [*apart, [rest, *(f"--ignore={path}" for part in apart for path in part)]]


ON_POSTGRES = "tests/integration/test_unit_tests.py"
SYSTEM = split(
    "tests/system",
    ("test_cli.py", "test_demo.py", "test_enforcement.py"),
    ("test_as_fab_user.py", "test_announcements.py", "test_every_path.py", "test_gaps.py", "test_overtaken_parse.py"),
)
UNIT = split("tests/unit", ("enforcement",), ("api", "domain"))
JOBS = [
    *SYSTEM,
    *([f"{ON_POSTGRES}::test_unit_tests_pass_on_postgres[{folder}]"] for folder in FOLDERS),
    *UNIT,
    ["tests/e2e"],
    ["tests/integration", f"--ignore={ON_POSTGRES}"],
]
"""Arguments of pytest, in the order in which they are begun."""


class Jobs:
    """The processes of pytest."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._ended = False

    def run(self, arguments: list[str]) -> bool:
        """Run one and tell how it went; return whether it passed."""
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as output:
            with self._lock:
                if self._ended:
                    return False
                process = subprocess.Popen(
                    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
                self._running.add(process)
            passed = process.wait() == 0
            with self._lock:
                self._running.remove(process)
            output.seek(0)
            lines = output.read().splitlines()
            # In one piece, as others tell theirs at the same time.
            told = "\n".join([] if passed else lines)
            last = lines[-1] if lines else "no output"
            took = f"{(time.monotonic() - began) / 60:4.1f} min"
            print(f"{told}\n{took}  {' '.join(arguments)}: {last}".strip("\n"), flush=True)
        return passed

    def end(self, *_: object) -> None:
        """End those that run, each of which ends what it has started, and begin none."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()


def main() -> int:
    """Run them all and return the exit code."""
    jobs = Jobs()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, jobs.end)
    began = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        passed = list(pool.map(jobs.run, JOBS))
    print(f"{passed.count(True)} of {len(JOBS)} parts passed in {(time.monotonic() - began) / 60:.1f} min")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
