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
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOLDERS = ("enforcement", "domain", "api")
"""Those with tests of what reads and writes the database; the longest first."""
OF_SQLITE = (
    "tests/unit/api/test_fab.py",
    "tests/unit/enforcement/test_version_selection.py::TestCost::test_pins_are_probed_by_their_primary_key",
    "tests/unit/domain/versions/test_identity.py::test_locking_a_dag_keeps_other_writers_out",
    "tests/unit/domain/changes/test_transactions.py::TestBesideOtherWriters",
    "tests/unit/api/test_error_form.py::TestDatabase::test_that_does_not_take_the_note_in_the_audit_log_is_told_so",
)
"""
They show how SQLite does it; the other tests in this folder show the same of PostgreSQL. Those of FAB have a database
of their own.
"""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("folder", FOLDERS)
def test_unit_tests_pass_on_postgres(server, folder):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(f"--deselect={test}" for test in OF_SQLITE),
            f"tests/unit/{folder}",
        ],
        cwd=ROOT,
        env={**os.environ, "PINNING_TEST_DATABASE": server.create_database(f"unit_{folder}")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
