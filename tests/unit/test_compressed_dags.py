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
"""Dags that are stored compressed, which Airflow decides when it is imported."""

from __future__ import annotations

from tests.support.python import answer_of, run

SHOWN_BY = (
    "tests/unit/enforcement/test_run_creation.py::TestEveryWayToCreateARun::test_uses_the_pinned_version_and_its_code",
    "tests/unit/enforcement/test_version_immutability.py::TestManagedVersion",
    "tests/unit/enforcement/test_version_immutability.py::TestDeadlines",
    "tests/unit/enforcement/test_dag_metadata.py::TestPinnedDag",
    "tests/unit/enforcement/test_file_removal.py::TestFileRemovedAtHead",
    "tests/unit/domain/test_identity.py",
    "tests/unit/domain/test_rollback.py::TestOfAPinnedDag",
    "tests/unit/domain/test_pins.py::TestEvent",
    "tests/unit/api/test_version_routes.py::TestVersions",
)


COMPRESSED = {"AIRFLOW__CORE__COMPRESS_SERIALIZED_DAGS": "True"}


def test_the_option_is_one_that_airflow_heeds():
    source = "from airflow.models import serialized_dag\nanswer = serialized_dag._COMPRESS_SERIALIZED_DAGS"

    assert answer_of(source, **COMPRESSED) is True


def test_pins_hold_for_dags_that_are_stored_compressed():
    done = run(
        "-m",
        "pytest",
        "--quiet",
        "-p",
        "no:cacheprovider",
        *SHOWN_BY,
        timeout=300,
        **COMPRESSED,
    )

    assert done.returncode == 0, done.stdout[-5000:]
