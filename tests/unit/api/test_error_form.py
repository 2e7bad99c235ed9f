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
"""Every error of this API has the same form."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from airflow import settings
from sqlalchemy.exc import DataError, OperationalError

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import transactions
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.routes import READS, RELEASE_ID, WRITES
from tests.support.sources import STABLE

DAG = f"{PINNING}/dags/orders"


@pytest.fixture(autouse=True)
@remembered
def registered(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.keep_release(RELEASE_ID, "orders")
    lab.unpin("orders")


def detail(answer, status):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"detail"}
    return answer.json()["detail"]


@pytest.mark.parametrize("route", [*READS, *WRITES], ids=str)
def test_a_missing_login_is_told_so(route, api):
    said = detail(api(None).request(route.method, route.url("orders"), json=route.body), 401)

    assert said["reason"] == "unauthorized"
    assert "Log in first" in said["message"]


def test_a_missing_permission_is_named(api):
    said = detail(api("viewer").post(f"{DAG}/candidates", json={}), 403)

    assert said["reason"] == "forbidden"
    assert said["missing"] == ["edit the Dag (FAB: 'can edit on DAGs')"]
    assert "is not permitted to do this" in said["message"]
    assert "Missing for Dag 'orders': edit the Dag" in said["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [("GET", "nope", 404, "not_found"), ("PATCH", "pins", 405, "method_not_allowed")],
)
def test_an_address_that_is_none_is_told_so(method, path, status, reason, api):
    said = detail(api().request(method, f"{PINNING}/{path}"), status)

    assert said["reason"] == reason
    assert f"{method} /pinning/api/v1/{path}" in said["message"]


@pytest.mark.parametrize(
    ("body", "message", "places"),
    [
        (
            {"version_number": 0, "reason": ""},
            "reason: String should have at least 1 character (got ''); "
            "version_number: Input should be greater than or equal to 1 (got 0).",
            [["body", "reason"], ["body", "version_number"]],
        ),
        ({"version_number": 1}, "reason: Field required.", [["body", "reason"]]),
        (
            {"reason": "because"},
            "body: Use exactly one of version_number, dag_version_id and bundle_version.",
            [["body"]],
        ),
        (
            {"version_number": 1, "reason": "x", "holdd": True},
            "holdd: Extra inputs are not permitted (got True).",
            [["body", "holdd"]],
        ),
    ],
)
def test_an_invalid_request_is_told_every_value_that_is_wrong(body, message, places, api):
    said = detail(api().put(f"{DAG}/pin", json=body), 422)

    assert (said["reason"], said["message"]) == ("invalid_request", message)
    assert [error["loc"] for error in said["errors"]] == places


def test_of_many_wrong_values_the_first_are_named(api):
    said = detail(api().put(f"{DAG}/pin", json={f"x{number}": number for number in range(9)}), 422)

    assert said["message"].endswith("; and 5 more.")
    assert len(said["errors"]) == 10


def test_a_long_value_is_cut(api):
    said = detail(api().put(f"{DAG}/pin", json={"version_number": "x" * 10_000, "reason": "x"}), 422)

    assert len(said["message"]) < 300


def test_a_value_that_the_database_refuses_is_invalid(api, monkeypatch):
    def refuse(*args, **options):
        raise DataError("INSERT", {}, ValueError("too long"))

    monkeypatch.setattr("airflow_providers_pinning.domain.changes.pins.pin_version", refuse)
    said = detail(api().put(f"{DAG}/pin", json={"version_number": 1, "reason": "x"}), 422)

    assert said["reason"] == "invalid_request"
    assert "too long" not in said["message"]


class TestDatabase:
    """What is busy or gone is for the client to try again, and it is told whether anything was changed."""

    BUSY = OperationalError("UPDATE dag", {}, sqlite3.OperationalError("database is locked"))
    GONE = OperationalError(None, None, Exception("connection refused"), connection_invalidated=True)

    @pytest.mark.parametrize(("error", "reason"), [(BUSY, "database_busy"), (GONE, "database_unavailable")])
    @pytest.mark.parametrize("route", WRITES, ids=str)
    def test_that_does_not_make_a_change_is_told_so(self, route, error, reason, api, monkeypatch):
        def fail(*args, **options):
            raise error

        monkeypatch.setattr(transactions, "RETRY_FOR", 0.1)
        monkeypatch.setattr(transactions, "PAUSES", (0.05, 0.05))
        monkeypatch.setattr(locks, "shut_gate", fail)
        monkeypatch.setattr(locks, "shut_gates", fail)
        answer = api().request(route.method, route.url("orders"), json=route.body)
        said = detail(answer, 503)

        assert said["reason"] == reason
        assert "no change was made" in said["message"]
        assert int(answer.headers["Retry-After"]) == said["retry_after"]

    @pytest.mark.parametrize(("error", "reason"), [(BUSY, "database_busy"), (GONE, "database_unavailable")])
    def test_that_does_not_answer_a_read_is_told_so(self, error, reason, api, monkeypatch):
        def fail(*args, **options):
            raise error

        monkeypatch.setattr("airflow_providers_pinning.api.routes.pins.release_state", fail)
        answer = api().get(DAG)

        assert detail(answer, 503)["reason"] == reason
        assert int(answer.headers["Retry-After"]) > 0

    def test_that_does_not_take_the_note_in_the_audit_log_is_told_so(self, api, monkeypatch):
        monkeypatch.setattr(transactions, "RETRY_FOR", 0.3)
        with closing(sqlite3.connect(settings.engine.url.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            said = detail(api().put(f"{DAG}/pin", json={"version_number": 1, "reason": "because"}), 503)
            other.execute("ROLLBACK")

        assert said["reason"] == "database_busy"

    def test_that_fails_otherwise_is_a_failure(self, api, monkeypatch):
        def fail(*args, **options):
            raise OperationalError("SELECT", {}, sqlite3.OperationalError("no such column: x"))

        monkeypatch.setattr("airflow_providers_pinning.api.routes.pins.release_state", fail)

        assert detail(api().get(DAG), 500)["reason"] == "internal_error"


def test_a_failure_says_that_the_outcome_is_unknown(api, monkeypatch):
    def fail(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("airflow_providers_pinning.domain.changes.pins.pin_version", fail)
    said = detail(api().put(f"{DAG}/pin", json={"version_number": 1, "reason": "x"}), 500)

    assert said["reason"] == "internal_error"
