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
"""Messages about a Dag name no Dag that the user may not see."""

from __future__ import annotations

import pytest
from airflow.api_fastapi.app import get_auth_manager

from airflow_providers_pinning.api.hidden_names import HIDDEN, without_names
from airflow_providers_pinning.domain.sight import only
from tests.support.api import PINNING
from tests.support.asset_world import AssetWorld, Use

CONSUMER = f"{PINNING}/dags/consumer"
WHY = {"reason": "because"}


@pytest.fixture
def world(tmp_path, session):
    """Let HEAD of a producer use another URI for an asset than the first version of its consumer."""
    world = AssetWorld(tmp_path, session)
    world.parse("consumer", [Use("raw", "x://b/old")], "sha1")
    world.parse("producer", [Use("raw", "x://b/old", role="outlet")], "sha1")
    world.parse("producer", [Use("raw", "x://b/new", role="outlet")], "sha2")
    return world


@pytest.fixture
def kept(world, api, monkeypatch):
    """Return a client of a user who sees the consumer only."""
    manager = type(get_auth_manager())
    allowed = manager.is_authorized_dag

    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        if user.get_name() == "kim" and details is not None and details.id == "producer":
            return False
        return allowed(self, method=method, user=user, access_entity=access_entity, details=details)

    client = api("op", username="kim")
    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)
    return client


def told(client):
    """Return every message about the consumer, of which there must be some in each place."""
    state = client.get(CONSUMER).json()
    found = {
        "health": [problem["message"] for problem in state["health"]["problems"]],
        "history": [
            text
            for path in ("/dags/consumer/events", "/events")
            for event in client.get(f"{PINNING}{path}").json()["events"]
            for text in (event["evidence"] or {}).get("warnings", ())
        ],
        "compare": client.get(f"{CONSUMER}/compare", params={"from_version": 1, "to_version": 1}).json()["warnings"],
    }
    assert all(found.values()), found
    return found


def test_the_answer_to_a_pin_names_no_hidden_dag(kept):
    pinned = kept.put(f"{CONSUMER}/pin", json={"version_number": 1, **WHY}).json()

    [warning] = pinned["warnings"]
    assert "producer" not in warning
    assert f"but {HIDDEN}, which is not pinned, uses 'x://b/new'" in warning
    assert [problem["message"] for problem in pinned["health"]["problems"]] == [warning]


def test_every_page_tells_the_names_only_to_who_may_see_them(kept, api):
    assert "'producer'" in api().put(f"{CONSUMER}/pin", json={"version_number": 1, **WHY}).json()["warnings"][0]

    for messages in told(api()).values():
        assert all("Dag 'producer'" in message for message in messages)
    for messages in told(kept).values():
        assert not any("producer" in message for message in messages)
        assert all(HIDDEN in message for message in messages)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PUT", "/dags/consumer/hold", WHY), ("POST", "/holds", {"dag_ids": ["consumer"], **WHY})],
)
def test_nothing_else_tells_them(method, path, body, kept):
    kept.put(f"{CONSUMER}/pin", json={"version_number": 1, **WHY})

    assert "producer" not in kept.request(method, f"{PINNING}{path}", json=body).text
    assert "producer" not in kept.delete(f"{CONSUMER}/pin", params={**WHY, "override_reason": "now"}).text


def test_other_words_in_quotes_stay(world, session):
    text = "Dag 'producer' feeds 'consumer' by asset 'raw'; 'producer' is not pinned, and Dag 'gone' was deleted."

    shown = without_names([text], ["consumer"], only(), session=session)

    assert shown(text) == (
        f"{HIDDEN} feeds 'consumer' by asset 'raw'; {HIDDEN} is not pinned, and {HIDDEN} was deleted."
    )
