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

from datetime import datetime, timedelta, timezone

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from sqlalchemy import update

from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.sensors.soak import VersionSoakSensor
from airflow_providers_pinning.triggers.soak import VersionSoakTrigger
from tests.support.task_context import task_context

SOAK = "/pinning/api/v1/dags/orders/versions/2/soak"


def sensor(**parameters):
    parameters = {"deferrable": False, "poke_interval": 0.02, "timeout": 20, "version_number": "2", **parameters}
    return VersionSoakSensor(task_id="soak", target_dag_id="orders", **parameters)


def soak(verdict):
    return {
        "verdict": verdict,
        "reason": "because",
        "message": "It is so.",
        "version": {"version_number": 2},
        "evidence": {"runs": 3},
    }


def finish(session, state):
    now = datetime.now(timezone.utc)
    session.execute(update(DagRun).values(state=state, start_date=now, end_date=now))
    session.commit()


@pytest.mark.parametrize(("state", "verdict"), [("success", "successful"), ("failed", "failed")])
def test_real_runs_decide(airflow_server, lab, session, state, verdict):
    lab.pin_first_of_two()
    created = PinningHook().trigger_canary_runs("orders", 2, count=2)
    finish(session, state)
    context = task_context("soak")
    criteria = {"min_runs": "2", "expected_dag_hash": created["version"]["dag_hash"]}
    if verdict == "successful":
        assert sensor(**criteria).execute(context)["evidence"]["successes"] == 2
    else:
        with pytest.raises(AirflowFailException, match="too_many_failures"):
            sensor(**criteria).execute(context)
    assert context["ti"].pushed["soak"]["verdict"] == verdict
    for condition in ("expected_dag_hash", "expected_bundle_version"):
        with pytest.raises(AirflowFailException, match="version_drifted"):
            sensor(**{condition: "another"}).execute(context)


def test_progress_is_awaited(stub):
    stub.answer("GET", SOAK, soak("progressing"), (502, ""), soak("progressing"), soak("successful"))
    assert sensor().execute(task_context())["verdict"] == "successful"
    assert len(stub.asked("GET", SOAK)) == 4


@pytest.mark.parametrize(
    ("on_inconclusive", "expected"), [("fail", AirflowFailException), ("skip", AirflowSkipException), ("succeed", None)]
)
def test_inconclusive_means_what_is_said(stub, on_inconclusive, expected):
    stub.answer("GET", SOAK, soak("inconclusive"))
    context = task_context()
    if expected:
        with pytest.raises(expected, match="inconclusive"):
            sensor(on_inconclusive=on_inconclusive).execute(context)
    else:
        assert sensor(on_inconclusive=on_inconclusive).execute(context)["verdict"] == "inconclusive"
    assert context["ti"].pushed["soak"]["verdict"] == "inconclusive"


def test_limit_is_taken_by_the_name_that_it_had_in_0_1_0():
    with pytest.warns(AirflowProviderDeprecationWarning, match="max_wait is now called inconclusive_after"):
        made = sensor(max_wait=60)
    assert made.criteria().inconclusive_after == 60


def test_sensor_that_0_1_0_deferred_goes_on():
    criteria = {**vars(SoakCriteria()), "max_wait": 60.0}
    del criteria["inconclusive_after"]
    trigger = VersionSoakTrigger(
        pinning_conn_id="pinning_default", target_dag_id="orders", version_number=2, criteria=criteria
    )
    assert SoakCriteria(**trigger.criteria).inconclusive_after == 60


def test_cap_of_the_backoff_of_other_sensors_is_no_limit():
    """``default_args`` of a whole Dag may set it for all its sensors."""
    with DAG("promote", default_args={"max_wait": timedelta(minutes=5)}, schedule=None):
        made = sensor()
    assert made.criteria().inconclusive_after is None
    assert made.max_wait == timedelta(minutes=5)


def test_criteria_are_sent_rendered(stub):
    stub.answer("GET", SOAK, soak("successful"))
    sensor(
        min_runs="5",
        min_duration=timedelta(hours=1),
        max_failures="1",
        consecutive_successes="None",
        inconclusive_after="7200",
        run_kinds="live",
        since=datetime(2026, 1, 1, tzinfo=timezone.utc),
        compare=True,
        max_duration_ratio=2,
        min_duration_difference=timedelta(minutes=1),
        min_duration_runs=4,
        failed_tasks="ignore",
    ).execute(task_context())
    assert stub.received[-1].params == {
        "min_runs": "5",
        "min_duration": "3600.0",
        "max_failures": "1",
        "inconclusive_after": "7200.0",
        "run_kinds": "live",
        "failed_tasks": "ignore",
        "since": "2026-01-01T00:00:00+00:00",
        "compare": "true",
        "max_duration_ratio": "2",
        "min_duration_difference": "60.0",
        "min_duration_runs": "4",
    }


@pytest.mark.parametrize("wrong", [{"run_kinds": "all"}, {"on_inconclusive": "ignore"}, {"version_number": "None"}])
def test_values_that_make_no_sense_are_refused(stub, wrong):
    with pytest.raises(ValueError):
        sensor(**wrong).execute(task_context())


@pytest.mark.parametrize("verdict", ["successful", "failed"])
def test_verdict_that_is_there_needs_no_deferral(stub, verdict):
    stub.answer("GET", SOAK, soak(verdict))
    if verdict == "successful":
        assert sensor(deferrable=True).execute(task_context())["verdict"] == verdict
    else:
        with pytest.raises(AirflowFailException, match="because"):
            sensor(deferrable=True).execute(task_context())
    assert len(stub.asked("GET", SOAK)) == 1


@pytest.mark.parametrize("fault", [(503, {}), (500, ""), "drop"])
def test_server_that_is_down_at_the_first_look_is_awaited_in_the_triggerer(stub, fault):
    stub.answer("GET", SOAK, fault)
    with pytest.raises(TaskDeferred):
        sensor(deferrable=True).execute(task_context())


@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_failure_at_the_first_look_is_a_skip_where_airflow_makes_one(stub, option):
    stub.answer("GET", SOAK, soak("failed"))
    with pytest.raises(AirflowSkipException, match="because"):
        sensor(deferrable=True, **{option: True}).execute(task_context())


def test_deferred_sensor_decides_when_it_comes_back(stub):
    stub.answer("GET", SOAK, soak("progressing"))
    operator = sensor(deferrable=True, min_runs=5)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(task_context())
    values = deferred.value.trigger.serialize()[1]
    assert (values["version_number"], values["criteria"]["min_runs"]) == (2, 5)
    assert operator.execute_complete(task_context(), {"result": soak("successful"), "error": None})
    with pytest.raises(AirflowFailException, match="because"):
        operator.execute_complete(task_context(), {"result": soak("failed"), "error": None})
    drifted = {"message": "m", "status": 409, "reason": "version_drifted", "data": {}}
    with pytest.raises(AirflowFailException, match="version_drifted"):
        operator.execute_complete(task_context(), {"result": None, "error": drifted})
