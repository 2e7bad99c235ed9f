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
"""What else is under way while Airflow changes: a ramp, a pending change, policies, a freeze, a release and proofs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from demo.deployment import Deployment
from demo.rest import RestError

DAGS = ("ramped", "later", "frozen")
SOURCE = """
from airflow.sdk import DAG, task

for name in {dags}:
    with DAG(name, schedule=None):

        @task(task_id="say_{number}")
        def say():
            print("this is v{number}")

        say()
"""
TABLES = (
    "pinning_activation",
    "pinning_approval",
    "pinning_criteria",
    "pinning_event",
    "pinning_evidence",
    "pinning_freeze",
    "pinning_policy",
    "pinning_ramp",
    "pinning_release",
    "pinning_release_dag",
)
"""Those whose rows nothing but a change of somebody touches."""


def source(number: int) -> str:
    """Return the file of the Dags in a version."""
    return SOURCE.format(dags=DAGS, number=number)


def pin(airflow: Deployment) -> None:
    """Pin the first version of each Dag, without which Airflow would rewrite it, as it has no runs."""
    airflow.pinning.post("/releases", {"versions": dict.fromkeys(DAGS, 1), "reason": "stable"})


def begin(airflow: Deployment) -> None:
    """Write rows to each table, with two versions of each Dag."""
    pinning = airflow.pinning
    ramp = {"version_number": 2, "steps": [{"share": 0.5, "runs": 1000}], "reason": "slowly"}
    pinning.post("/dags/ramped/ramp", ramp)
    _pin_later(airflow, 2, "2100-01-01T00:00:00Z")
    pinning.put("/dags/frozen/criteria", {"criteria": {"min_runs": 2}, "reason": "twice"})
    pinning.post("/dags/frozen/versions/2/approvals", {"reason": "read it"})
    tests = {"name": "tests", "verdict": "successful", "reason": "CI"}
    pinning.post("/dags/frozen/versions/2/evidence", tests)
    match = {"dag_ids": ["frozen"]}
    policy = {"name": "tested", "match": match, "requires": {"approvals": 1}}
    pinning.put("/policies", {"document": {"policies": [policy]}, "reason": "four eyes"})
    pinning.post("/freezes", {"match": match, "reason": "audit"})


def rows(airflow: Deployment) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table, none of which may be empty."""
    found = {name: sorted(airflow.database.rows(f"SELECT * FROM {name}"), key=repr) for name in TABLES}
    assert [name for name in TABLES if not found[name]] == []
    return found


def assert_goes_on(airflow: Deployment, *, active: int, pending: int) -> None:
    """
    Assert that the ramp has its share, that the freeze holds, and that a pending change takes effect.

    :param active: the version of the Dag that has a pending change
    :param pending: what it is to have
    """
    number = f"{active}-to-{pending}"
    run_ids = [f"{number}-{count}" for count in range(4)]
    for run_id in run_ids:
        airflow.airflow.post("/dags/ramped/dagRuns", {"dag_run_id": run_id, "logical_date": None})
    runs = [run for run in airflow.database.runs("ramped") if run.run_id in run_ids]
    numbers = sorted(run.version_number for run in runs)
    assert numbers == [1, 1, 2, 2], numbers

    with pytest.raises(RestError) as refused:
        airflow.pinning.put("/dags/frozen/pin", {"version_number": 2, "reason": "ready"})
    assert refused.value.reason == "policy"

    assert _active(airflow) == active
    assert [one["dag_id"] for one in airflow.pinning.get("/pending")["pending"]] == ["later"]
    _pin_later(airflow, pending, (datetime.now(timezone.utc) + timedelta(seconds=5)).isoformat(), supersede=True)
    airflow.wait_until(lambda: _active(airflow) == pending, what=f"version {pending} takes effect")
    _pin_later(airflow, active, "2100-01-01T00:00:00Z")


def _active(airflow: Deployment) -> int:
    return airflow.pinning.get("/dags/later")["active"]["version_number"]


def _pin_later(airflow: Deployment, number: int, effective_from: str, **options: Any) -> None:
    asked = {"version_number": number, "effective_from": effective_from, "reason": "later", **options}
    airflow.pinning.put("/dags/later/pin", asked)
