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
"""Whatever is sent, the server answers what is wrong with it."""

from __future__ import annotations

import json

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from sqlalchemy import func, select

from airflow_providers_pinning.models import Event
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.routes import READS, WRITES

DAG = f"{PINNING}/dags/orders"
NUL = "a\x00b"
SURROGATE = "a\ud800b"
LONG = "x" * 5000
JSON = {"Content-Type": "application/json"}
OF_A_DAG = [route for route in (*READS, *WRITES) if "{dag_id}" in route.template]
POSTS = [route for route in WRITES if route.body]


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.pin_first_of_two()
    lab.candidate("orders", 2)


@pytest.fixture
def refused(session):
    """Return a function that checks that an answer names what is wrong, and that nothing was done."""

    def done():
        session.rollback()
        return [session.scalar(select(func.count()).select_from(table)) for table in (Event, DagRun)]

    before = done()

    def check(answer, *parts):
        assert answer.status_code == 422, answer.text
        detail = answer.json()["detail"]
        assert detail["reason"] == "invalid_request"
        assert not [part for part in parts if part not in detail["message"]], detail["message"]
        assert done() == before

    return check


def send(api, route, text):
    """Send a body that JSON itself has nothing against."""
    return api("admin").request(route.method, route.url("orders"), content=text.encode(), headers=JSON)


@pytest.mark.parametrize("dag_id", ["%00", "a%00b", LONG], ids=["NUL", "a NUL in it", "long"])
@pytest.mark.parametrize("route", OF_A_DAG, ids=str)
def test_an_id_that_no_dag_can_have_is_invalid(route, dag_id, api, refused):
    answer = api("admin").request(route.method, route.url(dag_id), json=route.body)

    refused(answer, "dag_id: ")


def test_whoever_is_not_logged_in_learns_nothing_of_it(api):
    assert api(None).get(f"{PINNING}/dags/%00").status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "pins?dag_id_pattern=%00",
        "pins?dag_id=%00",
        f"pins?dag_id_pattern={LONG}",
        "dags/orders/compare?expected_dag_hash=%00",
        "dags/orders/versions/2/soak?expected_dag_hash=%00",
        "dags/orders/versions/2/soak?since=0001-01-01T00:00:00%2B23:59",
        "dags/orders/versions/2/soak?since=9999-12-31T23:59:59-23:59",
        "dags/orders/versions/2/soak?since=2026-01-01T00:00:00",
    ],
    ids=lambda query: query[:60],
)
def test_a_parameter_that_cannot_be_looked_for_is_invalid(query, api, refused):
    refused(api().get(f"{PINNING}/{query}"), f"{query.partition('?')[2].partition('=')[0]}: ")


@pytest.mark.parametrize("name", ["reason", "override_reason", "idempotency_key", "task_id"])
def test_a_parameter_that_cannot_be_kept_is_invalid(name, api, refused):
    refused(api().delete(f"{DAG}/pin", params={"reason": "because", name: NUL}), f"{name}: ", "U+0000")


FIELDS = (
    "reason",
    "override_reason",
    "idempotency_key",
    "expected_dag_hash",
    "expected_bundle_version",
    "note",
    "other",
)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("route", POSTS, ids=str)
def test_a_field_that_cannot_be_kept_is_invalid(route, name, api, refused):
    refused(send(api, route, json.dumps({**route.body, name: NUL})), f"{name}: ")


@pytest.mark.parametrize("value", [SURROGATE, LONG, float("nan")], ids=["surrogate", "long", "NaN"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_cannot_be_sent_or_is_too_long_is_invalid(name, value, api, refused):
    refused(send(api, WRITES[0], json.dumps({**WRITES[0].body, name: value})), f"{name}: ")


@pytest.mark.parametrize("value", [NUL, SURROGATE, LONG], ids=["NUL", "surrogate", "long"])
def test_a_bundle_version_that_cannot_be_is_invalid(value, api, refused):
    refused(send(api, WRITES[0], json.dumps({"reason": "because", "bundle_version": value})), "bundle_version: ")


@pytest.mark.parametrize(
    "conf",
    [
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": ["\\ud800"]}',
        '{"a": {"\\ud800": 1}}',
        '{"a": NaN}',
        '{"a": [1, -Infinity]}',
        '{"a": 1e999}',
        '{"a": ' + "[" * 60 + "]" * 60 + "}",
        '{"a": ' + "[" * 900 + "]" * 900 + "}",
    ],
    ids=lambda conf: conf[:20],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x+json"])
def test_a_conf_that_no_run_can_have_is_invalid(content_type, conf, api, refused):
    answer = api().post(
        f"{DAG}/canaryRuns",
        content=f'{{"version_number": 2, "conf": {conf}}}',
        headers={"Content-Type": content_type},
    )

    refused(answer, "conf: ")


def test_a_conf_may_hold_whatever_else_json_can(api, session):
    conf = {"name": "\U0001f600 '\"\\", "other": [None, True, -0.5, 10**30, {"nested": {"": []}}]}

    answer = api().post(f"{DAG}/canaryRuns", json={"version_number": 2, "conf": conf})

    assert answer.status_code == 201, answer.text
    assert session.scalars(select(DagRun.conf)).one() == conf


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "1", "NaN", "Infinity", '"\\ud800"', "{", "\xff", "[" * 100_000, '{"a":' * 5000, "9" * 5000],
    ids=lambda body: body[:6],
)
def test_a_body_that_is_no_object_is_invalid(body, api):
    answer = api().put(f"{DAG}/pin", content=body.encode("latin-1"), headers=JSON)

    assert (answer.status_code, answer.json()["detail"]["reason"]) in (
        (422, "invalid_request"),
        (400, "invalid_request"),
    )


@pytest.mark.parametrize("name", ["dag_id", "task_id", "run_id", "dag_run_id"])
@pytest.mark.parametrize("value", ["payments", [], {"a": 1}], ids=str)
def test_the_audit_log_is_not_told_of_another_dag(name, value, api, session, refused):
    """It would take the body's word for it."""
    answer = send(api, WRITES[0], json.dumps({"version_number": 2, "reason": "because", name: value}))

    refused(answer, f"{name}: Extra inputs are not permitted")
    assert session.scalars(select(Log).where(Log.event == "pin_dag_version")).all() == []


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "\xff"], ids=lambda body: body[:3])
def test_a_body_where_none_is_expected_is_read_only_if_it_can_be(body, api, refused):
    """Airflow's audit log reads it all the same."""
    answer = api().request(
        "DELETE", f"{DAG}/pin", params={"reason": "because"}, content=body.encode("latin-1"), headers=JSON
    )

    refused(answer, "JSON decode error")


@pytest.mark.parametrize("length", [250, 251, 500])
def test_a_user_may_have_a_long_name(length, api, lab):
    answer = api(username="u" * length).put(f"{DAG}/pin", json={"version_number": 2, "reason": "because"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["pin"]["actor"] == "u" * length


def test_a_user_whose_name_cannot_be_kept_is_refused(api, refused):
    refused(api(username=NUL).put(f"{DAG}/pin", json={"version_number": 2, "reason": "because"}), "user: ")
