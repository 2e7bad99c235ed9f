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
"""A rollback stops and reruns the runs that a bad version left behind, with a real scheduler and real workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.shared import REPAIR

pytestmark = pytest.mark.system

DAG = """
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task

with DAG("payments", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs=3):

    @task
    def book():
        import time

        run = get_current_context()["dag_run"]
        with open({seen!r}, "a") as seen:
            seen.write(f"{version} {{run.run_id}}\\n")
        if {version!r} == "bad" and run.conf["does"] == "fail":
            raise ValueError("booked twice")
        while {version!r} == "bad" and run.conf["does"] == "hang":
            time.sleep(0.2)

    book()
"""
REQUEST = {
    "reason": "booked twice",
    "idempotency_key": "INC-4711",
    "repair": {"unfinished": "cancel", "finished": "rerun"},
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Path:
    """Return the file in which each task notes which code it ran for which run."""
    return tmp_path_factory.mktemp("repair") / "seen"


@pytest.fixture(scope="module")
def airflow(deployment, seen):
    """Pin the good version, then the bad one."""
    repository = deployment.repositories[REPAIR]
    for number, version in enumerate(("good", "bad"), start=1):
        repository.commit({"payments.py": DAG.format(version=version, seen=str(seen))})
        deployment.wait_until(
            lambda number=number: len(deployment.database.versions("payments")) == number, what="it is registered"
        )
        deployment.pinning.put("/dags/payments/pin", {"version_number": number, "reason": "released"})
    deployment.airflow.patch("/dags/payments", {"is_paused": False})
    return deployment


def lines(seen, run_id):
    noted = [line.split() for line in seen.read_text().splitlines()] if seen.exists() else []
    return [version for version, of_run in noted if of_run == run_id]


def trigger(airflow, does):
    return airflow.airflow.post("/dags/payments/dagRuns", {"logical_date": None, "conf": {"does": does}})["dag_run_id"]


def states(airflow):
    return {run.run_id: run.state for run in airflow.database.runs("payments")}


def test_runs_of_a_bad_version_end_on_the_good_one(airflow, seen):
    good, failed, hanging = (trigger(airflow, does) for does in ("well", "fail", "hang"))
    airflow.wait_until(
        lambda: [states(airflow)[run_id] for run_id in (good, failed)] == ["success", "failed"], what="two runs ended"
    )
    airflow.wait_until(lambda: lines(seen, hanging), what="a run hangs")
    before = {run_id: lines(seen, run_id) for run_id in (good, failed, hanging)}
    assert before == {good: ["bad"], failed: ["bad"], hanging: ["bad"]}

    [told] = airflow.pinning.get("/dags/payments/failures")["failures"]
    assert (told["run_id"], told["problem"]) == (failed, None)
    assert "ValueError: booked twice" in [line["text"] for line in told["lines"]]

    plan = airflow.pinning.post("/dags/payments/rollback", {**REQUEST, "dry_run": True})["repair"]
    assert plan["by_state"] == {"success": 1, "failed": 1, "running": 1}
    assert lines(seen, good) == ["bad"]
    state = airflow.pinning.post("/dags/payments/rollback", REQUEST)
    while state["repair"]["pending"]:
        state = airflow.pinning.post("/dags/payments/rollback", REQUEST)

    assert state["active"]["version_number"] == 1
    assert state["repair"]["canceled"] == [hanging]
    assert sorted(state["repair"]["rerun"]) == sorted([good, failed])
    airflow.wait_until(
        lambda: [states(airflow)[run_id] for run_id in (good, failed, hanging)] == ["success", "success", "failed"],
        what="the runs are repaired",
    )
    assert [lines(seen, run_id) for run_id in (good, failed)] == [["bad", "good"]] * 2
    assert {run.version_number for run in airflow.database.runs("payments") if run.run_id != hanging} == {1}


def test_a_run_that_was_stopped_is_rerun_on_the_good_version_by_hand(airflow, seen):
    """Its task may take some seconds to stop, so the rollback leaves it failed."""
    [hanging] = [run_id for run_id, state in states(airflow).items() if state == "failed"]

    airflow.airflow.post(f"/dags/payments/dagRuns/{hanging}/clear", {"dry_run": False, "run_on_latest_version": True})

    airflow.wait_until(lambda: states(airflow)[hanging] == "success", what="it ran again")
    assert lines(seen, hanging)[-1] == "good"
