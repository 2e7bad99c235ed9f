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

import json

import pytest
from airflow.models.connection import Connection
from airflow.models.dagrun import DagRun
from airflow.models.variable import Variable
from airflow.utils.state import DagRunState
from sqlalchemy import select

from airflow_providers_pinning.models import Event, RoutedRun
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file

RUNS = f"{PINNING}/dags/orders/canaryRuns"
SOAK = f"{PINNING}/dags/orders/versions/2/soak"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.pin_first_of_two()


def test_canary_runs_are_created_and_named(api, session):
    answer = api().post(RUNS, json={"version_number": 2, "count": 2, "note": "try it"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["dag_id"], body["version"]["version_number"], len(body["run_ids"])) == ("orders", 2, 2)
    runs = session.scalars(select(DagRun)).all()
    assert {run.run_id for run in runs} == set(body["run_ids"])
    assert {run.note for run in runs} == {"try it"}
    assert {run.triggering_user_name for run in runs} == {"op"}


def test_conf_that_does_not_fit_is_refused_as_invalid(api, session):
    answer = api().post(RUNS, json={"version_number": 2, "conf": {"name": 1}})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_conf")
    assert session.scalars(select(DagRun)).all() == []


def test_run_ids_that_airflow_is_configured_to_refuse_are_a_refusal(api, session, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SCHEDULER__ALLOWED_RUN_ID_PATTERN", "^manual__.*$")
    answer = api().post(RUNS, json={"version_number": 2})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "run_id_not_allowed")
    assert "allowed_run_id_pattern" in answer.json()["detail"]["message"]


WITH_PARAMS = """
    from airflow.sdk import DAG, Param
    from airflow.providers.standard.operators.empty import EmptyOperator

    PARAMS = {
        "region": Param("eu", enum=["eu", "us"], description="Where the <b>orders</b> are"),
        "size": Param(1, type="integer"),
        "since": Param(None, type=["null", "string"], format="date"),
    }
    with DAG("orders", schedule=None, params=PARAMS):
        EmptyOperator(task_id="extract")
"""


def test_params_of_the_version_itself_are_read(api, lab):
    lab.commit("sha3", orders=WITH_PARAMS)
    number = lab.numbers("orders")[-1]

    answer = api("viewer").get(f"{PINNING}/dags/orders/versions/{number}/params")

    assert answer.json()["version"]["version_number"] == number
    assert answer.json()["params"] == [
        {
            "name": "region",
            "value": "eu",
            "description": "Where the <b>orders</b> are",
            "json_schema": {"enum": ["eu", "us"]},
        },
        {"name": "size", "value": 1, "description": None, "json_schema": {"type": "integer"}},
        {
            "name": "since",
            "value": None,
            "description": None,
            "json_schema": {"type": ["null", "string"], "format": "date"},
        },
    ]
    of_first = api().get(f"{PINNING}/dags/orders/versions/1/params").json()["params"]
    assert [param["name"] for param in of_first] == ["size"]
    assert api().get(f"{PINNING}/dags/orders/versions/99/params").status_code == 404


def test_params_of_a_version_that_cannot_be_read_are_refused(api, lab):
    lab.remove_plugin("orders", 2)

    answer = api().get(f"{PINNING}/dags/orders/versions/2/params")

    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "version_unreadable")


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("viewer", 403), ("user", 201)])
def test_canary_runs_need_permission_to_start_runs(api, role, status):
    assert api(role).post(RUNS, json={"version_number": 2}).status_code == status


def test_rejected_version_takes_an_override(api, lab):
    lab.reject("orders", 2)
    body = {"version_number": 2}
    answer = api().post(RUNS, json=body)
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "version_rejected")
    assert api().post(RUNS, json={**body, "override_reason": "to see it fail"}).status_code == 201
    assert lab.managed("orders")[2] == "rejected"


def test_unknown_version_is_not_found(api):
    answer = api().post(RUNS, json={"version_number": 9})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (404, "unknown_version")


def test_same_key_creates_the_runs_once(api, session):
    body = {"version_number": 2, "idempotency_key": "orders/run/task"}
    first, second = api().post(RUNS, json=body), api().post(RUNS, json=body)
    assert first.json()["run_ids"] == second.json()["run_ids"]
    assert len(session.scalars(select(DagRun)).all()) == 1


def test_source_of_a_request_is_in_the_history(api, session):
    source = {"dag_id": "promote", "run_id": "r1", "task_id": "canary", "map_index": -1}
    api().post(RUNS, json={"version_number": 2}, headers={"Pinning-Source": json.dumps(source)})
    event = session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert (event.kind, event.actor_kind, event.source) == ("canary", "user", source)


@pytest.mark.parametrize("source", ["{", "[]", '"x"', json.dumps({"dag_id": "x" * 3000})])
def test_source_that_is_no_small_object_is_refused(api, source):
    answer = api().post(RUNS, json={"version_number": 2}, headers={"Pinning-Source": source})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_source")


def test_soak_tells_the_verdict_with_its_evidence(api, session):
    run_ids = api().post(RUNS, json={"version_number": 2, "count": 3}).json()["run_ids"]
    for run in session.scalars(select(DagRun).where(DagRun.run_id.in_(run_ids))):
        run.state = DagRunState.SUCCESS
    session.commit()
    body = api("viewer").get(SOAK, params={"min_runs": 3}).json()
    assert (body["verdict"], body["reason"]) == ("successful", "criteria_met")
    assert body["evidence"]["runs"] == 3
    assert body["evidence"]["failure_rate_upper_95"] == pytest.approx(0.63, abs=0.01)
    assert body["criteria"]["min_runs"] == 3
    assert "max_duration_ratio" not in body["criteria"]
    assert body["comparison"] is None


def test_comparison_without_live_runs_of_the_active_version_is_inconclusive(api, session):
    [run_id] = api().post(RUNS, json={"version_number": 2}).json()["run_ids"]
    session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one().state = DagRunState.SUCCESS
    session.commit()
    body = api().get(SOAK, params={"min_runs": 1, "compare": True}).json()
    assert body["criteria"]["max_duration_ratio"] == 1.5
    assert (body["criteria"]["min_duration_difference"], body["criteria"]["min_duration_runs"]) == (5, 3)
    assert (body["verdict"], body["baseline"]["version_number"]) == ("inconclusive", 1)
    assert body["comparison"]["judgement"]["reason"] == "no_baseline"


def test_soak_of_a_version_that_is_not_managed_is_refused(api):
    answer = api().get(SOAK)
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "not_managed")


@pytest.mark.parametrize("condition", ["expected_dag_hash", "expected_bundle_version"])
def test_soak_of_another_version_than_meant_is_refused(api, condition):
    api().post(RUNS, json={"version_number": 2})
    answer = api().get(SOAK, params={condition: "0" * 32})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "version_drifted")


@pytest.mark.parametrize(
    "criteria",
    [
        {"min_runs": -1},
        {"min_runs": 10**20},
        {"min_duration": -1},
        {"min_duration": "inf"},
        {"inconclusive_after": "1e300"},
        {"run_kinds": "x"},
        {"since": "x"},
        {"since": "0.5"},
        {"since": "2026-01-01T00:00:00"},
    ],
)
def test_criteria_that_make_no_sense_are_invalid(api, criteria):
    assert api().get(SOAK, params=criteria).status_code == 422


def test_limit_of_a_soak_is_taken_by_the_name_that_it_had_in_0_1_0(api):
    """Hooks of 0.1.0 send it: a soak whose limit is passed over would never end."""
    api().post(RUNS, json={"version_number": 2})
    assert api().get(SOAK, params={"max_wait": 0}).json()["verdict"] == "inconclusive"


def test_limit_of_a_soak_by_both_names_is_refused_if_they_differ(api):
    api().post(RUNS, json={"version_number": 2})
    refused = api().get(SOAK, params={"max_wait": 5, "inconclusive_after": 7.5})
    detail = refused.json()["detail"]
    assert (refused.status_code, detail["reason"]) == (422, "invalid_request")
    assert "inconclusive_after is 7.5 and max_wait, its former name, is 5; use only one" in detail["message"]
    alike = api().get(SOAK, params={"max_wait": 5, "inconclusive_after": 5.0})
    assert alike.json()["criteria"]["inconclusive_after"] == 5


@pytest.mark.parametrize("path", [f"versions/{10**20}/soak", f"versions?offset={10**20}", f"events?offset={10**20}"])
def test_numbers_that_no_column_holds_are_invalid(api, path):
    assert api().get(f"{PINNING}/dags/orders/{path}").status_code == 422


@pytest.mark.parametrize(
    ("dag", "why"),
    [
        (dag_file("orders", "schedule='@daily'", ""), "it has no tasks"),
        (
            dag_file("orders", "schedule='@daily'").replace("datetime(2026, 1, 1", "datetime(2999, 1, 1"),
            "its first task starts at 2999-01-01",
        ),
        (
            dag_file("orders", "schedule='@daily', end_date=datetime(2026, 2, 1, tzinfo=timezone.utc)"),
            "its last task ended at 2026-02-01",
        ),
    ],
)
def test_version_that_can_have_no_task_now_gets_no_canary_run(api, lab, session, dag, why):
    """Airflow would make runs without a task, which succeed at once."""
    lab.commit("sha3", orders=dag)
    number = lab.numbers("orders")[-1]
    answer = api().post(RUNS, json={"version_number": number})
    detail = answer.json()["detail"]
    assert (answer.status_code, detail["reason"]) == (409, "no_task")
    assert f"cannot have a canary run now: {why}" in detail["message"]
    assert session.scalars(select(DagRun)).all() == []


def test_version_of_which_one_task_has_started_gets_canary_runs(api, lab, session):
    late = "EmptyOperator(task_id='late', start_date=datetime(2999, 1, 1, tzinfo=timezone.utc))"
    lab.commit("sha3", orders=dag_file("orders", "schedule='@daily'", "extract", late))
    number = lab.numbers("orders")[-1]
    assert api().post(RUNS, json={"version_number": number}).status_code == 201
    [run] = session.scalars(select(DagRun))
    assert [ti.task_id for ti in run.task_instances] == ["extract"]


class TestIsolation:
    def test_runs_are_kept_apart_in_the_safe_way_and_that_is_told(self, api):
        body = api().post(RUNS, json={"version_number": 2}).json()
        assert body["isolation"] == {
            "assets": "withhold",
            "alerts": "withhold",
            "triggers": "refuse",
            "state": "withhold",
            "slots": "behind",
        }

    def test_each_field_is_a_choice(self, api, session):
        wanted = {
            "assets": "publish",
            "alerts": "send",
            "triggers": "allow",
            "slots": "shared",
            "pool": "default_pool",
            "queue": "spare",
            "executor": "LocalExecutor",
            "state": "write",
        }
        answer = api().post(RUNS, json={"version_number": 2, "isolation": wanted})
        assert answer.status_code == 201, answer.text
        assert answer.json()["isolation"] == wanted
        [record] = session.scalars(select(RoutedRun))
        assert (record.isolation, record.shares_slots) == (wanted, True)

    @pytest.mark.parametrize(
        ("isolation", "reason"),
        [
            ({"pool": "nowhere"}, "invalid_isolation"),
            ({"executor": "Nonesuch"}, "invalid_isolation"),
            ({"assets": "drop"}, "invalid_request"),
            ({"pools": "default_pool"}, "invalid_request"),
            ({"pool": ""}, "invalid_request"),
            ({"state": "drop"}, "invalid_request"),
            ({"connections": {"warehouse": "nowhere"}}, "invalid_isolation"),
            ({"connections": {"warehouse": ""}}, "invalid_request"),
            ({"variables": {"bucket": "nothing"}}, "invalid_isolation"),
            ({"variables": {f"bucket{number}": "other" for number in range(101)}}, "invalid_request"),
        ],
    )
    def test_what_cannot_be_is_refused_and_no_run_is_created(self, api, session, isolation, reason):
        answer = api().post(RUNS, json={"version_number": 2, "isolation": isolation})
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, reason)
        assert session.scalars(select(DagRun)).all() == []

    def test_substitutes_are_told(self, api, session):
        session.add_all([Connection(conn_id="trial", conn_type="http"), Variable(key="trial", val="1")])
        session.commit()
        substitutes = {"connections": {"warehouse": "trial"}, "variables": {"bucket": "trial"}}
        body = api().post(RUNS, json={"version_number": 2, "isolation": substitutes}).json()
        assert {field: body["isolation"][field] for field in substitutes} == substitutes
        assert len(body["warnings"]) == 2

    def test_same_key_with_another_isolation_is_another_request(self, api):
        first = {"version_number": 2, "idempotency_key": "once"}
        created = api().post(RUNS, json=first).json()
        assert api().post(RUNS, json=first).json()["isolation"] == created["isolation"]
        other = api().post(RUNS, json={**first, "isolation": {"assets": "publish"}})
        assert (other.status_code, other.json()["detail"]["reason"]) == (409, "idempotency_key_reused")
