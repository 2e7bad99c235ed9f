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
"""Live and canary runs on real Celery workers, of which one lacks the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.commands import airflow_command
from demo.processes import Component
from tests.system.promotions import finished_run
from tests.system.shared import CELERY

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PLAIN = "plain"
"""Queue of the worker without the package."""

DAG = """
import json
import sys
from datetime import datetime, timezone

from airflow.sdk import DAG, BaseHook, Variable, task

with DAG(
    "remote",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={{"executor": "CeleryExecutor"}},
):

    @task
    def tell():
        Variable.set("remote_watermark", "{version}")
        told = {{
            "version": "{version}",
            "has_package": "airflow_providers_pinning.enforcement.bootstrap" in sys.modules,
            "in environment": BaseHook.get_connection("warehouse").host,
            "stored": BaseHook.get_connection("remote_warehouse").host,
            "variable": Variable.get("remote_bucket"),
            "watermark": Variable.get("remote_watermark"),
        }}
        print("TOLD", json.dumps(told))

    tell()
"""
ISOLATION = {
    "connections": {"warehouse": "remote_trial", "remote_warehouse": "remote_trial"},
    "variables": {"remote_bucket": "remote_trial"},
}


@pytest.fixture(scope="module")
def without_package(tmp_path_factory):
    """Return environment variables with which a process and its children do not find the package's entry points."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "sitecustomize.py").write_text("from benchmarks.stock import hide_package\nhide_package()\n")
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


def start_worker(deployment, queue, env):
    """Start a worker; what is sent to its queue meanwhile waits in the broker."""
    title = f"celery-{queue}"
    options = ("--queues", queue, "--concurrency", "1", "--celery-hostname", f"{queue}@%h", "--skip-serve-logs")
    alone = ("--without-mingle", "--without-gossip", "--pid", str(deployment.home / f"{title}.pid"))
    worker = Component(
        title,
        airflow_command("celery", "worker", *options, *alone),
        {**deployment.env, **env},
        deployment.home / "output" / f"{title}.log",
    )
    deployment.components[title] = worker
    worker.start()
    return title


@pytest.fixture(scope="module")
def airflow(deployment, without_package):
    workers = [start_worker(deployment, "default", {}), start_worker(deployment, PLAIN, without_package)]
    repository = deployment.repositories[CELERY]
    repository.commit({"remote.py": DAG.format(version="v1")})
    deployment.wait_until(lambda: deployment.database.versions("remote"), what="the Dag is registered")
    deployment.pinning.put("/dags/remote/pin", {"version_number": 1, "reason": "stable"})
    repository.commit({"remote.py": DAG.format(version="v2")})
    deployment.wait_until(lambda: len(deployment.database.versions("remote")) == 2, what="the candidate is registered")
    for conn_id, host in (("remote_warehouse", "live"), ("remote_trial", "trial")):
        deployment.airflow.post("/connections", {"connection_id": conn_id, "conn_type": "http", "host": host})
    for key, value in (("remote_bucket", "live"), ("remote_trial", "trial")):
        deployment.airflow.post("/variables", {"key": key, "value": value})
    yield deployment
    for title in workers:
        deployment.stop_component(title, grace=4.0)


@pytest.fixture(scope="module")
def runs(airflow):
    """Ask for a live run and a canary run on either worker at once, and return what each told by its name."""
    live = airflow.airflow.post("/dags/remote/dagRuns", {"logical_date": None})["dag_run_id"]
    finished_run(airflow, "remote", live)
    ids = {"live": live}
    for name, queue in (("canary", {}), (PLAIN, {"queue": PLAIN})):
        body = {"version_number": 2, "isolation": {**ISOLATION, **queue}}
        asked = airflow.pinning.post("/dags/remote/canaryRuns", body)
        # Either worker may lack the package, as far as the server knows.
        assert any("AIRFLOW_CONN_WAREHOUSE" in warning for warning in asked["warnings"])
        [ids[name]] = asked["run_ids"]
    return {name: (finished_run(airflow, "remote", run_id), told(airflow, run_id)) for name, run_id in ids.items()}


def told(airflow, run_id):
    finished_run(airflow, "remote", run_id)
    line = next(line for line in airflow.task_log("remote", run_id, "tell").splitlines() if "TOLD" in line)
    return json.loads(json.loads(line)["event"].removeprefix("TOLD "))


def test_live_run_has_the_pinned_version_and_what_is_live(runs):
    run, told = runs["live"]

    assert (run.state, run.version_number, run.task_version_numbers) == ("success", 1, {1})
    assert told == {
        "version": "v1",
        "has_package": True,
        "in environment": "live",
        "stored": "live",
        "variable": "live",
        "watermark": "v1",
    }


def test_canary_run_has_its_version_substitutes_and_state_of_its_own(runs):
    run, told = runs["canary"]

    assert (run.state, run.version_number, run.task_version_numbers) == ("success", 2, {2})
    assert told == {
        "version": "v2",
        "has_package": True,
        "in environment": "trial",
        "stored": "trial",
        "variable": "trial",
        "watermark": "v2",
    }


def test_worker_without_the_package_has_all_that_comes_from_the_server_but_its_own_environment(runs):
    run, told = runs[PLAIN]

    assert (run.state, run.version_number, run.task_version_numbers) == ("success", 2, {2})
    assert told == {
        "version": "v2",
        "has_package": False,
        "in environment": "live",
        "stored": "trial",
        "variable": "trial",
        "watermark": "v2",
    }


def test_nothing_of_either_canary_run_is_live(airflow, runs):
    [live] = [one for one in airflow.airflow.get("/variables")["variables"] if one["key"] == "remote_watermark"]
    listed = {one["run_id"]: one for one in airflow.pinning.get("/dags/remote/runs")["runs"]}

    assert live["value"] == "v1"
    for name in ("canary", PLAIN):
        assert listed[runs[name][0].run_id]["withheld"] == {"variable": 1}
