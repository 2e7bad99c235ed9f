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
A deployment moves from Airflow 3.3 to 3.4 and back, with the real migrations, while releases are under way.

Each time there is a pin, a candidate with a canary run that has begun, and a promotion that is deferred until the
canary run has ended, and beside them what ``under_way`` has. What was written under the one Airflow is read, enforced
and finished under the other.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from demo.deployment import Deployment
from demo.promotion_run import connection
from tests.compat import under_way
from tests.support.postgres import postgres

pytestmark = pytest.mark.timeout(1800)

ORDERS = """
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.sdk import DAG, task

with DAG("orders", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs=20):

    # Between two looks no process of it runs, so it outlives every other process. A look that ends with its scheduler
    # is made again.
    @task.sensor(mode="reschedule", poke_interval=2, timeout=3600, retries=5, retry_delay=timedelta(seconds=1))
    def released():
        return not Path("{brake}").exists()

    @task
    def say():
        print("this is v{number}")

    released() >> say()
"""

PROMOTE = """
from airflow.sdk import DAG

from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.sensors.soak import VersionSoakSensor

with DAG("promote", schedule=None, params={"version": 1}):
    target = {"target_dag_id": "orders", "version_number": "{{ params.version }}"}
    soak = VersionSoakSensor(task_id="soak", min_runs=1, poke_interval=1, deferrable=True, **target)
    soak >> PinDagVersionOperator(task_id="pin", reason="the canary run was good", **target)
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def airflow(request, airflow_33):
    """A deployment on Airflow 3.3 with version 1 pinned."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres()) if request.param == "postgresql" else None
        url = server.create_database("airflow") if server else None
        made = stack.enter_context(Deployment(report=print, python=airflow_33[0], database_url=url))
        made.env.update(connection(made))
        commit(made, 1)
        made.start()
        wait_for_version(made, 1)
        made.pinning.put("/dags/orders/pin", {"version_number": 1, "reason": "stable"})
        under_way.pin(made)
        yield made


def brake(airflow):
    """Return the path of the file that runs wait for the end of."""
    return airflow.home / "brake"


def commit(airflow, number):
    source = ORDERS.format(brake=brake(airflow), number=number)
    others = under_way.source(min(number, 2))
    airflow.repository.commit({"orders.py": source, "promote.py": PROMOTE, "others.py": others}, f"Version {number}")


def wait_for_version(airflow, number):
    airflow.wait_until(
        lambda: (
            number in {one.number for one in airflow.database.versions("orders")}
            and airflow.database.dag("promote")
            and all(
                min(number, 2) in {one.number for one in airflow.database.versions(dag_id)} for dag_id in under_way.DAGS
            )
        ),
        what=f"version {number} is registered",
    )


def run(airflow, run_id, dag_id="orders"):
    return next(one for one in airflow.database.runs(dag_id) if one.run_id == run_id)


def states(airflow, run_id, dag_id="orders"):
    return {task.task_id: task.state for task in run(airflow, run_id, dag_id).tasks}


def begin_release(airflow, number):
    """Let a version be a candidate, whose canary run has begun and whose promotion is deferred; return their runs."""
    brake(airflow).touch()
    commit(airflow, number)
    wait_for_version(airflow, number)
    airflow.pinning.post("/dags/orders/candidates", {"version_number": number, "reason": "new"})
    [canary] = airflow.pinning.post("/dags/orders/canaryRuns", {"version_number": number, "count": 1})["run_ids"]
    promotion = f"promote-{number}"
    body = {"dag_run_id": promotion, "logical_date": None, "conf": {"version": number}}
    airflow.airflow.post("/dags/promote/dagRuns", body)
    airflow.wait_until(
        lambda: (
            states(airflow, canary).get("released") == "up_for_reschedule"
            and states(airflow, promotion, "promote").get("soak") == "deferred"
        ),
        what="the canary run has begun, and the promotion is deferred",
    )
    return canary, promotion


def state_of(airflow):
    """Return all that the API tells and that no time changes."""
    told = airflow.pinning.get("/dags/orders")
    versions = airflow.pinning.get("/dags/orders/versions")["versions"]
    runs = airflow.pinning.get("/dags/orders/runs")["runs"]
    return {
        "active": told["active"]["version_number"],
        "latest": told["latest"]["version_number"],
        "revision": told["revision"],
        "health": told["health"],
        "versions": [(one["version_number"], one["state"], one["dag_hash"], one["bundle_version"]) for one in versions],
        "events": airflow.pinning.get("/dags/orders/events")["events"],
        "rows": under_way.rows(airflow),
        "runs": [(one["run_id"], one["kind"], one["version_number"]) for one in runs],
        "pins": [(one["dag_id"], one["active"]["version_number"]) for one in airflow.pinning.get("/pins")["pins"]],
    }


def move(airflow, python, *command):
    """
    End every component between two looks of the canary run, and start them with another Airflow.

    :param python: the Python that runs from now on
    :param command: what brings the database to it
    """
    for name in ("scheduler", "api-server", "dag-processor", "triggerer"):
        airflow.stop_component(name)
    if command[1] == "migrate":
        airflow.python = python
    airflow.cli(*command)
    airflow.python = python
    airflow.start_component("api-server")
    # A task that cannot reach it fails, and on a busy machine it listens later than the scheduler starts tasks.
    airflow.wait_until_healthy(("api-server",))
    for name in ("scheduler", "dag-processor", "triggerer"):
        airflow.start_component(name)
    airflow.wait_until_healthy()
    airflow.wait_until(lambda: airflow.pinning.get("/health")["enforced"], what="pins are enforced")


def assert_release_goes_on(airflow, canary, promotion, *, pinned, number):
    """
    Assert that the pin holds, and that the canary run and the promotion end as they would have.

    :param canary: run id of the canary run
    :param promotion: run id of the promotion
    :param pinned: the pinned version
    :param number: the version that is promoted
    """
    live = f"live-beside-{number}"
    airflow.airflow.post("/dags/orders/dagRuns", {"dag_run_id": live, "logical_date": None})
    airflow.wait_until(
        lambda: states(airflow, live).get("released") == "up_for_reschedule", what="a live run has begun"
    )
    assert states(airflow, promotion, "promote")["soak"] not in ("success", "failed")
    assert airflow.pinning.get("/dags/orders")["active"]["version_number"] == pinned
    brake(airflow).unlink()
    for run_id, version in ((canary, number), (live, pinned)):
        airflow.wait_until(lambda: run(airflow, run_id).is_finished, what=f"run {run_id} has ended")  # noqa: B023
        ended = run(airflow, run_id)
        found = ended.state, ended.version_number, ended.task_version_numbers
        assert found == ("success", version, {version}), f"{states(airflow, run_id)}\n{airflow.logs(60)}"
        assert f"this is v{version}" in airflow.task_log("orders", run_id, "say")
    airflow.wait_until(lambda: run(airflow, promotion, "promote").is_finished, what="the promotion has ended")
    assert states(airflow, promotion, "promote") == {"soak": "success", "pin": "success"}
    assert airflow.pinning.get("/dags/orders")["active"]["version_number"] == number


def test_releases_that_are_under_way_go_on_after_an_upgrade_and_after_a_downgrade(airflow, airflow_33, airflow_34):
    canary, promotion = begin_release(airflow, 2)
    under_way.begin(airflow)
    before = state_of(airflow)

    move(airflow, airflow_34[0], "db", "migrate")

    assert state_of(airflow) == before
    assert_release_goes_on(airflow, canary, promotion, pinned=1, number=2)
    under_way.assert_goes_on(airflow, active=1, pending=2)

    canary, promotion = begin_release(airflow, 3)
    before = state_of(airflow)

    move(airflow, airflow_33[0], "db", "downgrade", "--to-version", airflow_33[1], "--yes")

    assert state_of(airflow) == before
    assert_release_goes_on(airflow, canary, promotion, pinned=2, number=3)
    under_way.assert_goes_on(airflow, active=2, pending=1)
