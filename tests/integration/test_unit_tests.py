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
"""What holds on SQLite holds on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.on_postgres import FOLDERS

ROOT = Path(__file__).parents[2]

SHOW_SLOWEST = ("--durations=10", "--durations-min=1")
TIMEOUT = 2400.0
"""Seconds for a process, which ends before the part of ``make test`` that it is."""


@pytest.fixture
def no_deadlock():
    """Airflow does not have to be there for it in this process, whose tests run in another one."""


@pytest.mark.timeout(TIMEOUT + 300)
@pytest.mark.parametrize("folders", FOLDERS, ids="+".join)
def test_unit_tests_pass_on_postgres(server, folders, capfd):
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.support.with_database", *SHOW_SLOWEST]
    environment = {**os.environ, "PINNING_TEST_DATABASE": server.create_database(f"unit_{'_'.join(folders)}")}
    # What it writes is there also if somebody ends this process.
    with capfd.disabled():
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *(f"tests/unit/{folder}" for folder in folders)],
            cwd=ROOT,
            env=environment,
        )
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            code = f"ended after {TIMEOUT:g} seconds"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()
    assert code == 0, "see what was written above"
