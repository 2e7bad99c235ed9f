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
from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred

from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.sensors.version import NewDagVersionSensor
from tests.support.sources import CHANGED, STABLE
from tests.support.task_context import task_context

VERSIONS = "/pinning/api/v1/dags/orders/versions"


def sensor(**parameters):
    parameters = {"deferrable": False, "poke_interval": 0.02, "timeout": 20, **parameters}
    return NewDagVersionSensor(task_id="new_version", target_dag_id="orders", **parameters)


def version(number, *, dag_hash="h", active=False, state="registered", **others):
    return {
        "dag_version_id": f"id-{number}",
        "version_number": number,
        "bundle_name": "b",
        "bundle_version": "sha",
        "dag_hash": dag_hash,
        "relative_fileloc": "orders.py",
        "is_active": active,
        "state": state,
        "equals_rejected": None,
        "equals_rejected_reason": None,
        **others,
    }


def listed(*versions):
    return {"versions": list(versions), "total_entries": len(versions)}


@pytest.fixture
def answering(stub):
    stub.answer("POST", "/pinning/api/v1/dags/orders/candidates", {"revision": 1, "hold": None})
    return stub


def test_newer_version_becomes_a_candidate_and_its_identity_the_result(airflow_server, lab):
    lab.pin_first_of_two()
    found = sensor().execute(task_context("new_version"))
    hook = PinningHook()
    state = hook.get_release_state("orders")
    nothing = dict.fromkeys(("equals_rejected", "equals_rejected_reason", "hold_reason"))
    assert found == {**state["latest"], "revision": state["revision"], **nothing}
    assert {v["version_number"]: v["state"] for v in hook.list_versions("orders")["versions"]}[2] == "candidate"
    assert sensor().execute(task_context("new_version", try_number=2)) == found


def test_result_tells_that_the_version_equals_a_rejected_one_and_that_the_dag_is_held(airflow_server, lab):
    for number, source in enumerate((STABLE, CHANGED), start=1):
        lab.commit(f"sha{number}", orders=source)
        lab.pin("orders", number)
    lab.roll_back("orders", hold=True, reason="loses orders")
    lab.commit("sha3", orders=CHANGED)

    found = sensor().execute(task_context("new_version"))

    assert (found["version_number"], found["equals_rejected"]) == (3, 2)
    assert found["equals_rejected_reason"] == found["hold_reason"] == "loses orders"


def test_active_and_rejected_versions_are_waited_past(answering):
    answering.answer(
        "GET",
        VERSIONS,
        listed(version(1, active=True)),
        listed(version(2, state="rejected")),
        listed(),
        listed(version(3)),
    )
    assert sensor().execute(task_context())["version_number"] == 3


def test_version_is_found_however_many_are_newer(answering):
    pages = [listed(*map(version, range(newest, newest - 50, -1))) for newest in (120, 70)]
    answering.answer("GET", VERSIONS, listed(version(20)), *pages, listed(*map(version, range(20, 0, -1))))

    assert sensor().execute(task_context())["version_number"] == 20
    assert [request.params["offset"] for request in answering.asked("GET", VERSIONS)[1:]] == ["0", "50", "100"]


def test_version_that_is_gone_is_not_looked_for_without_end(answering):
    answering.answer("GET", VERSIONS, listed(version(20)), listed(version(30), version(19)))
    with pytest.raises(AirflowFailException, match="20 of Dag orders was deleted"):
        sensor().execute(task_context())


def test_debounce_takes_the_last_version_of_a_burst(answering):
    burst = [listed(version(2, dag_hash=str(commit))) for commit in range(5)]
    answering.answer("GET", VERSIONS, *burst, listed(version(3)))
    assert sensor(debounce=0.1).execute(task_context())["version_number"] == 3
    assert len(answering.asked("POST", "/pinning/api/v1/dags/orders/candidates")) == 1
    assert len(answering.asked("GET", VERSIONS)) >= 8


def test_intervals_may_be_what_a_template_renders_to(answering):
    answering.answer("GET", VERSIONS, listed(version(2)), listed(version(3)))
    assert sensor(poke_interval="0.02", debounce="0.1").execute(task_context())["version_number"] == 3
    trigger = sensor(poke_interval="5", debounce="7", deferrable=True).trigger()
    assert (trigger.poll_interval, trigger.debounce) == (5, 7)


def test_rescheduled_sensor_cannot_debounce():
    with pytest.raises(ValueError, match="does not keep its state"):
        sensor(debounce=5, mode="reschedule")
    sensor(debounce=5, mode="reschedule", deferrable=True)


def test_faults_are_outlasted_until_the_timeout(answering):
    answering.answer("GET", VERSIONS, (503, {}), "drop", (500, ""), listed(version(2)))
    assert sensor().execute(task_context())["version_number"] == 2
    answering.answer("GET", VERSIONS, (503, {}))
    with pytest.raises(AirflowSensorTimeout):
        sensor(timeout=0.1).execute(task_context())


def test_refusal_fails_at_once(answering):
    answering.answer("GET", VERSIONS, (404, {"detail": {"reason": "unknown_dag", "message": "No such Dag."}}))
    with pytest.raises(AirflowFailException, match="unknown_dag"):
        sensor().execute(task_context())
    assert len(answering.asked("GET", VERSIONS)) == 1


def test_version_that_is_there_needs_no_deferral(answering):
    answering.answer("GET", VERSIONS, listed(version(2)))
    assert sensor(deferrable=True).execute(task_context())["version_number"] == 2


def test_deferrable_sensor_leaves_debouncing_to_the_triggerer(answering):
    answering.answer("GET", VERSIONS, listed(version(2)))
    with pytest.raises(TaskDeferred):
        sensor(deferrable=True, debounce=7).execute(task_context())
    assert answering.asked("POST", "/pinning/api/v1/dags/orders/candidates") == []


def test_deferred_sensor_makes_the_candidate_when_it_comes_back(answering):
    answering.answer("GET", VERSIONS, listed(version(1, active=True)))
    operator = sensor(deferrable=True, debounce=7)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(task_context())
    assert deferred.value.trigger.serialize()[1] == {
        "target_dag_id": "orders",
        "pinning_conn_id": "pinning_default",
        "poll_interval": 0.02,
        "debounce": 7.0,
        "skip_unrelated": True,
    }
    answering.answer("GET", VERSIONS, listed(version(2, dag_hash="as it is now")))
    event = {"result": version(2, dag_hash="as it was seen"), "error": None}
    assert operator.execute_complete(task_context(), event=event)["dag_hash"] == "as it is now"
    error = {"message": "No.", "status": 401, "reason": "login_refused", "data": {}}
    with pytest.raises(AirflowFailException, match="login_refused"):
        operator.execute_complete(task_context(), event={"result": None, "error": error})


@pytest.mark.parametrize(
    "passed_over",
    [
        {"related_to_active": False},
        {"related_to_active": None},
        {"rejection_held": {"version_number": 2, "reason": "loses orders"}},
    ],
    ids=["unrelated", "not known yet", "rejected before"],
)
def test_version_that_changes_nothing_of_the_dag_is_passed_over_by_choice(answering, passed_over):
    older = version(1, active=True)
    answering.answer("GET", VERSIONS, listed(version(3, **passed_over), older))
    with pytest.raises(AirflowSensorTimeout):
        sensor(timeout=0.1).execute(task_context())

    assert sensor(skip_unrelated=False).execute(task_context())["version_number"] == 3
