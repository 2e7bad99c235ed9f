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
"""A commit that arrives while a file is being parsed is registered only with what was read from it."""

from __future__ import annotations

import json

import pytest

from tests.system.shared import STALE_PARSE

TASKS = {"A": ("extract",), "B": ("extract", "load")}

SOURCE = """
import time
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with Path({marks!r}).open("a") as marks:
    marks.write("{dag_id} {letter}\\n")
time.sleep(5)
with DAG({dag_id!r}, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    for task_id in {task_ids}:
        EmptyOperator(task_id=task_id)
"""


@pytest.fixture
def push(deployment, tmp_path):
    """Return a function that commits both Dag files, and one that tells how often they began to be parsed."""
    marks = tmp_path / "marks"

    def commit(letter):
        sources = {
            f"{dag_id}.py": SOURCE.format(marks=str(marks), dag_id=dag_id, letter=letter, task_ids=TASKS[letter])
            for dag_id in ("orders", "invoices")
        }
        return deployment.repositories[STALE_PARSE].commit(sources, f"Commit {letter}")

    def parses(dag_id):
        return marks.read_text().split().count(dag_id) if marks.exists() else 0

    return commit, parses


def registered(deployment, dag_id):
    """Return commit and tasks of each version, in order."""
    rows = deployment.database.rows(
        "SELECT v.bundle_version, s.data FROM dag_version v JOIN serialized_dag s ON s.dag_version_id = v.id "
        "WHERE v.dag_id = :dag_id ORDER BY v.version_number",
        dag_id=dag_id,
    )
    return [(row["bundle_version"], task_ids(row["data"])) for row in rows]


def task_ids(data):
    data = json.loads(data) if isinstance(data, str) else data
    return tuple(task["__var"]["task_id"] for task in data["dag"]["tasks"])


def test_is_registered_only_with_what_was_read_from_it(deployment, push):
    commit, parses = push
    first = commit("A")
    versions_of = {"orders": [(first, TASKS["A"])], "invoices": [(first, TASKS["A"])]}

    def all_registered():
        return {dag_id: registered(deployment, dag_id) for dag_id in versions_of} == versions_of

    deployment.wait_until(all_registered, what="the first version of both Dags is registered")
    deployment.pinning.put("/dags/orders/pin", {"version_number": 1, "reason": "stable"})
    before = {dag_id: parses(dag_id) for dag_id in versions_of}
    deployment.wait_until(
        lambda: all(parses(dag_id) > before[dag_id] for dag_id in versions_of),
        what="both files are being parsed again",
    )
    second = commit("B")
    seen = set()

    def second_is_registered():
        now = {dag_id: registered(deployment, dag_id) for dag_id in versions_of}
        seen.update(version for versions in now.values() for version in versions)
        return all(versions[-1] == (second, TASKS["B"]) for versions in now.values())

    deployment.wait_until(second_is_registered, what="the second version of both Dags is registered")
    assert seen == {(first, TASKS["A"]), (second, TASKS["B"])}
    # Version 1 of the pinned Dag is kept; that of the other was never run, so Airflow writes over it.
    assert registered(deployment, "orders") == [(first, TASKS["A"]), (second, TASKS["B"])]
    assert registered(deployment, "invoices") == [(second, TASKS["B"])]
    log = (deployment.home / "output" / "dag-processor.log").read_text()
    assert "was being parsed; parsing it again" in log
