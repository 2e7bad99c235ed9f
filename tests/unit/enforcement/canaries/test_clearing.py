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

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import clear_task_instances
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from tests.support.execution_api import execution_api
from tests.support.sources import dag_file


def source(tasks, arguments=""):
    return dag_file("orders", f"schedule=None, {arguments}", tasks)


def register(lab, arguments=""):
    """Pin a version with a task that the candidate lacks; the candidate has one that it lacks."""
    lab.commit("sha1", orders=source("extract old", arguments))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source("extract new", arguments))


@pytest.fixture
def pinned(lab):
    register(lab)
    return lab


def failed(run, session):
    run.state = DagRunState.FAILED
    for ti in run.task_instances:
        ti.state = TaskInstanceState.FAILED
    session.commit()
    return run.run_id


def canary(lab):
    created = create_canary_runs("orders", CanaryRequest(2), lab.change(), session=lab.session)
    lab.session.commit()
    return failed(run_of(created.run_ids[0], lab.session), lab.session)


def live(lab, run_id="live", **arguments):
    run = trigger_dag(
        "orders",
        run_id=run_id,
        triggered_by=DagRunTriggeredByType.REST_API,
        session=lab.session,
        **arguments,
    )
    lab.session.commit()
    return failed(run, lab.session)


def run_of(run_id, session):
    return session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()


def assert_kept(lab, run_id, state=DagRunState.QUEUED):
    lab.session.expire_all()
    run = run_of(run_id, lab.session)
    assert (run.state, run.bundle_version) == (state, "sha2")
    assert lab.used_versions(run) == {2}
    assert lab.task_ids(run) == {"extract", "new"}


def clear_task(api, run_id, **more):
    body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, **more}
    return api.post("/api/v2/dags/orders/clearTaskInstances", json=body)


def clear_run(api, run_id, **more):
    return api.post(f"/api/v2/dags/orders/dagRuns/{run_id}/clear", json={"dry_run": False, **more})


def clear_runs(api, run_id, **more):
    body = {"dry_run": False, "dag_runs": [{"dag_run_id": run_id}], **more}
    return api.post("/api/v2/dags/orders/clearDagRuns", json=body)


WAYS = [clear_task, clear_run, clear_runs]


@pytest.mark.parametrize("way", WAYS)
def test_a_canary_that_is_cleared_on_the_latest_version_keeps_its_own(pinned, api, way):
    run_id = canary(pinned)

    answer = way(api(), run_id, run_on_latest_version=True)

    assert answer.status_code == 200, answer.text
    assert_kept(pinned, run_id)


@pytest.mark.parametrize("way", WAYS)
def test_a_canary_keeps_its_version_although_its_dag_reruns_with_the_latest(lab, api, way):
    register(lab, "rerun_with_latest_version=True")
    run_id = canary(lab)

    assert way(api(), run_id).status_code == 200

    assert_kept(lab, run_id)


def test_a_canary_that_a_task_clears_keeps_its_version(lab):
    register(lab, "rerun_with_latest_version=True")
    run_id = canary(lab)

    with execution_api() as client:
        client.dag_runs.clear("orders", run_id)

    assert_kept(lab, run_id)


@pytest.mark.parametrize("way", [clear_run, clear_runs])
def test_a_canary_gets_no_tasks_of_the_latest_version(pinned, api, way):
    run_id = canary(pinned)

    foreseen = way(api(), run_id, only_new=True, run_on_latest_version=True, dry_run=True)
    answer = way(api(), run_id, only_new=True, run_on_latest_version=True)

    assert foreseen.json()["total_entries"] == 0
    assert answer.status_code == 200
    assert_kept(pinned, run_id, DagRunState.FAILED)


def test_a_running_canary_keeps_its_version(pinned, api):
    run_id = canary(pinned)
    run_of(run_id, pinned.session).state = DagRunState.RUNNING
    pinned.session.commit()

    assert clear_task(api(), run_id, run_on_latest_version=True, task_ids=["new"]).status_code == 200

    assert_kept(pinned, run_id, DagRunState.RUNNING)


def test_live_runs_move_to_the_active_version_beside_a_canary_that_does_not(pinned, session):
    pinned.pin("orders", 2)
    run_id = live(pinned)
    pinned.pin("orders", 1)
    trial = canary(pinned)
    tis = [ti for of in (trial, run_id) for ti in run_of(of, session).task_instances]

    clear_task_instances(tis, session, run_on_latest_version=True)

    session.commit()
    assert_kept(pinned, trial)
    run = run_of(run_id, session)
    assert (run.state, run.bundle_version) == (DagRunState.QUEUED, "sha1")
    assert run.created_dag_version.version_number == 1


@pytest.mark.parametrize("asked", [{"include_past": True}, {"include_future": True}, "dates"])
def test_a_canary_among_the_live_runs_that_are_cleared_by_dates_is_left_alone(pinned, api, session, asked):
    before = live(pinned, "before", logical_date=timezone.utcnow() - timedelta(seconds=5))
    trial = canary(pinned)
    at = run_of(trial, session).logical_date
    after = live(pinned, "after", logical_date=at + timedelta(seconds=5))
    if asked == "dates":
        body = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2036-01-01T00:00:00Z", "dry_run": False}
        answer = api().post("/api/v2/dags/orders/clearTaskInstances", json={**body, "only_failed": False})
    else:
        answer = clear_task(api(), before if "include_future" in asked else after, **asked, task_ids=["extract"])

    assert answer.status_code == 200, answer.text
    cleared = {ti["dag_run_id"] for ti in answer.json()["task_instances"]}
    assert trial not in cleared
    assert after in cleared
    assert run_of(trial, session).clear_number == 0


def test_a_canary_that_is_cleared_with_its_future_is_meant_and_no_other(pinned, api, session):
    trial, other = canary(pinned), canary(pinned)
    at = run_of(trial, session).logical_date
    after = live(pinned, "after", logical_date=at + timedelta(seconds=5))

    answer = clear_task(api(), trial, include_future=True, task_ids=["extract"])

    assert {ti["dag_run_id"] for ti in answer.json()["task_instances"]} == {trial, after}
    assert run_of(other, session).clear_number == 0


def test_a_run_whose_id_only_looks_like_a_canarys_moves(pinned, api, session):
    pinned.pin("orders", 2)
    run_id = live(pinned, "canary__mine")
    pinned.pin("orders", 1)

    assert clear_run(api(), run_id, run_on_latest_version=True).status_code == 200

    session.expire_all()
    assert run_of(run_id, session).created_dag_version.version_number == 1
