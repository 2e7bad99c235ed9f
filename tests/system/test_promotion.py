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
"""The promotion Dag and its parts in real task processes, against a real API server."""

from __future__ import annotations

import time

import pytest

from demo.promotion_run import PROMOTION_DAG_ID, PromotionRun
from tests.system.promotions import (
    TARGET,
    decide,
    finished,
    killed_by_scheduler,
    run_of,
    run_tools,
    source,
    start_tools,
    version,
    wait_for_states,
    wait_for_version,
)
from tests.system.shared import TOKEN_LIFE

pytestmark = pytest.mark.system


def commit(airflow, number):
    airflow.repository.commit({"orders.py": source(f"v{number}")})
    wait_for_version(airflow, TARGET, number)


@pytest.fixture(scope="class")
def airflow(shared):
    return shared.airflow


@pytest.fixture(scope="class")
def promotions(airflow):
    runs = [PromotionRun(airflow, run_id, report=print) for run_id in ("one", "other")]
    for run in runs:
        run.start(TARGET, canary_runs=1, bake_inconclusive_after=1)
    return runs


@pytest.fixture(scope="class")
def refused(airflow, promotions):
    commit(airflow, 3)
    airflow.pinning.post(f"/dags/{TARGET}/candidates", {"version_number": 3, "reason": "to reject it"})
    airflow.pinning.post(f"/dags/{TARGET}/versions/3/reject", {"reason": "it is slow"})
    commit(airflow, 4)
    return run_tools(
        airflow,
        {
            "wrong password": ("pin", {"connection": "pinning_wrong"}),
            "wrong password of a sensor": ("wait", {"connection": "pinning_wrong"}),
            "viewer pins": ("pin", {"connection": "pinning_viewer"}),
            "viewer finds a version": ("wait", {"connection": "pinning_viewer"}),
            "unknown Dag": ("pin", {"target": "nothing"}),
            "unknown Dag of a sensor": ("wait", {"target": "nothing"}),
            "unknown version": ("pin", {"version": 99}),
            "rejected version": ("pin", {"version": 3}),
            "old revision": ("pin", {"revision": 1}),
            "active version": ("reject", {"version": 2}),
            "unknown authority": ("pin", {"connection": "pinning_untrusted"}),
        },
    )


class TestRestartAndRace:
    """Two promotions wait for the same version while the API server restarts, and then race."""

    def test_deferred_sensor_survives_a_restart_of_the_api_server_and_the_expiry_of_its_token(
        self, airflow, promotions
    ):
        wait_for_states(airflow, promotions, "new_version", "deferred")
        deferred = time.monotonic()
        airflow.stop_component("api-server")
        triggers = airflow.home / "logs" / f"dag_id={PROMOTION_DAG_ID}"
        airflow.wait_until(
            lambda: (
                sum("Checking again in" in path.read_text() for path in triggers.rglob("task_id=new_version/*.log*"))
                == len(promotions)
            ),
            what="both triggers have noticed that nobody answers",
        )
        airflow.start_component("api-server")
        airflow.wait_until_healthy()
        time.sleep(max(0, TOKEN_LIFE + 1 - (time.monotonic() - deferred)))
        assert [run.states()["new_version"] for run in promotions] == ["deferred"] * 2
        commit(airflow, 2)
        wait_for_states(airflow, promotions, "new_version", "success")
        assert [run.result("new_version")["version_number"] for run in promotions] == [2, 2]
        for run in promotions:
            tries = next(task.try_number for task in run.run.tasks if task.task_id == "new_version")
            assert tries == 1 + killed_by_scheduler(airflow, run.run_id, "new_version")

    def test_one_of_two_promotions_wins_and_the_other_says_what_is_pinned_now(self, airflow, promotions):
        wait_for_states(airflow, promotions, "approval", "awaiting_input")
        for run in promotions:
            told = run.question()["body"].splitlines()
            assert "- **Dag file**: lines added: 1, removed: 1" in told
        decide(airflow, promotions, "Approve")
        wait_for_states(airflow, promotions, "pin", "success", "failed")
        winner, loser = sorted(promotions, key=lambda run: run.states()["pin"], reverse=True)
        assert (winner.states()["pin"], loser.states()["pin"]) == ("success", "failed")
        log = loser.log("pin")
        assert "revision_conflict" in log
        assert "Now: revision 2, version 2, pinned by admin at" in log
        assert f"Promoted by run {winner.run_id}" in log
        for run in promotions:
            airflow.wait_until(run.finished, what=f"promotion {run.run_id} is finished")
        # What the winner pinned is not taken back by the loser, though its cleaning tasks run.
        state = airflow.pinning.get(f"/dags/{TARGET}")
        assert (state["active"]["version_number"], state["revision"]) == (2, 2)
        assert version(airflow, TARGET, 2)["state"] == "active"
        assert (winner.run.state, loser.run.state) == ("success", "failed")

    @pytest.mark.parametrize(
        ("run_id", "said"),
        [
            ("wrong password", ("login_refused", "as user 'admin' was refused", "Check host")),
            ("wrong password of a sensor", ("login_refused", "as user 'admin' was refused", "Check host")),
            ("viewer pins", ("forbidden", "The user of the connection is not permitted to do this.")),
            ("viewer finds a version", ("forbidden", "The user of the connection is not permitted to do this.")),
            ("unknown Dag", ("unknown_dag", "nothing")),
            ("unknown Dag of a sensor", ("unknown_dag", "nothing")),
            ("unknown version", ("unknown_version", "99")),
            ("rejected version", ("version_rejected", "it is slow")),
            ("old revision", ("revision_conflict", "Now: revision 2, version 2")),
            ("active version", ("version_active",)),
            ("unknown authority", ("tls_failed", "self-signed certificate in certificate chain", "extra 'verify'")),
        ],
    )
    def test_refusal_fails_the_task_at_once_and_says_why(self, refused, run_id, said):
        outcome = refused[run_id]
        assert (outcome.state, outcome.tries) == ("failed", 1 + outcome.killed_by_scheduler)
        for words in said:
            assert words in outcome.log
        assert "not the password" not in outcome.log

    def test_refusals_changed_nothing(self, airflow, refused):
        state = airflow.pinning.get(f"/dags/{TARGET}")
        assert (state["active"]["version_number"], state["revision"]) == (2, 2)
        assert version(airflow, TARGET, 4)["state"] == "registered"

    def test_retry_of_a_task_that_was_killed_after_the_answer_repeats_nothing(self, airflow, refused):
        outcome = run_tools(airflow, {"killed": ("killed", {"version": 4})})["killed"]
        assert (outcome.state, outcome.tries) == ("success", 2)
        canaries = [run.run_id for run in airflow.database.runs(TARGET) if run.run_id.startswith("canary__v4__")]
        assert len(canaries) == 2
        events = airflow.pinning.get(f"/dags/{TARGET}/events")["events"]
        assert next(event["evidence"]["run_ids"] for event in events if event["kind"] == "canary") == canaries

    def test_password_that_is_changed_while_a_sensor_waits_ends_the_wait(self, airflow, refused):
        fields = {"connection_id": "pinning_changed", "conn_type": "pinning", "host": airflow.url, "login": "admin"}
        airflow.airflow.post("/connections", {**fields, "password": airflow.passwords["admin"]})
        # A Dag that is not pinned has no version to wait for.
        start_tools(airflow, {"changed password": ("wait", {"connection": "pinning_changed", "target": "pin"})})
        airflow.wait_until(
            lambda: run_of(airflow, "wait", "changed_password").tasks[0].state == "deferred",
            what="the sensor waits in the triggerer",
        )
        airflow.airflow.patch("/connections/pinning_changed", {**fields, "password": "not the password"})
        outcome = finished(airflow, "wait", "changed password")
        assert (outcome.state, outcome.tries) == ("failed", 1 + outcome.killed_by_scheduler)
        assert "login_refused" in outcome.log
        assert "not the password" not in outcome.log
