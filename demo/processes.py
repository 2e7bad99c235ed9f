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
"""Processes in sessions of their own, so that everything they start can be ended with them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil


class Component:
    """
    One long-running process, its log file, and everything that it starts.

    :param name: what it is called in messages and in the name of its log file
    :param command: program and arguments
    :param env: its whole environment
    :param log_path: file that its output is appended to
    """

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log_path: Path) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env)
        self.log_path = log_path
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        """Process id, which is the id of its session too."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the process; Ctrl-C in the terminal does not reach it."""
        with self.log_path.open("ab") as log, _no_interruption():
            self._process = subprocess.Popen(
                self.command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """Exit code of a process that ended, ``None`` while it runs."""
        return self._process.poll() if self._process else None

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return tail(self.log_path, lines)

    def signal(self, signum: int) -> None:
        """Send a signal to every process group of the session."""
        _signal_groups(_members({self.pid}), signum)


def end(components: Iterable[Component], *, grace: float = 10.0) -> None:
    """
    End components and everything that they started: SIGTERM to each process group, and SIGKILL to what is left.

    :param components: those to end; one that never started is passed over
    :param grace: seconds between the two signals
    """
    started = [component for component in components if component._process is not None]
    sessions = {component.pid for component in started}
    # Processes that left the session, such as those of BashOperator, are found through their parents only.
    members = _members(sessions)
    _signal_groups(members, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(component.exit_code is None for component in started):
        time.sleep(0.05)
    _signal_groups(_alive(members) | _members(sessions), signal.SIGKILL)
    for component in started:
        if component._process is not None:
            component._process.wait()
    while _alive(members) | _members(sessions):
        time.sleep(0.05)


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a file, or an empty string if there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def _no_interruption() -> Iterator[None]:
    """
    Hold back what signal handlers would raise until the block is left.

    Between the birth of a child and the assignment of it, an exception would leave a child that nobody knows.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    raising = {signum: handler for signum, handler in handlers.items() if callable(handler)}
    for signum in raising:
        signal.signal(signum, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        for signum, handler in raising.items():
            signal.signal(signum, handler)
        for number in caught:
            signal.raise_signal(number)


def _members(sessions: set[int]) -> set[psutil.Process]:
    members = set()
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) in sessions:
                members.update([process, *process.children(recursive=True)])
    return _alive(members)


def _alive(processes: set[psutil.Process]) -> set[psutil.Process]:
    alive = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.add(process)
    return alive


def _signal_groups(processes: set[psutil.Process], signum: int) -> None:
    groups = set()
    for process in processes:
        with contextlib.suppress(OSError):
            groups.add(os.getpgid(process.pid))
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signum)
