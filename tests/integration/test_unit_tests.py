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

ROOT = Path(__file__).parents[2]

FOLDERS = (("domain", "api"), ("enforcement",))
"""Those with tests of what reads and writes the database: a process for each tuple, the longest first."""
OF_SQLITE = (
    "tests/unit/enforcement/versions/test_selection.py::TestCost::test_pins_are_probed_by_their_primary_key",
    "tests/unit/domain/versions/test_identity.py::test_locking_a_dag_keeps_other_writers_out",
    "tests/unit/domain/changes/test_transactions.py::TestBesideOtherWriters",
    "tests/unit/api/test_error_form.py::TestDatabase::test_that_does_not_take_the_note_in_the_audit_log_is_told_so",
)
"""They show how SQLite does it; the other tests in this folder show the same of PostgreSQL."""
PROPERTIES = (
    "tests/unit/enforcement/canaries/test_slots_properties.py",
    "tests/unit/enforcement/dag_processor/test_shared_assets_properties.py",
    "tests/unit/enforcement/test_guarantees.py",
)
"""
They try many courses of events, which takes long; SQLite is enough for that. The single courses in ``test_slots.py``
and ``test_shared_assets.py`` show that the statements do the same on PostgreSQL.
"""
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
    deselected = [f"--deselect={test}" for test in (*OF_SQLITE, *PROPERTIES)]
    environment = {**os.environ, "PINNING_TEST_DATABASE": server.create_database(f"unit_{'_'.join(folders)}")}
    # What it writes is there also if somebody ends this process.
    with capfd.disabled():
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *deselected, *(f"tests/unit/{folder}" for folder in folders)],
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
