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
"""What happens where the package is missing: pins are refused, and after its removal Airflow is stock again."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.commands import COMMANDS
from demo.deployment import Deployment
from tests.support.shell import Shell

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]

DAG = """
from datetime import datetime, timezone

from airflow.sdk import DAG, task

with DAG("orders", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    task(task_id="say")(lambda: print("this is {version}"))()
"""


@pytest.fixture(scope="module")
def without_package(tmp_path_factory):
    """Return environment variables with which a Python process does not find the package's entry points."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "sitecustomize.py").write_text("from benchmarks.stock import hide_package\nhide_package()\n")
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


@pytest.fixture(scope="module")
def airflow():
    with Deployment(report=print) as deployment:
        deployment.repository.commit({"orders.py": DAG.format(version="v1")})
        deployment.start()
        deployment.wait_until(lambda: deployment.database.versions("orders"), what="the Dag is registered")
        yield deployment


def pin(airflow):
    return airflow.pinning.request("PUT", "/dags/orders/pin", json={"version_number": 1, "reason": "stable"})


def run_to_the_end(airflow):
    run_id = airflow.airflow.post("/dags/orders/dagRuns", {"logical_date": None})["dag_run_id"]

    def finished():
        return next((r for r in airflow.database.runs("orders") if r.run_id == run_id and r.is_finished), None)

    run = airflow.wait_until(finished, what="the run is finished")
    return run, airflow.task_log("orders", run_id, "say")


def test_pin_is_refused_while_a_live_scheduler_lacks_the_package(airflow, without_package):
    airflow.start_component("scheduler", env=without_package)

    def stock_scheduler():
        components = airflow.pinning.get("/health")["components"]
        return next((c for c in components if not c["enforced"]), None)

    found = airflow.wait_until(stock_scheduler, what="the second scheduler is alive")
    assert (found["component"], found["package_version"]) == ("scheduler", None)
    answer = pin(airflow)
    assert answer.status_code == 409
    detail = answer.json()["detail"]
    assert detail["reason"] == "not_enforced"
    assert [c["job_id"] for c in detail["components"]] == [found["job_id"]]
    assert airflow.pinning.get("/dags/orders")["pinned"] is False


def test_pin_is_accepted_once_that_scheduler_is_gone(airflow):
    airflow.stop_component("scheduler-2", grace=0)
    airflow.wait_until(lambda: airflow.pinning.get("/health")["enforced"], what="the killed scheduler counts as gone")
    assert pin(airflow).status_code == 200


def test_restarted_component_attests_anew(airflow):
    airflow.stop_component("triggerer")
    airflow.start_component("triggerer")
    airflow.wait_until_healthy(("triggerer",))
    health = airflow.pinning.get("/health")
    assert [c["enforced"] for c in health["components"] if c["component"] == "triggerer"] == [True]


def test_version_that_a_dag_processor_without_the_package_rewrote_is_repaired(airflow, without_package):
    [pinned] = airflow.database.versions("orders")
    airflow.stop_component("dag-processor")
    airflow.start_component("dag-processor", env=without_package)
    second = airflow.repository.commit({"orders.py": DAG.format(version="v2")})
    # No run refers to the latest version, so stock Airflow writes over it.
    airflow.wait_until(
        lambda: [v.bundle_version for v in airflow.database.versions("orders")] == [second],
        what="the pinned version is rewritten",
    )
    problems = airflow.pinning.get("/dags/orders")["health"]["problems"]
    assert "version_drifted" in {problem["reason"] for problem in problems}
    answer = airflow.airflow.request("POST", "/dags/orders/dagRuns", json={"logical_date": None})
    assert answer.status_code >= 400
    assert airflow.database.runs("orders") == []
    airflow.stop_component("dag-processor")
    airflow.start_component("dag-processor")

    Shell(airflow.env).pinning("repair", "orders", "-V", 1, "-r", "a host without the package rewrote it", "--yes")

    assert airflow.database.versions("orders")[0] == pinned
    assert airflow.pinning.get("/dags/orders")["health"]["status"] != "broken"
    airflow.wait_until(
        lambda: [v.bundle_version for v in airflow.database.versions("orders")] == [pinned.bundle_version, second],
        what="what it was rewritten to is registered as a version of its own",
    )


def test_airflow_is_stock_after_the_package_is_removed(airflow, without_package):
    second = airflow.database.versions("orders")[1].bundle_version
    run, log = run_to_the_end(airflow)
    assert run.version_number == 1
    assert "this is v1" in log
    for name in COMMANDS:
        airflow.stop_component(name)
    for name in COMMANDS:
        airflow.start_component(name, env=without_package)
    airflow.wait_until_healthy()
    # Nothing is mounted there any more: the answer is the UI's page for any path.
    assert "text/html" in airflow.pinning.request("GET", "/dags/orders").headers["content-type"]
    airflow.wait_until(lambda: airflow.database.dag("orders")["bundle_version"] == second, what="the Dag is parsed")
    run, log = run_to_the_end(airflow)
    assert (run.version_number, run.bundle_version) == (2, second)
    assert "this is v2" in log
