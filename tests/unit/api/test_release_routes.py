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

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from airflow_providers_pinning.models import Pin
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE

RELEASES = f"{PINNING}/releases"
NAMES = ("billing", "orders", "stock")
COMMIT = {"bundle_version": "sha2", "reason": "release day"}


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    """Register three Dags, pinned at one commit, and another commit that changes them all."""
    for sha, source in (("sha1", STABLE), ("sha2", CHANGED)):
        lab.commit(sha, **{name: source.replace('"orders"', f'"{name}"') for name in NAMES})
        for name in NAMES if sha == "sha1" else ():
            lab.pin(name, 1)


def numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def test_a_commit_is_planned_released_listed_and_rolled_back(api, session):
    plan = api().post(f"{RELEASES}?dry_run=true", json=COMMIT).json()
    assert plan["release_id"] is None
    assert {dag["dag_id"]: dag["outcome"] for dag in plan["dags"]} == dict.fromkeys(NAMES, "changed")
    assert numbers(session) == dict.fromkeys(NAMES, 1)

    made = api().post(RELEASES, json=COMMIT)
    assert made.status_code == 200, made.text
    release_id = made.json()["release_id"]
    assert numbers(session) == dict.fromkeys(NAMES, 2)

    listed = api("viewer").get(RELEASES, params={"dag_id": "orders"}).json()
    assert listed["total_entries"] == 1
    assert listed["releases"][0] | {"created_at": None} == {
        "release_id": release_id,
        "action": "pin",
        "status": "released",
        "bundle_name": "team_dags",
        "bundle_version": "sha2",
        "actor": "op",
        "reason": "release day",
        "changed": 3,
        "created_at": None,
        "effective_from": None,
        "rolls_back": None,
        "rolled_back_by": None,
    }

    back = api().post(f"{RELEASES}/{release_id}/rollback", json={"reason": "bad"}).json()
    assert (back["action"], back["rolls_back"]) == ("rollback", release_id)
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    shown = api("viewer").get(f"{RELEASES}/{release_id}").json()
    assert (shown["status"], shown["rolled_back_by"]) == ("rolled_back", back["release_id"])

    again = api().post(f"{RELEASES}/{release_id}/rollback", json={"reason": "bad"})
    assert (again.status_code, again.json()["detail"]["reason"]) == (409, "release_rolled_back")


def test_what_blocks_is_listed_and_nothing_is_changed(api, lab, session):
    lab.reject("orders", 2)
    answer = api().post(RELEASES, json=COMMIT)
    detail = answer.json()["detail"]
    assert (answer.status_code, detail["reason"]) == (409, "release_blocked")
    assert [(one["dag_id"], one["reason"]) for one in detail["blocked"]] == [("orders", "version_rejected")]
    assert numbers(session) == dict.fromkeys(NAMES, 1)


def test_the_same_key_makes_one_release(api):
    body = {**COMMIT, "idempotency_key": "deploy-1"}
    first, second = api().post(RELEASES, json=body).json(), api().post(RELEASES, json=body).json()
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["release_id"] == second["release_id"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "exactly one of bundle_version, versions, latest and newest"),
        ({"bundle_version": "sha2", "latest": True}, "exactly one of"),
        ({"newest": True, "latest": True}, "exactly one of"),
        ({"newest": True}, "Select Dags with"),
        ({"action": "rollback", "dag_ids": ["orders"], "newest": True}, "To rollback, give no"),
        ({"latest": True}, "Select Dags with"),
        ({"versions": {}}, "at least one"),
        ({"action": "unpin"}, "Select Dags with"),
        ({"action": "rollback"}, "Select Dags with"),
        (
            {"action": "unpin", "dag_ids": ["orders"], "effective_from": "2126-12-01T00:00:00Z"},
            "Only a pin takes effective_from",
        ),
        (
            {"action": "rollback", "dag_ids": ["orders"], "effective_from": "2126-12-01T00:00:00Z"},
            "rollback each Dag at that time by itself",
        ),
        ({"bundle_version": "sha2", "effective_from": "2126-12-01T00:00:00"}, "timezone"),
    ],
)
def test_a_request_that_says_too_little_or_too_much_is_invalid(body, says, api):
    answer = api().post(RELEASES, json={"reason": "x", **body})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]["message"]


def test_a_release_that_is_not_there_is_not_found(api):
    for answer in (api().get(f"{RELEASES}/none"), api().post(f"{RELEASES}/none/rollback", json={"reason": "x"})):
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (404, "unknown_release")


def test_a_plan_tells_of_a_change_that_is_pending_and_leaves_it(api, lab):
    lab.pin_from("stock", 2, datetime.now(timezone.utc) + timedelta(hours=1))
    body = {"action": "unpin", "dag_ids": ["stock", "orders"], "reason": "x"}

    plan = api().post(f"{RELEASES}?dry_run=true", json=body).json()

    assert {dag["dag_id"]: dag["reason"] for dag in plan["dags"]} == {"orders": None, "stock": "activation_pending"}
    assert lab.pin_state("stock").pending is not None


def test_a_release_and_its_rollback_do_what_was_confirmed_or_nothing(api, lab, session):
    plan = api().post(f"{RELEASES}?dry_run=true", json=COMMIT).json()
    confirmed = {**COMMIT, "expected_plan": plan["plan_hash"]}
    lab.pin("orders", 2)

    detail = api().post(RELEASES, json=confirmed).json()["detail"]
    assert detail["reason"] == "revision_conflict"
    assert "Plan it again" in detail["message"]
    assert numbers(session) == {"billing": 1, "orders": 2, "stock": 1}
    again = api().post(f"{RELEASES}?dry_run=true", json=COMMIT).json()
    assert detail["plan_hash"] == again["plan_hash"] != plan["plan_hash"]

    made = api().post(RELEASES, json={**COMMIT, "expected_plan": again["plan_hash"]})
    assert made.status_code == 200, made.text
    address = f"{RELEASES}/{made.json()['release_id']}/rollback"
    back = {"reason": "bad", "leave_moved": True}
    plan = api().post(f"{address}?dry_run=true", json=back).json()
    lab.pin("stock", 1)
    answer = api().post(address, json={**back, "expected_plan": plan["plan_hash"]})
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "revision_conflict")
    plan = api().post(f"{address}?dry_run=true", json=back).json()
    answer = api().post(address, json={**back, "expected_plan": plan["plan_hash"]})
    assert answer.status_code == 200, answer.text
    assert numbers(session) == {"billing": 1, "orders": 2, "stock": 1}


def test_the_dags_of_a_release_are_read_page_by_page(api):
    address = f"{RELEASES}/{api().post(RELEASES, json=COMMIT).json()['release_id']}"
    whole = api().get(address).json()
    pages = [api().get(address, params={"limit": 2, "offset": offset}).json() for offset in (0, 2, 4)]

    assert [[dag["dag_id"] for dag in page["dags"]] for page in pages] == [["billing", "orders"], ["stock"], []]
    for page in (whole, *pages):
        assert (page["total_entries"], page["counts"]["changed"], page["plan_hash"]) == (3, 3, "")
    assert [dag for page in pages for dag in page["dags"]] == whole["dags"]
    assert api().get(address, params={"limit": 0}).status_code == 422


def test_a_release_at_a_given_time_is_planned_made_shown_and_canceled(api, session):
    moment = (datetime.now(timezone.utc) + timedelta(hours=1)).replace(microsecond=0)
    body = {**COMMIT, "effective_from": moment.isoformat()}
    plan = api().post(f"{RELEASES}?dry_run=true", json=body).json()
    assert (plan["counts"]["scheduled"], datetime.fromisoformat(plan["effective_from"])) == (3, moment)

    made = api().post(RELEASES, json={**body, "expected_plan": plan["plan_hash"]}).json()

    assert (made["status"], {dag["outcome"] for dag in made["dags"]}) == ("scheduled", {"scheduled"})
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    [listed] = api("viewer").get(RELEASES).json()["releases"]
    assert (listed["status"], listed["changed"]) == ("scheduled", 3)
    page = api("viewer").get(f"{RELEASES}/{made['release_id']}", params={"limit": 1}).json()
    assert (page["status"], page["counts"]["scheduled"], len(page["dags"])) == ("scheduled", 3, 1)
    back = api().post(f"{RELEASES}/{made['release_id']}/rollback", json={"reason": "not yet"}).json()
    assert back["counts"] == {"changed": 0, "unchanged": 0, "blocked": 0, "left": 0, "canceled": 3}
    assert api("viewer").get(f"{PINNING}/pending").json()["total_entries"] == 0


def test_a_time_that_is_over_is_refused(api, session):
    answer = api().post(RELEASES, json={**COMMIT, "effective_from": "2020-01-01T00:00:00Z"})

    assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "activation_in_past")
    assert numbers(session) == dict.fromkeys(NAMES, 1)
