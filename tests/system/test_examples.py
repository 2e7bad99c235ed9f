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
"""The examples, run for real: each does what it says. The promotion has tests of its own, and the demo."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from demo.promotion_run import EXAMPLES, PROMOTION_BUNDLE, REACTION_TIME
from tests.system.promotions import finished_run, pin, run_of, trigger, version, wait_for_version
from tests.system.shared import EXAMPLE_TARGETS, NOTIFIED

pytestmark = pytest.mark.system

HOLD, RELEASE = "example_pin_setup_teardown", "example_deployment_window"
ROLL_BACK, NOTIFIER = "example_rollback_dag_version", "example_rollback_notifier"
SCRATCH = "example_canary_scratch_table"


def example(dag_id, changes=None):
    """Return an example, with what a test cannot wait for replaced."""
    text = (EXAMPLES / f"{dag_id}.py").read_text()
    for old, new in (changes or {}).items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def in_time(opens):
    """Return what makes the release one of minutes: its window opens soon, and the unanswered is rejected before."""
    return {
        'schedule="0 9 * * 1"': "schedule=None",
        'WindowRule("0 10 * * 2", timedelta(hours=2), "Europe/Berlin"': (
            f'WindowRule("{opens:%M %H} * * *", timedelta(hours=2), "UTC"'
        ),
        "timeout=60,": "timeout=5,",
        "poke_interval=30,": "poke_interval=1,",
        "timedelta(hours=23)": "timedelta(seconds=150)",
        "timedelta(minutes=1)": "timedelta(seconds=1)",
    }


@pytest.fixture(scope="module")
def airflow(shared):
    return shared.airflow


@pytest.fixture(scope="module")
def opens():
    """When the window of the release opens: on a full minute, after at least one."""
    return (datetime.now(timezone.utc) + timedelta(minutes=2)).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def started(shared, airflow, opens):
    """Deploy the examples and start a run of each, so that they run at the same time."""
    airflow.repositories[PROMOTION_BUNDLE].commit(
        {
            f"{HOLD}.py": example(HOLD),
            f"{ROLL_BACK}.py": example(ROLL_BACK),
            f"{RELEASE}.py": example(RELEASE, in_time(opens)),
            f"{SCRATCH}.py": example(SCRATCH, {'"@daily"': "None"}),
        }
    )
    shared.repository(NOTIFIED).commit({f"{NOTIFIER}.py": example(NOTIFIER, {'"@hourly"': "None"})})
    for dag_id in ("held", "held_failing"):
        # Only a version that is under management is there to be held once there is another one.
        airflow.pinning.post(f"/dags/{dag_id}/candidates", {"version_number": 1, "reason": "to hold it"})
    commit = shared.commit_version(EXAMPLE_TARGETS, 2)
    for dag_id in (HOLD, ROLL_BACK, RELEASE, NOTIFIER, SCRATCH):
        airflow.wait_until(lambda: airflow.database.dag(dag_id), what=f"Dag {dag_id} is registered")  # noqa: B023
    pin(airflow, NOTIFIER, 1)
    shared.repository(NOTIFIED).commit(
        {f"{NOTIFIER}.py": example(NOTIFIER, {'"@hourly"': "None", 'bash_command="true"': 'bash_command="false"'})}
    )
    for dag_id in ("held", "held_failing", "approved", "unanswered", "rolled_back"):
        wait_for_version(airflow, dag_id, 2, commit)
    pin(airflow, "rolled_back", 2)
    trigger(airflow, RELEASE, "release", dags=["approved", "unanswered", "unpinned"])
    trigger(airflow, ROLL_BACK, "form", dags=["unpinned", "rolled_back"], reason="orders arrive twice")
    for dag_id in ("held", "held_failing"):
        trigger(airflow, HOLD, dag_id, target_dag_id=dag_id, version_number=1)
    wait_for_version(airflow, NOTIFIER, 2)
    pin(airflow, NOTIFIER, 2)
    trigger(airflow, NOTIFIER, "first")
    pin(airflow, SCRATCH, 1)
    trigger(airflow, SCRATCH, "live")
    airflow.pinning.post(f"/dags/{SCRATCH}/canaryRuns", {"version_number": 1, "note": "try it"})


def states(run):
    return {(task.task_id, task.map_index): task.state for task in run.tasks}


def history(airflow, dag_id):
    """Return what changed a Dag, oldest first, and the task that did it."""
    events = airflow.pinning.get(f"/dags/{dag_id}/events")["events"]
    # That its runs fail is told as well, some time after they do; it changes nothing.
    changes = [event for event in reversed(events) if event["kind"] != "failing"]
    return [(event["kind"], (event["source"] or {}).get("task_id")) for event in changes]


def test_release_asks_for_each_dag_that_has_something_new(airflow, started):
    """The next test is about what becomes of it; the others have time meanwhile."""
    path = f"/dags/{RELEASE}/dagRuns/release/taskInstances/release.approval"

    def approvals():
        found = states(run_of(airflow, RELEASE, "release"))
        return [found.get(("release.approval", index)) for index in (0, 1)]

    def approved():
        # A try that Airflow's scheduler took for killed asks anew.
        if approvals()[0] == "awaiting_input":
            time.sleep(REACTION_TIME)
            airflow.airflow.patch(f"{path}/0/hitlDetails", {"chosen_options": ["Approve"]})
        return approvals()[0] == "success"

    airflow.wait_until(
        lambda: approvals() == ["awaiting_input"] * 2,
        what="the release of two Dags is put up for approval",
    )
    subjects = [airflow.airflow.get(f"{path}/{index}/hitlDetails")["subject"] for index in (0, 1)]
    assert subjects == [f"Release version 2 of Dag {dag_id} on Tuesday?" for dag_id in ("approved", "unanswered")]
    airflow.wait_until(approved, every=1, what="the approval is taken")


def test_canary_run_loads_the_scratch_table_and_tells_no_customer(airflow, started):
    runs = airflow.pinning.get(f"/dags/{SCRATCH}/runs")["runs"]
    [canary] = [run["run_id"] for run in runs if run["kind"] == "canary"]
    for run_id, told, table in (("live", "success", "orders"), (canary, "skipped", "orders_canary")):
        assert states(finished_run(airflow, SCRATCH, run_id)) == {("load", -1): "success", ("tell_customers", -1): told}
        loaded = airflow.airflow.get(f"/dags/{SCRATCH}/dagRuns/{quote(run_id)}/taskInstances/load")
        assert loaded["rendered_fields"]["bash_command"].endswith(f" into table {table}")


def test_rollback_form_rolls_back_what_can_be_and_says_what_cannot(airflow, started):
    run = finished_run(airflow, ROLL_BACK, "form")
    found = {index: state for (task_id, index), state in states(run).items() if task_id == "roll_back"}
    assert found == {0: "success", 1: "failed"}  # rolled_back, unpinned
    state = airflow.pinning.get("/dags/rolled_back")
    assert (state["active"]["version_number"], version(airflow, "rolled_back", 2)["state"]) == (1, "rejected")
    assert state["hold"]["reason"] == "orders arrive twice (admin)"
    assert history(airflow, "rolled_back")[-2:] == [("rolled_back", "roll_back"), ("held", "roll_back")]
    assert "nothing_to_roll_back_to" in airflow.task_log(ROLL_BACK, "form", "roll_back", map_index=1)
    assert airflow.pinning.get("/dags/unpinned")["pinned"] is False


@pytest.mark.parametrize(("dag_id", "ends"), [("held", "success"), ("held_failing", "failed")])
def test_dag_is_held_while_something_depends_on_it_and_let_go_whatever_happens(airflow, started, dag_id, ends):
    run = finished_run(airflow, HOLD, dag_id)
    assert states(run) == {("pin", -1): "success", ("close_the_month", -1): ends, ("unpin", -1): "success"}
    assert run.state == ends
    [held] = airflow.database.runs(dag_id)
    assert (held.state, held.version_number, held.task_version_numbers) == (ends, 1, {1})
    assert history(airflow, dag_id)[1:] == [("pinned", "pin"), ("unpinned", "unpin")]
    state = airflow.pinning.get(f"/dags/{dag_id}")
    assert (state["pinned"], state["active"]["version_number"]) == (False, 2)


def test_dag_whose_new_version_fails_twice_rolls_itself_back(airflow, started):
    assert finished_run(airflow, NOTIFIER, "first").state == "failed"
    trigger(airflow, NOTIFIER, "second")
    assert finished_run(airflow, NOTIFIER, "second").version_number == 2
    airflow.wait_until(
        lambda: airflow.pinning.get(f"/dags/{NOTIFIER}")["active"]["version_number"] == 1,
        what="the notifier has rolled back",
    )
    state = airflow.pinning.get(f"/dags/{NOTIFIER}")
    assert state["hold"]["reason"].startswith("2 failed runs of version 2 since it was pinned")
    assert version(airflow, NOTIFIER, 2)["state"] == "rejected"
    events = airflow.pinning.get(f"/dags/{NOTIFIER}/events")["events"]
    assert [(event["kind"], event["source"]["notifier"]) for event in events if event["source"]] == [
        ("held", "rollback"),
        ("rolled_back", "rollback"),
    ]
    trigger(airflow, NOTIFIER, "third")
    assert finished_run(airflow, NOTIFIER, "third").state == "success"


def test_release_takes_what_was_approved_live_when_the_window_opens_and_nothing_else(airflow, started, opens):
    run = finished_run(airflow, RELEASE, "release")
    assert run.state == "success"
    found = {
        task_id: [states(run)[f"release.{task_id}", index] for index in range(3)]
        for task_id in ("new_version", "approval", "only_if_approved", "window", "pin")
    }
    assert found == {
        "new_version": ["success", "success", "skipped"],
        "approval": ["success", "success", "skipped"],
        "only_if_approved": ["success", "skipped", "skipped"],
        "window": ["success", "skipped", "skipped"],
        "pin": ["success", "skipped", "skipped"],
    }
    approved = airflow.pinning.get("/dags/approved")
    assert approved["active"]["version_number"] == 2
    assert datetime.fromisoformat(approved["pin"]["pinned_at"]) >= opens
    # What nobody answered comes up again.
    assert airflow.pinning.get("/dags/unanswered")["active"]["version_number"] == 1
    assert version(airflow, "unanswered", 2)["state"] == "candidate"
