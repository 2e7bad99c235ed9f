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
"""Which Dags lists show to whom, and what it takes to find that out where there are very many."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.dag import DagModel, clear_team_name_cache
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from sqlalchemy import insert, select

from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.domain.history import search
from tests.support.api import PINNING
from tests.support.asynchronous import statements_sent
from tests.support.remembered import remembered
from tests.support.sources import dag_file

NAMES = {"red": ("red_1", "red_2", "red_3"), "blue": ("blue_1", "blue_2"), "none": ("open_1",)}
EVERY = tuple(name for names in NAMES.values() for name in names)
LATER = datetime.now(timezone.utc) + timedelta(days=300)


@pytest.fixture(autouse=True)
@remembered
def deployment(lab, session, api):
    """Pin Dags of two teams and one of none, change one of each later, and release all of them."""
    session.add_all([Team(name="red"), Team(name="blue")])
    session.flush()
    session.add_all([DagBundleModel(name=f"{team}_dags") for team in NAMES])
    session.flush()
    for team in ("red", "blue"):
        session.get(DagBundleModel, f"{team}_dags").teams = [session.get(Team, team)]
    session.commit()
    for sha, tasks in (("sha1", "one"), ("sha2", "one two")):
        for team, names in NAMES.items():
            lab.sources.clear()
            lab.commit(f"{team}_{sha}", bundle=f"{team}_dags", **{name: dag_file(name, tasks=tasks) for name in names})
        for name in EVERY if sha == "sha1" else ():
            lab.pin(name, 1)
    admin = api("admin")
    for names in NAMES.values():
        made = admin.post(f"{PINNING}/releases", json={"versions": dict.fromkeys(names, 2), "reason": "release day"})
        assert made.status_code == 200, made.text
    for names in NAMES.values():
        body = {"version_number": 1, "reason": "later", "effective_from": LATER.isoformat()}
        assert admin.put(f"{PINNING}/dags/{names[0]}/pin", json=body).status_code == 200
    return lab


@pytest.fixture(autouse=True)
def _fresh_teams():
    clear_team_name_cache()
    yield
    clear_team_name_cache()


@pytest.fixture
def kept(monkeypatch):
    """Return a function that lets users read some Dags only, by their ids, as an auth manager without teams does."""
    from airflow.api_fastapi.app import get_auth_manager

    manager = type(get_auth_manager())
    allowed = manager.is_authorized_dag

    def keep(*dag_ids):
        def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
            if details is not None and details.id is not None and details.id not in dag_ids:
                return False
            return allowed(self, method=method, user=user, access_entity=access_entity, details=details)

        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)

    return keep


def shown(client):
    """Return what each list shows of which Dags, and what it counts."""

    def get(path, **params):
        answer = client.get(f"{PINNING}{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    pins, pending, releases = get("/pins"), get("/pending"), get("/releases")
    told = [{dag["dag_id"] for dag in get(f"/releases/{one['release_id']}")["dags"]} for one in releases["releases"]]
    return {
        "pins": ({pin["dag_id"] for pin in pins["pins"]}, pins["total_entries"]),
        "feed": {event["dag_id"] for event in get("/events")["events"]},
        "pending": ({one["dag_id"] for one in pending["pending"]}, pending["total_entries"]),
        "releases": (set().union(*told), releases["total_entries"]),
    }


def of_teams(*teams):
    names = {name for team in teams for name in NAMES[team]}
    return {
        "pins": (names, len(names)),
        "feed": names,
        "pending": ({NAMES[team][0] for team in teams}, len(teams)),
        "releases": (names, len(teams)),
    }


@pytest.mark.parametrize("role", ["viewer", "op"])
def test_a_member_of_a_team_sees_its_dags_and_those_of_none(role, api):
    assert shown(api(role, username="bo", teams=["blue"])) == of_teams("blue", "none")


def test_a_member_of_no_team_sees_the_dags_of_none(api):
    assert shown(api("viewer")) == of_teams("none")


@pytest.mark.parametrize("who", [{"role": "admin"}, {"role": "viewer", "teams": ["red", "blue"]}])
def test_everything_is_seen_by(who, api):
    assert shown(api(**who, username="chief")) == of_teams(*NAMES)


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_who_may_see_single_dags_sees_those_only(role, api, kept):
    kept("red_2", "open_1", "not_there")

    assert shown(api(role, username="kim", teams=["red", "blue"])) == {
        "pins": ({"red_2", "open_1"}, 2),
        "feed": {"red_2", "open_1"},
        "pending": ({"open_1"}, 1),
        "releases": ({"red_2", "open_1"}, 2),
    }


def test_an_auth_manager_with_its_own_list_of_dags_is_believed(api, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    def get_authorized_dag_ids(self, *, user, method="GET"):
        return {"blue_1", "red_1"}

    monkeypatch.setattr(type(get_auth_manager()), "get_authorized_dag_ids", get_authorized_dag_ids)

    assert shown(api("admin")) == {
        "pins": ({"blue_1", "red_1"}, 2),
        "feed": {"blue_1", "red_1"},
        "pending": ({"blue_1", "red_1"}, 2),
        "releases": ({"blue_1", "red_1"}, 2),
    }


def test_an_auth_manager_that_filters_is_asked_about_no_other_dags(api, monkeypatch, session):
    from airflow.api_fastapi.app import get_auth_manager

    asked = set()

    def filter_authorized_dag_ids(self, *, dag_ids, user, method="GET", team_name=None):
        asked.update(dag_ids)
        return {dag_id for dag_id in dag_ids if team_name == "red"}

    monkeypatch.setattr(type(get_auth_manager()), "filter_authorized_dag_ids", filter_authorized_dag_ids)
    many_dags(session)

    assert shown(api("admin")) == of_teams("red")
    assert asked == set(EVERY)


@pytest.mark.parametrize("teams", [[], ["blue"], ["red", "blue"]])
@pytest.mark.parametrize("role", ["viewer", "user", "admin"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_each_dag_is_seen_as_airflow_lists_it(method, role, teams, airflow_app, session):
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username="bo", role=role, teams=teams)
    manager = airflow_app.state.auth_manager

    sight = sight_of(user, method, session=session)

    listed = manager.get_authorized_dag_ids(user=user, method=method)
    assert sight.among([*EVERY, "not_there"]) == listed
    assert sight.everything == (listed == set(EVERY))


def many_dags(session, count=300):
    """Add Dags that nobody pinned."""
    table = DagModel.__table__
    row = dict(session.execute(select(table).where(table.c.dag_id == "open_1")).one()._mapping)
    session.execute(insert(table), [{**row, "dag_id": f"other_{number}"} for number in range(count)])
    session.commit()


@pytest.mark.parametrize("path", ["/pins", "/events", "/events/1", "/health", "/pending", "/releases"])
@pytest.mark.parametrize("teams", [["blue"], ["red", "blue"]])
def test_a_page_reads_nothing_of_dags_that_it_does_not_show(path, teams, api, session, monkeypatch):
    client = api("viewer", username="bo", teams=teams)
    client.get(f"{PINNING}{path}")
    with statements_sent() as before:
        client.get(f"{PINNING}{path}")
    many_dags(session)
    clear_team_name_cache()
    with statements_sent() as after:
        client.get(f"{PINNING}{path}")

    assert len(after) == len(before)
    assert not [one for one in after if "FROM dag JOIN dag_bundle" in one and "WHERE" not in one]


def test_the_feed_of_who_sees_little_is_read_in_ever_larger_parts(api, session, monkeypatch, kept):
    kept("red_1")
    client = api("admin")
    everything = client.get(f"{PINNING}/dags/red_1/events").json()["events"]
    assert len(everything) == 3

    with statements_sent() as statements:
        seen = client.get(f"{PINNING}/events", params={"limit": 1}).json()
    assert [event["id"] for event in seen["events"]] == [everything[0]["id"]]
    parts = [one for one in statements if one.startswith("SELECT pinning_event.id, pinning_event.dag_id")]
    assert 1 < len(parts) < 4

    monkeypatch.setattr(search, "IDS_READ", 2)
    rest = client.get(f"{PINNING}/events", params={"limit": 9, "before": seen["next_before"]}).json()
    assert [event["id"] for event in rest["events"]] == [event["id"] for event in everything[1:]]
    assert rest["next_before"] is None
