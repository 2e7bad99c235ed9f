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
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from sqlalchemy import update

from airflow_providers_pinning.models import Event, RoutedRun
from tests.support.api import PINNING
from tests.support.sources import dag_file

DAG = f"{PINNING}/dags/orders"


@pytest.fixture
def canary(lab, api, session):
    """Start a canary run, and make it look like one that nothing routed; return its id."""
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    [run_id] = api().post(f"{DAG}/canaryRuns", json={"version_number": 2}).json()["run_ids"]
    session.execute(update(RoutedRun).values(run_id="another"))
    session.commit()
    return run_id


@pytest.fixture
def without_runs(airflow_app, monkeypatch):
    """Let nobody read the runs of a Dag."""
    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag

    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        return access_entity is not DagAccessEntity.RUN and allowed(
            self, method=method, user=user, access_entity=access_entity, details=details
        )

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)


@pytest.fixture
def without(airflow_app, monkeypatch):
    """Return a function that takes a permission for Dags, or for something of them, from everybody."""
    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag

    def take(method, entity):
        def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
            return (method, access_entity) != taken and allowed(
                self, method=method, user=user, access_entity=access_entity, details=details
            )

        taken = (method, entity)
        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)

    return take


@pytest.mark.parametrize(
    ("method", "entity", "may_change"),
    [("PUT", None, False), ("POST", DagAccessEntity.RUN, True)],
    ids=["edit the Dag", "start its runs"],
)
def test_canary_runs_are_for_who_may_both_edit_the_dag_and_start_runs(method, entity, may_change, canary, without, api):
    without(method, entity)

    assert api().post(f"{DAG}/canaryRuns", json={"version_number": 2}).status_code == 403
    told = api().get(f"{DAG}/permissions").json()
    expected = {"change": may_change, "start_canary": False, "edit_runs": may_change}
    assert {name: told[name] for name in expected} == expected


def shown_runs(api):
    evidence = api("viewer").get(f"{DAG}/events").json()["events"][0]["evidence"]
    escaped = api("viewer").get(f"{PINNING}/health").json()["escaped_runs"]
    return evidence, [run["run_id"] for run in escaped]


def test_who_may_read_runs_is_told_which_they_are(canary, api):
    evidence, escaped = shown_runs(api)
    assert (evidence["run_ids"], escaped) == ([canary], [canary])


def test_who_may_not_read_runs_is_not_told_which_they_are(canary, without_runs, api):
    evidence, escaped = shown_runs(api)
    assert (sorted(evidence), escaped) == (["isolation"], [])


def test_who_may_not_read_runs_is_not_told_which_were_replayed(canary, session, without_runs, api):
    session.execute(update(Event).where(Event.kind == "canary").values(evidence={"replays": {canary: "live"}}))
    session.commit()

    [evidence] = [event["evidence"] for event in api("viewer").get(f"{DAG}/events").json()["events"][:1]]
    assert evidence is None
    assert api("viewer").get(f"{DAG}/versions/2/replays").status_code == 403


class TestSource:
    """Which task asked for a change is told to who may read the runs of that task's Dag."""

    SOURCE = {"dag_id": "secret", "run_id": "r", "task_id": "t"}

    @pytest.fixture(autouse=True)
    def asked(self, lab, api):
        lab.commit("sha1", orders=dag_file("orders"))
        answer = api("op").put(
            f"{DAG}/pin",
            json={"version_number": 1, "reason": "because"},
            headers={"Pinning-Source": json.dumps(self.SOURCE)},
        )
        assert answer.status_code == 200

    @pytest.fixture
    def secret(self, airflow_app, monkeypatch):
        manager = type(airflow_app.state.auth_manager)
        allowed = manager.is_authorized_dag

        def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
            return (details is None or details.id != "secret") and allowed(
                self, method=method, user=user, access_entity=access_entity, details=details
            )

        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)

    def shown(self, api, role):
        return api(role).get(f"{DAG}/events").json()["events"][0]["source"]

    def test_is_told_to_who_may_read_the_dag(self, api):
        assert self.shown(api, "viewer") == self.SOURCE

    def test_is_not_told_to_who_may_not(self, api, secret):
        assert self.shown(api, "viewer") is None

    def test_is_told_to_who_said_it(self, api, secret):
        """A task must find what it did itself, though its Dag may be one of another deployment."""
        assert self.shown(api, "op") == self.SOURCE
