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

import json
from datetime import datetime, timezone

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import update

from airflow_providers_pinning.hooks.pinning import PinningHook
from tests.unit.example_dags.test_examples import Deployment, dags, register, shown, states_of  # noqa: F401 - fixtures

POLICY = {"policies": [{"name": "both", "match": {"dag_ids": ["*"]}, "requires": {"evidence": ["staging"]}}]}


@pytest.fixture
def example(dags, airflow_server, connect, lab, register, session):  # noqa: F811 - fixtures
    """Return the example, with this Airflow as the other one too, where canary runs of ``sha2`` are to be finished."""
    connect(airflow_server, conn_id="pinning_staging", login="viewer")
    lab.pin_first_of_two()
    PinningHook().apply_policies(document=POLICY, reason="rules")
    PinningHook().trigger_canary_runs("orders", 2, count=3)
    dag = dags["example_promote_between_deployments"]
    for task in dag.tasks:
        task.retries = 0
    dag.get_task("canary").poke_interval = 0.2
    register(**{dag.dag_id: dag})
    return dag


def finish(session, state):
    now = datetime.now(timezone.utc)
    session.execute(update(DagRun).where(DagRun.dag_id == "orders").values(state=state, start_date=now, end_date=now))
    session.commit()


def evidence():
    return PinningHook().list_evidence("orders", 2)["evidence"]


@pytest.mark.parametrize("approval", [True, False], ids=["asked", "not asked"])
def test_commit_that_soaked_there_is_recorded_tried_and_pinned_here(example, session, shown, approval):  # noqa: F811
    finish(session, "success")
    with Deployment("success"):
        run = example.test(
            run_conf={"bundle_version": "sha2", "staging_runs": 3, "canary_runs": 1, "approval": approval}
        )
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    assert states.pop("approval") == ("success" if approval else "skipped")
    assert set(states.values()) == {"success"}
    active = PinningHook().get_release_state("orders")["active"]
    assert (active["version_number"], active["bundle_version"]) == (2, "sha2")
    [found] = evidence()
    assert (found["name"], found["verdict"]) == ("staging", "successful")
    assert found["url"].endswith("/dags/orders/plugin/pinning")
    assert found["details"]["remote_version_number"] == "2"
    assert len(shown) == approval
    if approval:
        assert "Staging: **successful**. 3 of 3 finished runs succeeded" in shown[0]
        assert "Canary runs here: success." in shown[0]


def test_soak_that_failed_there_is_recorded_and_ends_the_release(example, session):
    finish(session, "failed")
    run = example.test(run_conf={"bundle_version": "sha2", "canary_runs": 1, "approval": False})
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    assert (states["staging"], states["record"], states["canary"]) == ("failed", "success", "upstream_failed")
    assert states["pin"] == "upstream_failed"
    [found] = evidence()
    assert (found["verdict"], found["details"]["reason"]) == ("failed", "too_many_failures")
    assert PinningHook().get_release_state("orders")["active"]["version_number"] == 1


def test_remote_that_gave_no_answer_is_no_evidence_of_success(example, connect):
    connect("http://127.0.0.1:1", conn_id="pinning_staging")
    example.get_task("staging").timeout = 0.1
    example.get_task("staging").deferrable = False
    run = example.test(run_conf={"bundle_version": "sha2", "canary_runs": 1, "approval": False})
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    assert (states["staging"], states["pin"]) == ("failed", "upstream_failed")
    [found] = evidence()
    assert (found["verdict"], found["url"], found["details"]["reason"]) == ("inconclusive", None, "no_answer")


def test_connection_to_the_other_airflow_is_not_for_the_caller_to_choose(example):
    assert example.get_task("staging").pinning_conn_id == "pinning_staging"
    assert "staging" not in json.dumps(sorted(set(example.params) - {"staging_runs"}))
