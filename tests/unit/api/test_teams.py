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
"""A version of another team's bundle needs the permission of that team, as choosing it moves the Dag there."""

from __future__ import annotations

import pytest
from airflow.models.dag import DagModel, clear_team_name_cache
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from sqlalchemy import select

from airflow_providers_pinning.models import ManagedVersion
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file

DAG = f"{PINNING}/dags/orders"
REASON = {"reason": "because"}


@pytest.fixture
@remembered
def two_teams(lab, session):
    clear_team_name_cache()
    session.add_all([Team(name="red"), Team(name="blue")])
    session.flush()
    session.add_all([DagBundleModel(name=f"{team}_dags") for team in ("red", "blue")])
    session.flush()
    for team in ("red", "blue"):
        session.get(DagBundleModel, f"{team}_dags").teams = [session.get(Team, team)]
    session.commit()
    lab.commit("sha1", bundle="red_dags", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", bundle="blue_dags", orders=CHANGED)
    lab.candidate("orders", 2)


@pytest.fixture
def moved(two_teams):
    """Move a Dag from the bundle of team red to that of team blue; version 1 is of the one, 2 of the other."""
    clear_team_name_cache()
    yield two_teams
    clear_team_name_cache()


def team_of(lab):
    return DagModel.get_dag_id_to_team_name_mapping(["orders"], session=lab.session)["orders"]


@pytest.fixture
def blue(api):
    return api(username="bo", teams=["blue"])


@pytest.fixture
def both(api):
    return api(username="chief", teams=["blue", "red"])


REQUESTS = {
    "pin": ("PUT", "/pin", {"version_number": 1, **REASON}),
    "roll back to": ("POST", "/rollback", {"to_version": 1, **REASON}),
    "canary": ("POST", "/canaryRuns", {"version_number": 1}),
    "candidate": ("POST", "/candidates", {"version_number": 1, **REASON}),
}


@pytest.mark.parametrize("name", REQUESTS)
class TestAVersionOfAnotherTeam:
    def test_is_refused_to_who_may_not_edit_the_dag_there(self, name, moved, blue):
        method, path, body = REQUESTS[name]

        answer = blue.request(method, f"{DAG}{path}", json=body)

        assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "team_not_permitted")
        assert "belongs to team 'red', but the Dag now belongs to team 'blue'" in answer.json()["detail"]["message"]
        assert team_of(moved) == "blue"
        assert moved.runs("orders") == []

    def test_can_be_chosen_by_who_may_edit_the_dag_in_both(self, name, moved, both):
        method, path, body = REQUESTS[name]

        answer = both.request(method, f"{DAG}{path}", json=body)

        assert answer.status_code in (200, 201), answer.text

    def test_can_be_chosen_by_an_admin(self, name, moved, api):
        method, path, body = REQUESTS[name]

        assert api("admin").request(method, f"{DAG}{path}", json=body).status_code in (200, 201)


def test_a_pin_that_moves_the_dag_says_so(moved, both):
    answer = both.put(f"{DAG}/pin", json={"version_number": 1, **REASON}).json()

    assert "The Dag moves from team 'blue' to team 'red'" in answer["warnings"][0]
    assert team_of(moved) == "red"


def test_a_version_of_the_same_team_needs_no_other_permission(moved, blue):
    answer = blue.put(f"{DAG}/pin", json={"version_number": 2, **REASON})

    assert (answer.status_code, answer.json()["warnings"]) == (200, [])


def test_a_rollback_passes_over_a_version_of_a_team_that_the_user_is_not_in(moved, blue, both):
    moved.pin("orders", 2)
    moved.commit("sha3", bundle="blue_dags", orders=dag_file("orders", tasks="third"))
    moved.pin("orders", 3)
    both.put(f"{DAG}/pin", json={"version_number": 1, **REASON})
    clear_team_name_cache()
    both.put(f"{DAG}/pin", json={"version_number": 2, **REASON})
    clear_team_name_cache()

    told = blue.get(f"{DAG}/rollback").json()
    answer = blue.post(f"{DAG}/rollback", json=REASON).json()

    assert [one["reason"] for one in told["passed_over"]] == ["team_not_permitted"]
    assert answer["active"]["version_number"] == told["to_version"]["version_number"] == 3


def test_canary_runs_need_permission_to_start_runs_there_too(moved, both, airflow_app, monkeypatch):
    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag

    def no_runs_of_red(self, *, details=None, access_entity=None, **kwargs):
        if access_entity is not None and access_entity.name == "RUN" and details.team_name == "red":
            return False
        return allowed(self, details=details, access_entity=access_entity, **kwargs)

    monkeypatch.setattr(manager, "is_authorized_dag", no_runs_of_red)

    answer = both.post(f"{DAG}/canaryRuns", json={"version_number": 1})

    assert answer.json()["detail"]["reason"] == "team_not_permitted"


def test_unpinning_returns_to_the_team_whose_bundle_registers_the_dag_and_says_so(moved, both, api):
    both.put(f"{DAG}/pin", json={"version_number": 1, **REASON})
    clear_team_name_cache()
    red = api(username="ruth", teams=["red"])

    answer = red.delete(f"{DAG}/pin", params=REASON)

    assert answer.status_code == 200
    assert any("moves from team 'red' to team 'blue'" in warning for warning in answer.json()["warnings"])
    assert team_of(moved) == "blue"


def test_nothing_of_a_refused_request_stays(moved, blue):
    before = {row.version_number: row.state for row in moved.session.scalars(select(ManagedVersion))}

    for method, path, body in REQUESTS.values():
        blue.request(method, f"{DAG}{path}", json=body)

    moved.session.expire_all()
    assert {row.version_number: row.state for row in moved.session.scalars(select(ManagedVersion))} == before
    assert moved.pin_row("orders") is None
