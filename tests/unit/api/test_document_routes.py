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
"""Pins are read and written as a document, and Dags without a pin are listed."""

from __future__ import annotations

from unittest import mock

import pytest
from sqlalchemy import select

from airflow_providers_pinning.models import Pin
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file

NAMES = ("billing", "orders", "stock")
APPLY = f"{PINNING}/pins/apply"
EXPORT = f"{PINNING}/pins/export"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    """Register three Dags, two of which are pinned, at two commits."""
    for sha, tasks in (("sha1", "extract"), ("sha2", "extract load")):
        lab.commit(sha, **{name: dag_file(name, f"tags=['tier-{len(name)}']", tasks) for name in NAMES})
        for name in NAMES[:2] if sha == "sha1" else ():
            lab.pin(name, 1)


@pytest.fixture
def seeing():
    """Return a function that restricts what users may read and edit."""
    manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

    def restrict(get, put=()):
        return mock.patch(
            f"{manager}.get_authorized_dag_ids",
            autospec=True,
            side_effect=lambda self, *, user, method="GET": set(put if method == "PUT" else get),
        )

    return restrict


def numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def test_an_export_is_applied_again_and_changes_nothing(api, session):
    exported = api("viewer").get(EXPORT, params={"owns": True}).json()
    assert [pin["dag_id"] for pin in exported["pins"]] == ["billing", "orders"]
    assert exported["pins"][0].keys() == {"dag_id", "version_number", "bundle_name", "bundle_version", "dag_hash"}
    assert exported["owns"] == {"dag_ids": ["*"]}

    answer = api().post(APPLY, json={"document": exported, "reason": "as it is"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["release_id"], answer.json()["counts"]["unchanged"]) == (None, 2)


def test_a_document_is_planned_and_applied_as_one_release(api, session):
    text = "pins:\n- {dag_id: orders, bundle_version: sha2}\nowns: {dag_ids: [b*, o*]}\n"

    plan = api().post(f"{APPLY}?dry_run=true", json={"text": text, "reason": "OPS-1"}).json()
    assert {dag["dag_id"]: dag["reason"] for dag in plan["dags"] if dag["outcome"] == "changed"} == {
        "billing": "unlisted",
        "orders": None,
    }
    assert numbers(session) == {"billing": 1, "orders": 1}
    made = api().post(APPLY, json={"text": text, "reason": "OPS-1"}).json()
    assert (made["action"], made["counts"]["changed"]) == ("apply", 2)
    assert numbers(session) == {"billing": None, "orders": 2}

    listed = api("viewer").get(f"{PINNING}/releases").json()["releases"]
    assert [(one["release_id"], one["action"]) for one in listed] == [(made["release_id"], "apply")]
    back = api().post(f"{PINNING}/releases/{made['release_id']}/rollback", json={"reason": "no"})
    assert back.status_code == 200, back.text
    assert numbers(session) == {"billing": 1, "orders": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "pins: *x"}, "invalid_pins"),
        ({"document": {"pins": [{"dag_id": "orders"}]}}, "invalid_pins"),
        ({"text": "x" * 5_000_000}, "invalid_request"),
        ({}, "invalid_request"),
        ({"document": {"pins": []}, "text": ""}, "invalid_request"),
    ],
)
def test_what_is_no_document_is_refused(api, session, body, reason):
    answer = api().post(APPLY, json={**body, "reason": "because"})

    assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, reason)


def test_what_blocks_is_told(api, lab, session):
    lab.reject("orders", 2)
    document = {"pins": [{"dag_id": name, "bundle_version": "sha2"} for name in NAMES]}

    answer = api().post(APPLY, json={"document": document, "reason": "because"})

    detail = answer.json()["detail"]
    assert (answer.status_code, detail["reason"]) == (409, "release_blocked")
    assert [(one["dag_id"], one["reason"]) for one in detail["blocked"]] == [("orders", "version_rejected")]
    assert numbers(session) == {"billing": 1, "orders": 1}


def test_permission_to_edit_all_is_needed(api, seeing, session):
    document = {"pins": [{"dag_id": "orders", "version_number": 2}], "owns": {"dag_ids": ["*"]}}
    with seeing(NAMES, ("orders",)):
        refused = api().post(APPLY, json={"document": document, "reason": "because"})
    assert refused.json()["detail"]["dag_ids"] == ["billing"]
    assert numbers(session) == {"billing": 1, "orders": 1}

    # A Dag that nobody may see is not owned.
    with seeing(("orders",), ("orders",)):
        assert api().post(APPLY, json={"document": document, "reason": "because"}).status_code == 200
        assert [pin["dag_id"] for pin in api().get(EXPORT).json()["pins"]] == ["orders"]
    assert numbers(session) == {"billing": 1, "orders": 2}


class TestDagsThatAreNotPinned:
    @pytest.fixture(autouse=True)
    @remembered
    def more(self, lab):
        lab.commit("sha3", **{name: dag_file(name, "tags=['new']") for name in ("apples", "pears")})

    def ids(self, api, **params):
        body = api("viewer").get(f"{PINNING}/unpinned", params=params).json()
        return [dag["dag_id"] for dag in body["dags"]], body["total_entries"]

    def test_are_listed_with_their_latest_version(self, api):
        body = api("viewer").get(f"{PINNING}/unpinned").json()

        stock = {"dag_id": "stock", "bundle_name": "team_dags", "latest": 1, "gates": [], "editable": False}
        assert body["dags"][-1] == stock
        assert body["total_entries"] == 3
        assert api("op").get(f"{PINNING}/unpinned").json()["dags"][-1] == {**stock, "editable": True}

    def test_are_paged_and_filtered(self, api):
        assert self.ids(api, limit=1, offset=1) == (["pears"], 3)
        assert self.ids(api, tags=["new", "other"]) == (["apples", "pears"], 2)
        assert self.ids(api, tags=["tier-5"], bundles=["team_dags"]) == (["stock"], 1)
        assert self.ids(api, bundles=["other"]) == ([], 0)
        assert self.ids(api, dag_id_pattern="EAR") == (["pears"], 1)

    def test_are_those_that_the_user_may_read(self, api, seeing):
        with seeing(("orders", "pears")):
            assert self.ids(api) == (["pears"], 1)
