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
from sqlalchemy import func, select, update

from airflow_providers_pinning.models import Event
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.routes import READS, RELEASE_ID, RULES, WRITES, Route
from tests.support.sources import dag_file


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.candidate("orders", 2)
    lab.keep_release(RELEASE_ID, "orders")


@pytest.fixture
def status(api, session):
    """Return a function that asks a route of the Dag as a role, and returns the status of the answer."""
    # PostgreSQL does not begin to count again where rows have been deleted.
    event_id = session.scalar(select(func.max(Event.id)).where(Event.dag_id == "orders"))

    def ask(route: Route, role):
        url = route.url("orders", event_id=event_id)
        return api(role).request(route.method, url, json=route.body).status_code

    return ask


@pytest.mark.parametrize("route", READS, ids=str)
class TestRead:
    def test_needs_a_login(self, route, status):
        assert status(route, None) == 401

    @pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
    def test_is_allowed_to(self, role, route, status):
        assert status(route, role) == 200


@pytest.mark.parametrize("route", WRITES, ids=str)
class TestChange:
    def test_needs_a_login(self, route, status, lab):
        before = lab.pin_state("orders")

        assert status(route, None) == 401
        assert lab.pin_state("orders") == before

    def test_is_not_allowed_to_a_viewer(self, route, status, lab):
        before = lab.pin_state("orders")

        assert status(route, "viewer") == 403
        assert lab.pin_state("orders") == before

    @pytest.mark.parametrize("role", ["user", "op", "admin"])
    def test_is_allowed_to(self, role, route, status):
        assert status(route, role) in (200, 201, 409)

    def test_is_not_possible_with_a_forged_token(self, route, airflow_app):
        from fastapi.testclient import TestClient

        client = TestClient(airflow_app, headers={"Authorization": "Bearer forged"})

        answer = client.request(route.method, route.url("orders"), json=route.body)

        assert answer.status_code == 401
        assert "The token is not valid; get a new one" in answer.json()["detail"]["message"]


@pytest.mark.parametrize("route", RULES, ids=str)
class TestRules:
    def test_need_a_login(self, route, status):
        assert status(route, None) == 401

    @pytest.mark.parametrize("role", ["viewer", "user"])
    def test_are_not_made_by_who_merely_edits_dags(self, role, route, api):
        answer = api(role).request(route.method, route.url("orders"), json=route.body)

        assert answer.status_code == 403
        assert answer.json()["detail"]["missing"] == [
            "set release policies and freezes (FAB: 'can edit on Release Rules')"
        ]

    @pytest.mark.parametrize("role", ["op", "admin"])
    def test_are_made_by(self, role, route, status):
        assert status(route, role) == (404 if route.method == "DELETE" else 200)


@pytest.mark.parametrize("route", [route for route in WRITES if route.method == "POST"], ids=str)
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_change_is_not_made_by_what_a_form_of_another_site_can_send(content_type, route, api, lab):
    """Browsers send such requests, cookies included, without asking the server first."""
    before = lab.pin_state("orders")

    answer = api().post(route.url("orders"), content=json.dumps(route.body), headers={"Content-Type": content_type})

    assert answer.status_code == 422
    assert lab.pin_state("orders") == before


def test_no_route_is_left_out(airflow_app):
    """A new route must be added to the lists above, so that somebody thinks of who may use it."""
    from airflow_providers_pinning.api.app import create_app

    described = create_app().openapi()["paths"]
    found = {(method.upper(), path) for path, methods in described.items() for method in methods}

    assert {(route.method, route.template) for route in (*READS, *WRITES, *RULES)} == found


def test_changes_are_recorded_with_the_name_of_the_user(api, session):
    api("op", username="bob").delete(f"{PINNING}/dags/orders/pin", params={"reason": "because"})

    assert session.scalars(select(Event.actor).order_by(Event.id.desc())).first() == "bob"


class TestSource:
    """What a task says of itself."""

    def send(self, api, header):
        return api().delete(
            f"{PINNING}/dags/orders/pin", params={"reason": "because"}, headers={"Pinning-Source": header}
        )

    def test_is_kept_in_the_history(self, api, session):
        source = {"dag_id": "promote", "run_id": "r", "task_id": "t", "map_index": -1}

        assert self.send(api, json.dumps(source)).status_code == 200

        event = session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert (event.source, event.actor) == (source, "op")

    @pytest.mark.parametrize("value", ["t\N{LATIN SMALL LETTER U WITH DIAERESIS}", "\U0001f600", -1, 2**53, None, ""])
    def test_may_hold_texts_whole_numbers_and_nulls(self, value, api, session):
        assert self.send(api, json.dumps({"task_id": value})).status_code == 200
        assert session.scalars(select(Event.source).order_by(Event.id.desc())).first() == {"task_id": value}

    @pytest.mark.parametrize(
        "header",
        [
            "not JSON",
            "[]",
            "1",
            json.dumps({"x": "x" * 2000}),
            json.dumps({str(number): number for number in range(11)}),
            json.dumps({"x" * 101: 1}),
            json.dumps({"": 1}),
            '{"a": NaN}',
            '{"a": -Infinity}',
            '{"a": 1e999}',
            '{"a": 1.5}',
            '{"a": true}',
            '{"a": {}}',
            '{"a": []}',
            f'{{"a": {9 * 10**30}}}',
            f'{{"a": {"9" * 1900}}}',
            '{"a": "\\ud800"}',
            '{"\\ud800": 1}',
            '{"a": "\\u0000"}',
            f'{{"a": {"[" * 900}{"]" * 900}}}',
            "[" * 1990,
            '{"a":' * 300,
        ],
        ids=lambda header: header[:20],
    )
    def test_of_any_other_form_is_refused(self, header, api, lab):
        answer = self.send(api, header)

        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_source")
        assert lab.pin_state("orders").pinned

    def test_without_a_value_is_none(self, api):
        """A proxy may send it so."""
        assert self.send(api, "").status_code == 200

    def test_of_a_task_is_taken_however_long_its_ids_are(self, api):
        from airflow_providers_pinning.client.task_source import TaskSource, source_headers

        source = TaskSource("d" * 250, "r" * 250, "t" * 250, map_index=1000).as_dict()
        answer = api().delete(f"{PINNING}/dags/orders/pin", params={"reason": "x"}, headers=source_headers(source))

        assert answer.status_code == 200


@pytest.mark.parametrize(
    "stored",
    [
        {"a": "\ud800"},
        {"\ud800": 1},
        {"a": "\x00"},
        {"a": 10**1900},
        {"a": json.loads("[" * 300 + "]" * 300)},
        {"a": json.loads("[" * 900 + "]" * 900)},
    ],
    ids=["surrogate", "surrogate in a name", "NUL", "large", "nested", "nested deeply"],
)
def test_the_history_is_read_whatever_is_in_it(stored, api, session):
    """A value that cannot be shown must not take the history with it for ever."""
    session.execute(update(Event).values(source=stored, evidence=stored))
    session.commit()

    answer = api().get(f"{PINNING}/dags/orders/events")

    assert answer.status_code == 200
    assert [event["source"].keys() for event in answer.json()["events"]]
