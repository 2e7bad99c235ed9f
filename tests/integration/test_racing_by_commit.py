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
"""
A run is asked for by its commit, which Airflow allows since 3.4, while a Dag is pinned for the first time.

The request passes the Dag's gate with Airflow's first statement, as the Dag was never pinned by then. A release of very
many Dags shuts the gate of all Dags instead of theirs.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi import app
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.api_fastapi.core_api.routes.public import dag_run
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException
from sqlalchemy import select

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.releases.release import make_release
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
from airflow_providers_pinning.models import Pin, RoutedRun
from tests.support.patience import PATIENCE
from tests.support.sources import CHANGED, STABLE

USER = SimpleNamespace(get_display_name=lambda: "bob", get_name=lambda: "bob", get_id=lambda: "bob")
COMMITS = {1: "sha1", 2: "sha2"}
ROUNDS = 10


@pytest.fixture(autouse=True)
def everybody_may(monkeypatch):
    """Let everybody do everything, which is left to the tests of the API."""
    allowed = SimpleNamespace(is_authorized_dag=lambda **_: True)
    monkeypatch.setattr(app, "get_auth_manager", lambda: allowed)


@pytest.fixture(params=[2000, 0], ids=["gate of the Dag", "gate of all Dags"])
def gates(request, monkeypatch):
    """Let a release shut the gates of its Dags, or that of all Dags."""
    monkeypatch.setattr(locks, "GATES_AT_ONCE", request.param)


@pytest.fixture
def two_versions(lab):
    """Return a function that registers two versions of a Dag that was never pinned."""

    def register(dag_id="orders"):
        lab.commit("sha1", **{dag_id: STABLE.replace('"orders"', f'"{dag_id}"')})
        # Airflow keeps a version only if a run has used it.
        trigger_dag(dag_id, run_id="first", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
        lab.session.commit()
        lab.commit("sha2", **{dag_id: CHANGED.replace('"orders"', f'"{dag_id}"')})
        assert lab.numbers(dag_id) == [1, 2]

    return register


def by_commit(commit, dag_id="orders"):
    def ask(session):
        body = TriggerDAGRunPostBody(logical_date=None, bundle_version=commit)
        how = {"dag_bag": DBDagBag(), "user": USER, "session": session, "request": SimpleNamespace(headers={})}
        return dag_run.trigger_dag_run(dag_id=dag_id, body=body, **how).run_id

    return ask


def release(number, *dag_ids):
    def make(session):
        request = ReleaseRequest(versions=dict.fromkeys(dag_ids, number))
        return make_release(request, Change(Caller("alice"), "release day"), Access(), session=session)

    return make


def kind_and_commit(run_id, session, dag_id="orders"):
    """Check that a run is wholly of its version, and return whether it is a canary run, and of which commit."""
    session.rollback()
    run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
    version = session.get(DagVersion, run.created_dag_version_id)
    assert run.bundle_version == version.bundle_version == COMMITS[version.version_number]
    assert {ti.dag_version_id for ti in run.task_instances} == {version.id}
    is_canary = session.get(RoutedRun, (dag_id, run_id)) is not None
    return "canary" if is_canary else "live", run.bundle_version


@pytest.mark.usefixtures("gates")
class TestFirstPinOfADag:
    @pytest.mark.parametrize(("commit", "kind"), [("sha1", "live"), ("sha2", "canary")])
    def test_a_run_that_waits_for_it_is_live_only_if_its_commit_is_pinned(
        self, commit, kind, two_versions, elsewhere, session
    ):
        two_versions()
        releasing = elsewhere(release(1, "orders"))
        releasing.wait_until_acted()
        asking = elsewhere(by_commit(commit))
        asking.wait_until_locked_out()
        releasing.commit()

        assert kind_and_commit(asking.commit(), session) == (kind, commit)
        assert escaped_runs(session=session) == []

    def test_waits_for_a_run_that_began_before(self, two_versions, elsewhere, session):
        two_versions()
        asking = elsewhere(by_commit("sha2"))
        asking.wait_until_acted()
        releasing = elsewhere(release(1, "orders"))
        releasing.wait_until_locked_out()
        run_id = asking.commit()
        releasing.commit()

        assert kind_and_commit(run_id, session) == ("live", "sha2")
        assert session.get(Pin, "orders").last_run_before >= 2
        assert escaped_runs(session=session) == []

    def test_several_runs_that_wait_for_it_do_not_wait_for_each_other(self, two_versions, elsewhere, session):
        two_versions()
        releasing = elsewhere(release(1, "orders"))
        releasing.wait_until_acted()
        requests = [elsewhere(by_commit("sha2")) for _ in range(3)]
        for asking in requests:
            asking.wait_until_locked_out()
        releasing.commit()

        answers = [answer_of(asking) for asking in requests]
        created = [run_id for status, run_id in answers if status == 200]
        refused = [message for status, message in answers if status != 200]
        assert all(kind_and_commit(run_id, session) == ("canary", "sha2") for run_id in created)
        assert all(status in {200, 400} for status, _ in answers), answers
        assert all("Try again" in message for message in refused), refused
        assert escaped_runs(session=session) == []

    def test_races_requests_at_full_speed(self, two_versions, elsewhere, session):
        for turn in range(ROUNDS):
            dag_id = f"orders_{turn}"
            two_versions(dag_id)
            start = threading.Barrier(4)

            def releasing(own, dag_id=dag_id, start=start):
                start.wait(PATIENCE)
                release(1, dag_id)(own)

            def asking(own, dag_id=dag_id, start=start):
                start.wait(PATIENCE)
                return [tried(by_commit("sha2", dag_id), own) for _ in range(4)]

            actions = [elsewhere(releasing), *(elsewhere(asking) for _ in range(3))]
            _, *answers = [action.commit() for action in actions]
            last_run_before = session.get(Pin, dag_id, populate_existing=True).last_run_before
            for status, run_id in (answer for one in answers for answer in one):
                if status != 200:
                    assert (status, "Try again" in run_id) == (400, True), run_id
                    continue
                kind, commit = kind_and_commit(run_id, session, dag_id)
                number = session.scalar(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
                assert (kind, commit) == ("canary" if number > last_run_before else "live", "sha2")
        assert escaped_runs(session=session) == []


def tried(ask, session):
    """Ask, and return what is answered as the API server would."""
    try:
        run_id = ask(session)
        session.commit()
    except HTTPException as error:
        session.rollback()
        return error.status_code, str(error.detail)
    return 200, run_id


def answer_of(asking):
    try:
        return 200, asking.commit()
    except HTTPException as error:
        return error.status_code, str(error.detail)
