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
Which unit tests run on PostgreSQL.

As a plugin of pytest it leaves those out: ``make test`` runs each unit test once, on PostgreSQL if the database can
make a difference, and ``make unit`` runs all of them on SQLite.
"""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).parents[1] / "unit"
FIXTURE = "airflow_database"
"""Tests that need it use the database."""

FOLDERS = (("domain", "api"), ("enforcement",))
"""Those with tests of what reads and writes the database: a process for each tuple, the longest first."""
OF_SQLITE = (
    "tests/unit/enforcement/versions/test_selection.py::TestCost::test_pins_are_probed_by_their_primary_key",
    "tests/unit/domain/versions/test_identity.py::test_locking_a_dag_keeps_other_writers_out",
    "tests/unit/domain/changes/test_transactions.py::TestBesideOtherWriters",
    "tests/unit/api/test_error_form.py::TestDatabase::test_that_does_not_take_the_note_in_the_audit_log_is_told_so",
)
"""They show how SQLite does it; the tests in ``tests/integration`` show the same of PostgreSQL."""
PROPERTIES = (
    "tests/unit/enforcement/canaries/test_slots_properties.py",
    "tests/unit/enforcement/dag_processor/test_shared_assets_properties.py",
    "tests/unit/enforcement/test_guarantees.py",
)
"""
They try many courses of events, which takes long; SQLite is enough for that. The single courses in ``test_slots.py``
and ``test_shared_assets.py`` show that the statements do the same on PostgreSQL.
"""


def runs_on_postgres(item) -> bool:
    """Return whether the tests on PostgreSQL run a test."""
    folders = [UNIT / name for group in FOLDERS for name in group]
    return (
        FIXTURE in item.fixturenames
        and any(folder in item.path.parents for folder in folders)
        and not item.nodeid.startswith((*OF_SQLITE, *PROPERTIES))
    )


def pytest_collection_modifyitems(config, items) -> None:
    """Leave out what runs on PostgreSQL."""
    left_out = [item for item in items if runs_on_postgres(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not runs_on_postgres(item)]
