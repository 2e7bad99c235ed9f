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
from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT = 1700
STEPS = [
    "Start Airflow",
    "Version 1 runs on its schedule",
    "Pin version 1",
    "Commit a change of the helper alone",
    "Put version 2 under evaluation",
    "Commit another structure, schedule and limit",
    "Commit a syntax error",
    "Commit the deletion of the Dag file",
    "Restore the file",
    "Pin version 3",
    "Roll back",
    "Pin version 2 from an exact second on",
    "Unpin",
    "Look back",
    "Deploy example_promote_dag_version",
    "Commit version 2",
    "The promotion asks",
    "The window is open",
    "Commit version 3",
    "Commit version 4",
    "Live runs of version 4 fail",
    "Look back on the promotions",
    "Deploy Dag loads",
    "A canary run and a replay of version 2",
    "Deploy five Dags that share a module",
    "Release the commit that changes the module",
    "Roll the release back",
]


class Demo:
    """``python -m demo`` as a user runs it, who reads along."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.output = ""

    def read_until(self, text: str) -> None:
        """Read until a line contains a text."""
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        raise AssertionError(f"The demo ended without saying {text!r}:\n{self.output}")

    def interrupt(self) -> int:
        """Press Ctrl-C, wait for the end and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        self.output += self.process.stdout.read()
        return self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """List the processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)


def runs(process):
    """Return whether it still does anything: without an init process the ended ones remain as zombies."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def demo(*options: str) -> Iterator[Demo]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "demo", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    # SIGTERM and not SIGKILL, after which nobody would end what the demo has started.
    watchdog = threading.Timer(TIMEOUT, process.terminate)
    watchdog.start()
    try:
        yield Demo(process)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def told():
    """Tell the whole story and leave Airflow running."""
    with demo("--keep") as running:
        running.read_until("Press Ctrl-C to end it.")
        yield running


def test_every_step_passes_its_checks(told):
    assert "✗" not in told.output
    assert "Every check passed." in told.output
    assert [title for title in STEPS if not re.search(rf"s +\d+\. {title}", told.output)] == []


def test_the_kept_airflow_lets_its_user_in(told):
    url, user, password = re.search(r"runs at (\S+) , user (\S+), password (\S+)", told.output).groups()
    answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password}, trust_env=False)
    assert answer.status_code == 201
    assert httpx.get(url, trust_env=False, follow_redirects=True).status_code == 200


def test_the_kept_airflow_can_be_tried_on_the_command_line(told):
    script, command = re.search(r"^  \. (\S+)\n  (.* pinning status shipments)$", told.output, re.MULTILINE).groups()
    shown = subprocess.run(["bash", "-c", f". {script} && {command}"], capture_output=True, text=True, check=True)
    assert "shipments" in shown.stdout
    assert f"AIRFLOW_HOME is {Path(script).parent} ." in told.output


def test_ctrl_c_ends_the_kept_airflow_and_leaves_nothing(told):
    started = told.processes()
    assert len(started) >= 4
    assert told.interrupt() == 0
    assert [process for process in started if runs(process)] == []


def test_ctrl_c_in_the_middle_leaves_nothing():
    with demo() as running:
        running.read_until("Starting airflow triggerer")
        started = running.processes()
        home = Path(min(started, key=psutil.Process.create_time).environ()["AIRFLOW_HOME"])
        assert home.exists()
        assert running.interrupt() == 130
    assert [process for process in started if runs(process)] == []
    # A process that nobody has ended would make its home anew.
    time.sleep(5)
    assert not home.exists()
