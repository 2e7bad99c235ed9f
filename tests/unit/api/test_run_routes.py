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
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import update

from tests.support.api import PINNING
from tests.support.remembered import remembered

DAG = f"{PINNING}/dags/orders"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.pin_first_of_two()


class TestRuns:
    @pytest.fixture(autouse=True)
    def runs(self, api):
        api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None, "dag_run_id": "live_one"})
        api().post(f"{DAG}/canaryRuns", json={"version_number": 2})

    def test_are_listed_newest_first(self, api):
        body = api("viewer").get(f"{DAG}/runs").json()

        assert [(run["version_number"], run["kind"]) for run in body["runs"]] == [(2, "canary"), (1, "live")]
        assert body["total_entries"] == 2

    def test_tell_what_the_picture_needs(self, api):
        [run] = api().get(f"{DAG}/runs", params={"limit": 1, "offset": 1}).json()["runs"]

        assert set(run) == {
            "run_id", "version_number", "dag_version_id", "kind", "run_type", "state",
            "created_at", "started_at", "ended_at", "withheld", "isolation", "replay_of",
        }  # fmt: skip
        assert (run["run_id"], run["state"]) == ("live_one", "queued")

    def test_tell_why_queued_canary_runs_have_not_started(self, api):
        body = api("viewer").get(f"{DAG}/runs", params={"limit": 1, "offset": 1}).json()

        [delay] = body["canary_delays"]
        assert "1 live run of Dag 'orders' waits to start" in delay

    def test_lead_to_the_newest_failure_of_each_task_of_the_pinned_version(self, api, session):
        for run_id in ("first", "second"):
            api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None, "dag_run_id": run_id})
            session.execute(
                update(TaskInstance).where(TaskInstance.run_id == run_id).values(state="failed", try_number=2)
            )
            # SQLite lets nobody else write before.
            session.commit()
        session.execute(update(DagRun).where(DagRun.run_id.in_(["first", "second"])).values(state="failed"))
        session.execute(update(DagRun).where(DagRun.run_id.startswith("canary__")).values(state="failed"))
        session.execute(update(TaskInstance).where(TaskInstance.run_id.startswith("canary__")).values(state="failed"))
        session.commit()

        failed = api("viewer").get(f"{DAG}/runs").json()["failed_tasks"]

        assert [(task["task_id"], task["run_id"], task["map_index"], task["try_number"]) for task in failed] == [
            ("extract", "second", -1, 2),
            ("load", "second", -1, 2),
        ]

    def test_have_logs_for_whoever_may_read_them(self, api, airflow_app, monkeypatch):
        manager = airflow_app.state.auth_manager
        ask = manager.is_authorized_dag

        def is_authorized(*, method, access_entity=None, **asked):
            return access_entity != DagAccessEntity.TASK_LOGS and ask(
                method=method, access_entity=access_entity, **asked
            )

        assert api("viewer").get(f"{DAG}/failures").json() == {"failures": []}
        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)

        answer = api("viewer").get(f"{DAG}/failures")

        assert answer.status_code == 403
        assert "read the logs of its tasks (FAB: 'can read on Task Logs')" in answer.json()["detail"]["message"]

    def test_tell_of_no_delay_once_no_canary_run_is_queued(self, api, session):
        session.execute(update(DagRun).where(DagRun.run_id.startswith("canary__")).values(state="running"))
        session.commit()

        assert api().get(f"{DAG}/runs").json()["canary_delays"] == []

    def test_of_an_unknown_dag_are_not_found(self, api):
        answer = api().get(f"{PINNING}/dags/unknown/runs")

        assert (answer.status_code, answer.json()["detail"]["reason"]) == (404, "unknown_dag")

    @pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 501}, {"offset": -1}], ids=str)
    def test_refuse_parameters_that_are_not_valid(self, params, api):
        assert api().get(f"{DAG}/runs", params=params).status_code == 422
