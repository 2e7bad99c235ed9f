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
"""Every way to a run, with the real processes: a pinned Dag runs the pinned version, down to what its tasks import."""

from __future__ import annotations

import json

import pytest

from tests.system.paths import HELPER, files
from tests.system.promotions import finished_run

pytestmark = pytest.mark.system

PINNED = ("scheduled", "triggered", "by_asset", "daily")


@pytest.fixture(scope="module")
def airflow(deployment):
    first = deployment.repository.commit(files("v1"), "First version")
    deployment.wait_until(
        lambda: all(deployment.database.versions(dag_id) for dag_id in (*PINNED, "caller", "producer", "secrets")),
        what="every Dag is registered",
    )
    for dag_id in PINNED:
        deployment.pinning.put(f"/dags/{dag_id}/pin", {"version_number": 1, "reason": "stable"})
    second = deployment.repository.commit(files("v2"), "Everything changes")
    deployment.wait_until(
        lambda: all(
            deployment.pinning.get(f"/dags/{dag_id}")["latest"]["bundle_version"] == second for dag_id in PINNED
        ),
        what="HEAD is registered",
    )
    deployment.first, deployment.second = first, second
    yield deployment
    # The other modules that use the deployment have no use for runs of these Dags.
    deployment.airflow.patch("/dags", {"is_paused": True}, dag_id_pattern="%")


def finished(airflow, dag_id, **filters):
    """Wait for the newest run that matches, until it is finished."""

    def newest():
        runs = airflow.database.runs(dag_id, after=filters.get("after", 0), run_type=filters.get("run_type"))
        return next((run for run in reversed(runs) if run.is_finished), None)

    return airflow.wait_until(newest, what=f"a run of {dag_id} is finished")


def newest_id(airflow, dag_id):
    return max((run.id for run in airflow.database.runs(dag_id)), default=0)


def assert_is_version(airflow, run, number, sha, says, group=None):
    assert run.state == "success", airflow.logs()
    assert (run.version_number, run.bundle_version) == (number, sha)
    assert run.task_version_numbers == {number}
    log = airflow.task_log(
        run.dag_id, run.run_id, "say", try_number=max(t.try_number for t in run.tasks if t.task_id == "say")
    )
    assert f"helper says {says} and {says}" in log
    if group:
        assert run.task_ids == {"say", "numbers", "each", f"{group}.inside"}
        mapped = [task for task in run.tasks if task.task_id == "each"]
        assert sorted(task.map_index for task in mapped) == [0, 1]
        for task in mapped:
            # The first try of each fails, so the newest log is that of a retry.
            text = airflow.task_log(
                run.dag_id, run.run_id, "each", try_number=task.try_number, map_index=task.map_index
            )
            assert f"helper says {says} for" in text


def test_scheduled_run(airflow):
    run = finished(airflow, "scheduled", run_type="scheduled", after=newest_id(airflow, "scheduled"))
    assert_is_version(airflow, run, 1, airflow.first, "v1")


def test_run_triggered_through_rest(airflow):
    before = newest_id(airflow, "triggered")
    airflow.airflow.post("/dags/triggered/dagRuns", {"logical_date": None, "conf": {"size": 5}})
    assert_is_version(airflow, finished(airflow, "triggered", after=before), 1, airflow.first, "v1", "first")


def test_parameters_are_those_of_the_pinned_version(airflow):
    answer = airflow.airflow.request(
        "POST", "/dags/triggered/dagRuns", json={"logical_date": None, "conf": {"size": "x"}}
    )
    assert answer.status_code == 400
    assert "size" in answer.text


def test_run_triggered_by_another_dag(airflow):
    before = newest_id(airflow, "triggered")
    airflow.airflow.post("/dags/caller/dagRuns", {"logical_date": None})
    assert_is_version(airflow, finished(airflow, "triggered", after=before), 1, airflow.first, "v1", "first")


def test_canary_run_triggers_another_dag_only_if_it_may(airflow):
    before = len(airflow.database.runs("triggered"))

    def canary(isolation):
        body = {"version_number": 1, "note": "try it", "isolation": isolation}
        [run_id] = airflow.pinning.post("/dags/caller/canaryRuns", body)["run_ids"]
        return finished_run(airflow, "caller", run_id)

    assert canary({}).state == "failed"
    assert len(airflow.database.runs("triggered")) == before
    assert canary({"triggers": "allow"}).state == "success"
    assert len(airflow.database.runs("triggered")) == before + 1


def test_canary_run_has_substitutes_and_state_of_its_own(airflow):
    airflow.airflow.post("/connections", {"connection_id": "trial", "conn_type": "http", "host": "trial"})
    airflow.airflow.post("/variables", {"key": "trial", "value": "trial"})
    isolation = {"connections": {"warehouse": "trial"}, "variables": {"bucket": "trial"}}
    body = {"version_number": 1, "note": "try it", "isolation": isolation}

    def told(run):
        assert run.state == "success", airflow.logs()
        logs = [airflow.task_log("secrets", run.run_id, task_id) for task_id in ("ask", "read_back", "defer")]
        lines = [next(line for line in log.splitlines() if "TOLD" in line) for log in logs]
        return [json.loads(json.loads(line)["event"].removeprefix("TOLD ")) for line in lines]

    def variables():
        return {entry["key"] for entry in airflow.airflow.get("/variables")["variables"]}

    [run_id] = airflow.pinning.post("/dags/secrets/canaryRuns", body)["run_ids"]
    [asked, read_back, deferred] = told(finished_run(airflow, "secrets", run_id))
    assert asked == {
        "top": ["trial", "trial"],
        "template": "trial trial",
        "hook": "trial",
        "id": "warehouse",
        "variable": "trial",
    }
    assert read_back == "9"
    assert deferred == {"hosts": ["trial"] * 3, "variables": ["trial", "9"]}
    assert not variables() & {"written", "from_trigger"}
    [listed] = [run for run in airflow.pinning.get("/dags/secrets/runs")["runs"] if run["run_id"] == run_id]
    assert listed["withheld"] == {"asset_event": 1, "asset_state": 1, "variable": 2}

    before = newest_id(airflow, "secrets")
    airflow.airflow.post("/dags/secrets/dagRuns", {"logical_date": None})
    [asked, read_back, deferred] = told(finished(airflow, "secrets", after=before))
    assert (asked["hook"], asked["variable"], read_back) == ("live", "live", "9")
    assert deferred == {"hosts": ["live"] * 3, "variables": ["live", "9"]}
    assert variables() >= {"written", "from_trigger"}


def test_run_triggered_on_the_command_line(airflow):
    before = newest_id(airflow, "triggered")
    airflow.cli("dags", "trigger", "triggered")
    assert_is_version(airflow, finished(airflow, "triggered", after=before), 1, airflow.first, "v1", "first")


def test_run_triggered_by_the_pinned_versions_asset(airflow):
    before = newest_id(airflow, "by_asset")
    airflow.airflow.post("/dags/producer/dagRuns", {"logical_date": None})
    run = finished(airflow, "by_asset", after=before)
    assert run.run_type == "asset_triggered"
    assert_is_version(airflow, run, 1, airflow.first, "v1")


def test_backfill(airflow):
    airflow.cli("backfill", "create", "--dag-id", "daily", "--from-date", "2026-02-01", "--to-date", "2026-02-02")
    run = finished(airflow, "daily", run_type="backfill")
    assert run.logical_date.hour == 0
    assert_is_version(airflow, run, 1, airflow.first, "v1")


def test_schedule_and_limits_in_effect_are_the_pinned_versions(airflow):
    limits = {dag_id: airflow.database.dag(dag_id)["max_active_runs"] for dag_id in PINNED}
    assert limits == dict.fromkeys(PINNED, 4)
    assert airflow.airflow.get("/dags/daily")["timetable_summary"] == "0 0 * * *"


def test_clearing_on_the_latest_version_lands_on_the_pin(airflow):
    airflow.airflow.post("/dags/triggered/dagRuns", {"logical_date": None, "dag_run_id": "to_clear"})
    finished(airflow, "triggered", after=newest_id(airflow, "triggered") - 1)
    airflow.pinning.put("/dags/triggered/pin", {"bundle_version": airflow.second, "reason": "promoted"})
    third = airflow.repository.commit({HELPER: "SAYS = 'v3'\n"}, "Helper changes again")
    airflow.wait_until(
        lambda: airflow.pinning.get("/dags/triggered")["latest"]["bundle_version"] == third,
        what="the third commit is registered",
    )

    clear(airflow, "to_clear", lands_on=2, run_on_latest_version=True)
    run = run_of(airflow, "to_clear")
    assert (run.state, run.bundle_version) == ("success", airflow.second)
    assert "helper says v2 and v2" in airflow.task_log("triggered", "to_clear", "say", try_number=2)


def test_dag_that_reruns_with_the_latest_version_reruns_with_the_pinned_one(airflow):
    before = newest_id(airflow, "triggered")
    airflow.airflow.post("/dags/triggered/dagRuns", {"logical_date": None, "dag_run_id": "again"})
    assert_is_version(airflow, finished(airflow, "triggered", after=before), 2, airflow.second, "v2", "second")
    airflow.pinning.post("/dags/triggered/rollback", {"reason": "version 2 disappoints"})
    clear(airflow, "again", lands_on=1)
    assert run_of(airflow, "again").bundle_version == airflow.first
    assert "helper says v1 and v1" in airflow.task_log("triggered", "again", "say", try_number=2)


def run_of(airflow, run_id):
    return next(run for run in airflow.database.runs("triggered") if run.run_id == run_id)


def clear(airflow, run_id, *, lands_on, **body):
    airflow.airflow.post(f"/dags/triggered/dagRuns/{run_id}/clear", {"dry_run": False, **body})
    airflow.wait_until(
        lambda: (run := run_of(airflow, run_id)).is_finished and run.version_number == lands_on,
        what=f"the cleared run is finished on version {lands_on}",
    )


def test_no_run_escaped_and_every_component_enforces(airflow):
    health = airflow.pinning.get("/health")
    assert health["enforced"] is True
    assert {c["component"] for c in health["components"]} == {"scheduler", "dag_processor", "triggerer", "api_server"}
    assert health["escaped_runs"] == []
    assert health["unhealthy_pins"] == []
