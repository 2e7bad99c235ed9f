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

from tests.support.api import PINNING
from tests.support.remembered import remembered

DAG = f"{PINNING}/dags/orders"
LATER = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()


def refusal(answer):
    return answer.status_code, answer.json()["detail"]["reason"]


@pytest.fixture(autouse=True)
@remembered
def orders(lab):
    lab.pin_first_of_two()
    return lab


def pin(api, **more):
    return api().put(f"{DAG}/pin", json={"version_number": 2, "reason": "r", "effective_from": LATER, **more})


def test_a_pin_for_later_is_pending(api):
    answer = pin(api)

    assert answer.status_code == 200
    state = answer.json()
    assert state["active"]["version_number"] == 1
    pending = state["pending"]
    assert (pending["action"], pending["version"]["version_number"], pending["is_due"]) == ("pin", 2, False)
    assert datetime.fromisoformat(pending["effective_from"]) == datetime.fromisoformat(LATER)
    assert api().get(DAG).json()["pending"] == pending
    assert api().get(f"{DAG}/pending").json() == {"pending": pending, "failure": None}
    assert api().get(f"{PINNING}/pending").json() == {"pending": [pending], "total_entries": 1}
    assert api().get(f"{PINNING}/pins").json()["pins"][0]["pending"] == pending


def test_an_unpin_for_later_is_pending(api):
    answer = api().delete(f"{DAG}/pin", params={"reason": "r", "effective_from": LATER})

    assert answer.json()["pinned"]
    assert (answer.json()["pending"]["action"], answer.json()["pending"]["version"]) == ("unpin", None)


def test_a_rollback_for_later_is_pending(api, orders):
    orders.pin("orders", 2)

    answer = api().post(f"{DAG}/rollback", json={"reason": "r", "effective_from": LATER})

    assert answer.json()["pending"]["version"]["version_number"] == 1
    assert orders.managed("orders")[2] == "active"


def test_a_rollback_for_later_repairs_no_runs(api, orders):
    orders.pin("orders", 2)
    body = {"reason": "r", "effective_from": LATER, "repair": {"finished": "rerun"}, "idempotency_key": "k"}

    assert refusal(api().post(f"{DAG}/rollback", json=body)) == (422, "invalid_request")


@pytest.mark.parametrize("moment", ["2027-01-01T00:00:00", "tomorrow", "1800000000"])
def test_a_time_without_a_zone_is_refused(moment, api):
    assert refusal(pin(api, effective_from=moment)) == (422, "invalid_request")


def test_a_time_that_is_over_is_refused(api):
    assert refusal(pin(api, effective_from="2020-01-01T00:00:00Z")) == (422, "activation_in_past")


def test_what_refuses_a_pin_refuses_one_for_later(api, orders):
    orders.reject("orders", 2)

    assert refusal(pin(api)) == (409, "version_rejected")
    assert api().get(f"{DAG}/pending").json()["pending"] is None
    assert [event["kind"] for event in api().get(f"{DAG}/events").json()["events"]] == ["rejected", "pinned"]


def test_another_change_is_refused_unless_it_supersedes(api):
    pin(api)

    answer = api().put(f"{DAG}/pin", json={"version_number": 2, "reason": "now"})
    assert refusal(answer) == (409, "activation_pending")
    assert answer.json()["detail"]["pending"]["version_number"] == 2
    answer = api().put(f"{DAG}/pin", json={"version_number": 2, "reason": "now", "supersede": True})
    assert (answer.json()["active"]["version_number"], answer.json()["pending"]) == (2, None)


def test_it_can_be_canceled_with_a_reason(api):
    pin(api)

    answer = api().delete(f"{DAG}/pending", params={"reason": "not yet"})

    assert answer.json()["pending"] is None
    event = api().get(f"{DAG}/events").json()["events"][0]
    assert (event["kind"], event["reason"]) == ("activation_canceled", "not yet")
    assert refusal(api().delete(f"{DAG}/pending", params={"reason": "again"})) == (409, "nothing_pending")


def test_the_list_has_only_what_the_user_may_read(api):
    pin(api)

    assert api("viewer").get(f"{PINNING}/pending").json()["total_entries"] == 1
    assert api("viewer").delete(f"{DAG}/pending", params={"reason": "r"}).status_code == 403
