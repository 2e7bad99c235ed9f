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
"""Candidates that something happens to while they are tried: in real task processes, in one deployment."""

from __future__ import annotations

import pytest

from demo.promotion_run import PromotionRun
from tests.system.promotions import (
    decide,
    finished,
    finished_run,
    killed_by_scheduler,
    run_of,
    start_tools,
    trigger,
    version,
    wait_for_states,
    wait_for_version,
)
from tests.system.shared import CANARIES, CANDIDATES, DAGS

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def airflow(shared):
    return shared.airflow


@pytest.fixture(scope="module")
def waiting(airflow):
    """A sensor that waits for a version in the triggerer, over TLS."""
    start_tools(airflow, {"wait over TLS": ("wait", {"target": "newer", "connection": "pinning_tls"})})
    airflow.wait_until(
        lambda: run_of(airflow, "wait", "wait_over_TLS").tasks[0].state == "deferred",
        what="the sensor waits in the triggerer",
    )


@pytest.fixture(scope="module")
def canaries(shared, airflow):
    """Canaries of the second version of Dags whose runs are at their limit, or that are paused, broken or gone."""
    shared.brake.touch()
    trigger(airflow, "limited", "live")
    airflow.airflow.patch("/dags/paused", {"is_paused": True})
    shared.commit_version(CANARIES, 2)
    for dag_id in DAGS[CANARIES]:
        wait_for_version(airflow, dag_id, 2)
        airflow.pinning.post(f"/dags/{dag_id}/candidates", {"version_number": 2, "reason": "to try it"})
    head = shared.commit_version(CANARIES, 3, broken=shared.source("broken", 3) + "with DAG(\n", gone=None)
    airflow.wait_until(
        lambda: (
            airflow.database.bundle_version(CANARIES) == head
            and set(airflow.database.import_errors(CANARIES)) == {"broken.py"}
        ),
        what="the dag processor has noticed that HEAD is broken",
    )
    airflow.wait_until(lambda: run_of(airflow, "limited", "live").state == "running", what="the live run is running")
    start_tools(
        airflow, {f"canary of {dag_id}": ("canary", {"target": dag_id, "version": 2}) for dag_id in DAGS[CANARIES]}
    )


@pytest.fixture(scope="module")
def promotions(shared, airflow, waiting):
    """Promotions of the second version, by Dag."""
    commit = shared.commit_version(CANDIDATES, 2)
    runs = {dag_id: PromotionRun(airflow, dag_id, report=print) for dag_id in DAGS[CANDIDATES]}
    for dag_id, run in runs.items():
        wait_for_version(airflow, dag_id, 2, commit)
        soak_seconds = 3600 if dag_id == "rewritten_in_soak" else 0
        run.start(
            dag_id, canary_runs=1, bake_inconclusive_after=1, soak_seconds=soak_seconds, soak_inconclusive_after=86400
        )
    return runs


def canary_of(airflow, dag_id):
    runs = [run for run in airflow.database.runs(dag_id) if run.run_id.startswith("canary__v2__")]
    assert len(runs) == 1
    return runs[0]


def wait_for_canary(airflow, dag_id):
    """Wait until the canary run waits for its turn, and the task that made it has said what for."""
    airflow.wait_until(
        lambda: run_of(airflow, "canary", f"canary_of_{dag_id}").tasks[0].state == "deferred",
        what=f"the canary of {dag_id} is waited for in the triggerer",
    )
    return airflow.task_log("canary", f"canary_of_{dag_id}", "task")


def began_after(airflow, dag_id, run_id, other_run_id):
    statement = "SELECT start_date, end_date FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id"
    [run], [other] = (airflow.database.rows(statement, dag_id=dag_id, run_id=id_) for id_ in (run_id, other_run_id))
    return run["start_date"] >= other["end_date"]


def assert_ran(airflow, dag_id):
    """Check that the canary run was of the second version, down to its code, and that the pin stayed."""
    outcome = finished(airflow, "canary", f"canary of {dag_id}")
    assert outcome.state == "success", outcome.log
    run = canary_of(airflow, dag_id)
    assert (run.state, run.version_number, run.task_version_numbers) == ("success", 2, {2})
    assert "this is v2" in airflow.task_log(dag_id, run.run_id, "say")
    assert airflow.pinning.get(f"/dags/{dag_id}")["active"]["version_number"] == 1


class TestCanaries:
    """Canary runs wait for live runs that they must not overlap, and need nothing of HEAD."""

    def test_canary_of_a_dag_that_must_not_overlap_waits_for_its_live_run_and_says_so(self, shared, airflow, canaries):
        told = wait_for_canary(airflow, "limited")
        assert "must not overlap (max_active_runs is 1), so canary runs start one at a time" in told
        assert (run_of(airflow, "limited", "live").state, canary_of(airflow, "limited").state) == ("running", "queued")
        shared.brake.unlink()
        assert finished_run(airflow, "limited", "live").version_number == 1
        assert_ran(airflow, "limited")
        assert began_after(airflow, "limited", canary_of(airflow, "limited").run_id, "live")

    def test_canary_of_a_paused_dag_waits_until_it_is_unpaused_and_says_so(self, airflow, canaries):
        assert "is paused, so the canary runs wait until it is unpaused" in wait_for_canary(airflow, "paused")
        assert canary_of(airflow, "paused").state == "queued"
        airflow.airflow.patch("/dags/paused", {"is_paused": False})
        assert_ran(airflow, "paused")

    @pytest.mark.parametrize("dag_id", ["broken", "gone"])
    def test_canary_of_a_dag_whose_head_is_broken_or_gone_runs(self, airflow, canaries, dag_id):
        assert_ran(airflow, dag_id)


class TestCandidates:
    """What was tested and approved is one version; nothing of it carries over to another."""

    def test_sensor_finds_a_version_over_tls_from_the_worker_and_from_the_triggerer(self, airflow, promotions):
        outcome = finished(airflow, "wait", "wait over TLS")
        assert outcome.state == "success", outcome.log
        # A task is a user to the API, the one of its connection; the source says which task. The promotion finds the
        # version as well, and the second one finds it a candidate.
        events = airflow.pinning.get("/dags/newer/events")["events"]
        assert ("admin", "user", "wait", "task") in [
            (event["actor"], event["actor_kind"], event["source"]["dag_id"], event["source"]["task_id"])
            for event in events
            if event["kind"] in ("candidate", "confirmed")
        ]

    def test_version_that_was_rewritten_while_it_soaks_fails_at_once_and_is_rejected(self, shared, airflow, promotions):
        run = promotions["rewritten_in_soak"]
        wait_for_states(airflow, [run], "soak", "deferred")
        shared.rewrite("rewritten_in_soak", 2)
        wait_for_states(airflow, [run], "soak", "failed")
        assert "version_drifted" in run.log("soak")
        airflow.wait_until(run.finished, what="the promotion is finished")
        states = run.states()
        assert (states["approval"], states["pin"], states["reject"]) == (
            "upstream_failed",
            "upstream_failed",
            "success",
        )
        assert run.run.state == "failed"
        assert version(airflow, "rewritten_in_soak", 2)["state"] == "rejected"

    def test_approval_does_not_hold_for_a_version_that_was_rewritten_since_it_was_asked_for(
        self, shared, airflow, promotions
    ):
        run = promotions["rewritten_in_approval"]
        wait_for_states(airflow, [run], "approval", "awaiting_input")
        shared.rewrite("rewritten_in_approval", 2)
        decide(airflow, [run], "Approve")
        wait_for_states(airflow, [run], "pin", "failed")
        assert "version_drifted" in run.log("pin")
        airflow.wait_until(run.finished, what="the promotion is finished")
        assert run.states()["roll_back"] == "skipped"
        state = airflow.pinning.get("/dags/rewritten_in_approval")
        assert (state["active"]["version_number"], state["revision"]) == (1, 1)

    def test_rejection_is_final(self, airflow, promotions):
        run = promotions["declined"]
        wait_for_states(airflow, [run], "approval", "awaiting_input")
        decide(airflow, [run], "Reject")
        airflow.wait_until(run.finished, what="the promotion is finished")
        approval = next(task for task in run.run.tasks if task.task_id == "approval")
        assert approval.state == "failed"
        assert approval.try_number == 1 + killed_by_scheduler(airflow, run.run_id, "approval")
        assert (run.run.state, version(airflow, "declined", 2)["state"]) == ("failed", "rejected")

    def test_commit_during_the_approval_changes_neither_the_candidate_nor_what_is_approved(
        self, shared, airflow, promotions
    ):
        run = promotions["newer"]
        wait_for_states(airflow, [run], "approval", "awaiting_input")
        tested = run.result("new_version")
        commit = shared.commit_version(CANDIDATES, 3)
        wait_for_version(airflow, "newer", 3, commit)
        decide(airflow, [run], "Approve")
        wait_for_states(airflow, [run], "pin", "success")
        state = airflow.pinning.get("/dags/newer")
        identity = {name: state["active"][name] for name in ("version_number", "bundle_version", "dag_hash")}
        assert identity == {name: tested[name] for name in identity}
        assert (identity["version_number"], state["versions_behind"]) == (2, 1)
        trigger(airflow, "newer", "after_the_pin")
        finished_run(airflow, "newer", "after_the_pin")
        assert "this is v2" in airflow.task_log("newer", "after_the_pin", "say")
        # The newer version has to begin anew: there is no verdict on it.
        assert version(airflow, "newer", 3)["state"] == "registered"
        answer = airflow.pinning.request("GET", "/dags/newer/versions/3/soak")
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "not_managed")
