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
used by three processes. What fails is shown in full, what passes in a line; what each part wrote, with its slowest
tests, stays in ``build/test-times``. The names of folders and files that are given apart from the rest of their folder
stand here; whatever is new in a folder runs with its rest.

A part that hangs is ended, shows where it hung, and counts as failed.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.integration.test_unit_tests import SHOW_SLOWEST
from tests.support.on_postgres import FOLDERS

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "build" / "test-times"
AT_A_TIME = 3
LIMIT = 45 * 60.0
"""Seconds for a part; the longest takes half of it on two cores that do nothing else."""
LIMIT_OF_ALL = 70 * 60.0
"""Seconds for all parts; CI ends what takes 90 minutes, and shows nothing of it."""
LIMIT_OF_COMPAT = 30 * 60.0
"""Seconds for all parts on the other release."""
GRACE = 120.0
"""Seconds that a part has to end what it started."""


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
    ("test_demo.py",),
    ("test_cli.py", "test_enforcement.py"),
    (
        "test_as_fab_user.py",
        "test_announcements.py",
        "test_every_path.py",
        "test_gaps.py",
        "test_repair.py",
        "test_stale_parse.py",
    ),
)
NOT_ON_POSTGRES = ["tests/unit", "-ptests.support.on_postgres"]
"""The unit tests that those on PostgreSQL leave out, so that each runs once."""
JOBS = [
    SYSTEM[0],
    *reversed(SYSTEM[1:]),
    ["tests/e2e"],
    *([f"{ON_POSTGRES}::test_unit_tests_pass_on_postgres[{'+'.join(folders)}]"] for folders in FOLDERS),
    NOT_ON_POSTGRES,
    ["tests/integration", f"--ignore={ON_POSTGRES}"],
]
"""Arguments of pytest, in the order in which they are begun."""
COMPAT = [
    ["tests/unit/enforcement"],
    ["tests/system/test_every_path.py"],
    [
        "tests/unit/api",
        "tests/unit/domain/resolution",
        "tests/unit/operators",
        "tests/unit/patch_points",
        "tests/unit/sensors",
    ],
    ["tests/integration/test_racing_by_commit.py"],
]
"""What runs on the other release of Airflow that is supported, on SQLite: what depends on Airflow's own code."""


COMPILED = ("airflow_providers_pinning", "benchmarks", "demo", "scripts", "tests/support")
"""What the processes import that no installer has compiled."""


class Jobs:
    """
    The processes of pytest.

    :param output: folder for what they write
    :param limit: seconds for each
    :param limit_of_all: seconds for all of them, from now on
    """

    def __init__(self, output: Path = OUTPUT, limit: float = LIMIT, limit_of_all: float = LIMIT_OF_ALL) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self._output = output
        self._limit = limit
        self._deadline = time.monotonic() + limit_of_all
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._ended = False

    def run(self, arguments: Sequence[str]) -> bool:
        """Run one and tell how it went; return whether it passed."""
        began = time.monotonic()
        path = self._output / f"{re.sub(r'[^A-Za-z0-9]+', '-', arguments[0]).strip('-')}.log"
        limit = min(self._limit, self._deadline - began)
        with path.open("w") as output, self._lock:
            if self._ended:
                return False
            if limit <= 0:
                print(f"not begun, as the time is over  {' '.join(arguments)}", flush=True)
                return False
            options = ["-q", "-p", "no:cacheprovider", *SHOW_SLOWEST]
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            self._running.add(process.pid)
        overdue = threading.Event()
        timer = threading.Timer(limit, self._end_overdue, (process.pid, overdue))
        timer.start()
        # The process stays a zombie, whose id is nobody else's, until nothing here can signal it any more.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        timer.cancel()
        with self._lock:
            self._running.remove(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        passed = process.returncode == 0 and not overdue.is_set()
        lines = path.read_text(errors="replace").splitlines()
        # In one piece, as others tell theirs at the same time.
        told = "\n".join([] if passed else lines)
        took = f"{(time.monotonic() - began) / 60:4.1f} min, {(usage.ru_utime + usage.ru_stime) / 60:4.1f} of CPU"
        last = f"ended after {limit / 60:.1f} min" if overdue.is_set() else lines[-1] if lines else "no output"
        print(f"{told}\n{took}  {' '.join(arguments)}: {last}".strip("\n"), flush=True)
        return passed

    def end(self, *_: object) -> None:
        """End those that run, each of which ends what it has started, and begin none."""
        with self._lock:
            self._ended = True
            for pid in self._running:
                os.kill(pid, signal.SIGTERM)

    def _end_overdue(self, pid: int, overdue: threading.Event) -> None:
        """Let a process show where it is and end what it started, and kill what is left of both."""
        with self._lock:
            if pid not in self._running:
                return
            overdue.set()
            process = psutil.Process(pid)
            family = [*process.children(recursive=True), process]
            os.kill(pid, signal.SIGUSR1)
            # Both at once would let the second one change what the first one shows.
            time.sleep(1)
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and pid in self._running:
            time.sleep(0.2)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def compile_once(*folders: Path) -> None:
    """
    Compile the modules of folders, also where Python is told to write no bytecode.

    Each of some hundred processes would compile them again there, and most of them import several hundred.
    """
    for folder in folders:
        compileall.compile_dir(folder, quiet=2, rx=re.compile("node_modules"))


def main() -> int:
    """Run them all and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compat", action="store_true", help="only what runs on the other supported Airflow too")
    compat = parser.parse_args().compat
    chosen = COMPAT if compat else JOBS
    jobs = Jobs(OUTPUT / "compat", limit_of_all=LIMIT_OF_COMPAT) if compat else Jobs()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, jobs.end)
    began = time.monotonic()
    compile_once(*(ROOT / name for name in COMPILED))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        passed = list(pool.map(jobs.run, chosen))
    print(f"{passed.count(True)} of {len(chosen)} parts passed in {(time.monotonic() - began) / 60:.1f} min")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
