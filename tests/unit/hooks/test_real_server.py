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
"""The hooks against Airflow's own API server."""

from __future__ import annotations

import asyncio

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from airflow_providers_pinning import exceptions as errors
from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from airflow_providers_pinning.hooks.rollback import RollbackHook
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE

pytestmark = pytest.mark.usefixtures("airflow_server")


@pytest.fixture(autouse=True)
@remembered
def orders(lab):
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=CHANGED)


@pytest.fixture
def hook():
    source = {"dag_id": "promote", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1}
    return PinningHook(source=source, attempts=1)


def test_every_change_and_every_read(hook):
    assert [v["version_number"] for v in hook.list_versions("orders")["versions"]] == [2, 1]
    pinned = hook.pin("orders", version_number=1, reason="stable")
    assert (pinned["active"]["version_number"], pinned["revision"]) == (1, 1)
    assert hook.add_candidate("orders", version_number=2, reason="next")["latest"]["version_number"] == 2
    hook.pin("orders", bundle_version="sha2", reason="next", expected_revision=1)
    rolled_back = hook.roll_back("orders", reason="bad")
    assert rolled_back["active"]["version_number"] == 1
    hook.restore("orders", 2, reason="was fine")
    hook.reject("orders", 2, reason="was not")
    assert hook.list_pins()["total_entries"] == 1
    assert hook.unpin("orders", reason="done")["pinned"] is False
    events = hook.list_events("orders")["events"][:-1]
    kinds = [event["kind"] for event in events]
    assert [kind for kind in kinds if kind not in ("candidate", "confirmed")] == [
        "unpinned",
        "rejected",
        "restored",
        "rolled_back",
        "pinned",
        "pinned",
    ]
    assert {event["source"]["task_id"] for event in events} == {"t"}
    assert {event["actor"] for event in events} == {"op"}


def test_canary_runs_and_their_soak(hook):
    hook.pin("orders", version_number=1, reason="stable")
    created = hook.trigger_canary_runs("orders", 2, count=2, idempotency_key="k")
    assert created["version"]["version_number"] == 2 and len(created["run_ids"]) == 2
    assert hook.trigger_canary_runs("orders", 2, count=2, idempotency_key="k")["run_ids"] == created["run_ids"]
    assert {hook.get_dag_run("orders", run_id)["state"] for run_id in created["run_ids"]} == {"queued"}
    soak = hook.get_soak("orders", 2, SoakCriteria(min_runs=2, expected_dag_hash=created["version"]["dag_hash"]))
    assert (soak["verdict"], soak["evidence"]["running"]) == ("progressing", 2)
    again = asyncio.run(PinningAsyncHook().get_soak("orders", 2, SoakCriteria()))
    assert again["verdict"] == "progressing"
    with pytest.raises(errors.VersionDriftedError):
        hook.get_soak("orders", 2, SoakCriteria(expected_dag_hash="another"))


def test_replays_of_a_version_are_listed(hook, lab):
    hook.pin("orders", version_number=1, reason="stable")
    run = trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    run.state, run.run_type = "success", DagRunType.SCHEDULED
    lab.session.commit()
    [replay] = hook.trigger_canary_runs("orders", 2, replay={"runs": ["live"]})["run_ids"]
    listed = hook.list_replays("orders", 2)
    assert [(pair["run_id"], pair["original_run_id"]) for pair in listed["replays"]] == [(replay, "live")]
    assert hook.list_replays("orders", 2, limit=1, offset=1) == {"replays": [], "total_entries": 1}


def test_repeated_change_is_made_once(hook):
    first = hook.pin("orders", version_number=1, reason="r", idempotency_key="k")
    again = hook.pin("orders", version_number=1, reason="r", idempotency_key="k")
    assert again | {"warnings": [], "repeated": None} == first
    assert again["repeated"]["stands"]
    assert [event["kind"] for event in hook.list_events("orders")["events"]] == ["pinned", "candidate"]


def test_lost_race_raises_the_state_of_the_winner(hook):
    hook.pin("orders", version_number=1, reason="r")
    with pytest.raises(errors.RevisionConflictError) as raised:
        hook.pin("orders", version_number=2, reason="r", expected_revision=0)
    assert raised.value.state["active"]["version_number"] == 1


def test_viewer_may_read_but_not_pin(hook, airflow_server, connect):
    connect(airflow_server, login="viewer")
    assert hook.get_release_state("orders")["pinned"] is False
    with pytest.raises(errors.NotPermittedError):
        hook.pin("orders", version_number=1, reason="r")


def test_wrong_password_and_unknown_things(hook, airflow_server, connect):
    with pytest.raises(errors.UnknownVersionError):
        hook.pin("orders", version_number=9, reason="r")
    with pytest.raises(errors.NotFoundError):
        hook.get_release_state("nothing")
    with pytest.raises(errors.NotPinnedError):
        hook.unpin("orders", reason="r")
    connect(airflow_server, password="wrong")
    with pytest.raises(errors.NotAuthenticatedError):
        PinningHook().get_release_state("orders")


def test_connection_can_be_tested(hook):
    assert hook.test_connection()[0] is True


def test_many_dags_are_rolled_back_as_far_as_they_can(hook, lab):
    lab.commit("sha2", billing=STABLE.replace("orders", "billing"))
    hook.pin("orders", version_number=1, reason="r")
    hook.pin("orders", version_number=2, reason="r")
    with pytest.raises(errors.RollbackFailedError) as raised:
        RollbackHook().roll_back_all(["orders", "billing"], reason="bad", hold=True)
    assert raised.value.done["orders"]["hold"]["reason"] == "bad"
    assert isinstance(raised.value.failed["billing"], errors.NothingToRollBackToError)
