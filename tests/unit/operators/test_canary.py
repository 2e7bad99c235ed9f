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
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from sqlalchemy import update

from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.canary import TriggerCanaryRunOperator
from tests.support.task_context import task_context

CREATED = {"dag_id": "orders", "version": {"version_number": 2}, "run_ids": ["a", "b"], "warnings": []}
RUNS = "/api/v2/dags/orders/dagRuns"


def canary(**parameters):
    parameters = {"deferrable": False, "poke_interval": 0.01, "version_number": "2", **parameters}
    return TriggerCanaryRunOperator(task_id="canary", target_dag_id="orders", **parameters)


@pytest.fixture
def created(stub):
    stub.answer("POST", "/pinning/api/v1/dags/orders/canaryRuns", (201, CREATED))
    return stub


def finish(session, state):
    session.execute(update(DagRun).values(state=state))
    session.commit()


def test_runs_are_created_once_and_awaited_by_the_retry(airflow_server, lab, session):
    lab.pin_first_of_two()
    with pytest.raises(TaskDeferred) as first:
        canary(count="2", deferrable=True).execute(task_context("canary"))
    with pytest.raises(TaskDeferred) as retried:
        canary(count="2", deferrable=True).execute(task_context("canary", try_number=2))
    assert retried.value.trigger.created["run_ids"] == first.value.trigger.created["run_ids"]
    finish(session, "success")
    result = canary(count="2").execute(task_context("canary", try_number=3))
    assert set(result["states"]) == set(first.value.trigger.created["run_ids"])
    assert result["version"]["version_number"] == 2
    cleared = canary(count="2", wait_for_completion=False).execute(task_context("canary", max_tries=5))
    assert not set(cleared["run_ids"]) & set(result["run_ids"])


@pytest.mark.parametrize("count", [0, "0", -1])
def test_no_runs_at_all_are_not_taken_for_one(created, count):
    with pytest.raises(ValueError, match=f"at least 1, not {count!r}"):
        canary(count=count).execute(task_context("canary"))
    assert created.asked("POST", "/pinning/api/v1/dags/orders/canaryRuns") == []


def test_no_runs_are_created_of_a_version_that_is_not_the_one_meant_or_was_rejected(airflow_server, lab):
    lab.pin_first_of_two()
    for condition in ("expected_dag_hash", "expected_bundle_version"):
        with pytest.raises(AirflowFailException, match="version_drifted"):
            canary(**{condition: "another"}).execute(task_context("canary"))
    PinningHook().reject("orders", 2, reason="fails")
    with pytest.raises(AirflowFailException, match="version_rejected"):
        canary().execute(task_context("canary"))
    tried = canary(override_reason="is it still so?", wait_for_completion=False).execute(task_context("canary"))
    assert len(tried["run_ids"]) == 1


def test_configuration_that_does_not_fit_the_version_fails_at_once(airflow_server, lab):
    lab.pin_first_of_two()
    with pytest.raises(AirflowFailException, match="invalid_conf"):
        canary(conf={"name": 7}).execute(task_context("canary"))
    assert PinningHook().get_release_state("orders")["active"]["version_number"] == 1


def test_waits_until_every_run_is_finished(created):
    created.answer("GET", f"{RUNS}/a", {"state": "queued"}, {"state": "success"})
    created.answer("GET", f"{RUNS}/b", {"state": "running"}, {"state": "running"}, {"state": "success"})
    result = canary().execute(task_context("canary"))
    assert result == {**CREATED, "states": {"a": "success", "b": "success"}}


def test_failed_run_fails_the_task_without_retries_unless_told_otherwise(created):
    created.answer("GET", f"{RUNS}/a", {"state": "success"})
    created.answer("GET", f"{RUNS}/b", {"state": "failed"})
    with pytest.raises(AirflowFailException, match="1 of 2 canary runs of version 2 of Dag orders failed: b"):
        canary().execute(task_context("canary"))
    assert canary(fail_on_failed_run=False).execute(task_context("canary"))["states"]["b"] == "failed"


def test_waiting_outlasts_a_restart_and_gives_up_on_a_deleted_run(created, monkeypatch):
    monkeypatch.setattr("airflow_providers_pinning.operators.base.PinningHook", lambda *a, **k: PinningHook(attempts=1))
    created.answer("GET", f"{RUNS}/a", (503, {}), (500, ""), {"state": "success"})
    created.answer("GET", f"{RUNS}/b", {"state": "success"})
    assert canary().execute(task_context("canary"))["states"] == {"a": "success", "b": "success"}
    created.answer("GET", f"{RUNS}/b", (404, {"detail": "The DagRun was not found"}))
    with pytest.raises(AirflowFailException, match="not found"):
        canary().execute(task_context("canary"))


def test_waiting_ends_with_the_timeout(created):
    created.answer("GET", f"{RUNS}/a", {"state": "running"})
    created.answer("GET", f"{RUNS}/b", {"state": "running"})
    with pytest.raises(TimeoutError, match="not finished"):
        canary(timeout=0.05).execute(task_context("canary"))


def test_retry_that_finds_the_runs_finished_does_not_defer(created):
    created.answer("GET", f"{RUNS}/a", {"state": "success"})
    created.answer("GET", f"{RUNS}/b", {"state": "success"})
    result = canary(deferrable=True).execute(task_context("canary", try_number=2))
    assert result["states"] == {"a": "success", "b": "success"}


def test_deferring_asks_no_further_than_the_first_run_that_is_not_finished(created):
    created.answer("GET", f"{RUNS}/a", {"state": "queued"})
    with pytest.raises(TaskDeferred):
        canary(deferrable=True).execute(task_context("canary"))
    assert created.asked("GET", f"{RUNS}/b") == []


def test_deferred_task_decides_when_it_comes_back(created):
    created.answer("GET", f"{RUNS}/a", {"state": "queued"})
    operator = canary(deferrable=True, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(task_context("canary"))
    assert deferred.value.timeout.total_seconds() == 60
    resume = getattr(operator, deferred.value.method_name)
    succeeded = {**CREATED, "states": {"a": "success", "b": "success"}}
    assert resume(task_context(), event={"result": succeeded, "error": None}) == succeeded
    failed = {**CREATED, "states": {"a": "success", "b": "failed"}}
    with pytest.raises(AirflowFailException, match="failed: b"):
        resume(task_context(), event={"result": failed, "error": None})
    error = {"message": "Gone.", "status": 404, "reason": "http_404", "data": {}}
    with pytest.raises(AirflowFailException, match="Gone"):
        resume(task_context(), event={"result": None, "error": error})


def test_deferring_is_the_default_if_airflow_is_configured_so(monkeypatch):
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert canary(deferrable=None).deferrable
    assert not canary(deferrable=False).deferrable


def test_live_runs_are_replayed(created):
    canary(replay={"last": "2"}, wait_for_completion=False).execute(task_context("canary"))

    [sent] = created.asked("POST", "/pinning/api/v1/dags/orders/canaryRuns")
    assert sent.body["replay"] == {"last": 2}
    assert "count" not in sent.body


@pytest.mark.parametrize(("states", "fails"), [(("success", "failed"), False), (("failed", "success"), True)])
def test_replays_of_the_active_version_are_awaited_and_may_fail(stub, states, fails):
    created = {**CREATED, "run_ids": ["a"], "replays": {"a": "live"}, "baseline_replays": {"b": "live"}}
    stub.answer("POST", "/pinning/api/v1/dags/orders/canaryRuns", (201, created))
    for run_id, state in zip("ab", states, strict=True):
        stub.answer("GET", f"{RUNS}/{run_id}", (200, {"state": state}))
    trial = canary(replay={"last": 1}, replay_baseline=True)

    if fails:
        with pytest.raises(AirflowFailException, match="1 of 1 canary runs of version 2 of Dag orders failed: a"):
            trial.execute(task_context("canary"))
    else:
        assert trial.execute(task_context("canary"))["states"] == {"a": "success", "b": "failed"}
    [sent] = stub.asked("POST", "/pinning/api/v1/dags/orders/canaryRuns")
    assert sent.body["replay_baseline"] is True


@pytest.mark.parametrize(("given", "sent"), [("eu", "eu"), ("", None)])
def test_partition_is_that_of_the_template(created, given, sent):
    canary(partition_key=given, wait_for_completion=False).execute(task_context("canary"))

    assert created.asked("POST", "/pinning/api/v1/dags/orders/canaryRuns")[0].body.get("partition_key") == sent


def test_replay_that_a_template_leaves_empty_is_none(created):
    canary(replay={"last": ""}, count="2", wait_for_completion=False).execute(task_context("canary"))

    [sent] = created.asked("POST", "/pinning/api/v1/dags/orders/canaryRuns")
    assert ("replay" in sent.body, sent.body["count"]) == (False, 2)


@pytest.fixture
def candidate(airflow_server, lab):
    lab.pin_first_of_two()
    return lab


def test_dag_without_a_live_run_has_nothing_to_replay(candidate):
    with pytest.raises(AirflowFailException, match="no successful live run"):
        canary(replay={"last": 2}).execute(task_context("canary"))


def test_dag_without_a_live_run_gets_canary_runs_if_that_is_wanted(candidate, capsys):
    wanted = {"replay": {"last": 2}, "count": 2, "on_nothing_to_replay": "run", "wait_for_completion": False}
    created, retried = (
        canary(**wanted).execute(task_context("canary", try_number=number))["run_ids"] for number in (1, 2)
    )
    assert len(created) == 2
    assert retried == created
    told = "The active version of Dag orders has no successful live run to replay. Starting 2 canary runs instead."
    assert told in capsys.readouterr().out


def test_named_runs_are_replayed_or_nothing(candidate):
    with pytest.raises(AirflowFailException, match="has no live run 'gone'"):
        canary(replay={"runs": ["gone"]}, on_nothing_to_replay="run").execute(task_context("canary"))


def test_unknown_choice_is_refused_when_the_dag_is_parsed():
    with pytest.raises(ValueError, match="'ignore' is not a valid OnNothingToReplay"):
        canary(on_nothing_to_replay="ignore")


@pytest.mark.parametrize("rendered", [dict, json.dumps])
def test_runs_are_kept_apart_as_it_is_said_and_empty_fields_are_as_by_default(airflow_server, lab, session, rendered):
    lab.pin_first_of_two()
    session.add(Connection(conn_id="trial", conn_type="http"))
    session.commit()
    wanted = {"assets": "publish", "pool": "default_pool", "queue": "", "state": "", "variables": {}}
    wanted["connections"] = {"warehouse": "trial"}
    result = canary(isolation=rendered(wanted), wait_for_completion=False).execute(task_context("canary"))
    assert result["isolation"] == {
        "assets": "publish",
        "alerts": "withhold",
        "triggers": "refuse",
        "state": "withhold",
        "slots": "behind",
        "pool": "default_pool",
        "connections": {"warehouse": "trial"},
    }
