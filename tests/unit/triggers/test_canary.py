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

import asyncio
import json

import pytest

from airflow_providers_pinning.exceptions import NotFoundError, PinningApiError
from airflow_providers_pinning.triggers.base import result_of
from airflow_providers_pinning.triggers.canary import CanaryRunsTrigger
from tests.support.api_server import DROP
from tests.support.patience import PATIENCE

RUNS = "/api/v2/dags/orders/dagRuns"


def trigger():
    return CanaryRunsTrigger(
        target_dag_id="orders", pinning_conn_id="pinning_default", poll_interval=0.01, created={"run_ids": ["a", "b"]}
    )


def test_runs_of_the_active_version_are_awaited_too(stub):
    waiting = trigger()
    waiting.created["baseline_replays"] = {"c": "live"}
    for run_id, answers in (("a", ["success"]), ("b", ["success"]), ("c", ["running", "failed"])):
        stub.answer("GET", f"{RUNS}/{run_id}", *((200, {"state": state}) for state in answers))

    assert payload(waiting)["result"]["states"] == {"a": "success", "b": "success", "c": "failed"}


def payload(of):
    async def first():
        return await anext(of.run().__aiter__())

    return asyncio.run(asyncio.wait_for(first(), PATIENCE)).payload


def test_serialized_trigger_holds_plain_values_and_makes_the_same_trigger(stub):
    path, values = trigger().serialize()
    assert json.loads(json.dumps(values)) == values
    assert "secret" not in json.dumps(values)
    module, _, name = path.rpartition(".")
    restored = getattr(__import__(module, fromlist=[name]), name)(**values)
    assert restored.serialize() == (path, values)


def test_faults_and_restarts_are_outlasted(stub):
    faults = [DROP, (502, ""), (503, {}), (500, "oops"), (429, {})]
    stub.answer("GET", f"{RUNS}/a", *faults, {"state": "running"}, {"state": "success"})
    stub.answer("GET", f"{RUNS}/b", {"state": "failed"})
    assert payload(trigger()) == {
        "result": {"run_ids": ["a", "b"], "states": {"a": "success", "b": "failed"}},
        "error": None,
    }
    assert len(stub.asked("GET", f"{RUNS}/b")) == 1  # a finished run is not asked for again


def test_server_that_is_down_is_awaited_and_its_new_secret_accepted(serve, connect):
    async def story():
        with serve() as before:
            connect(before.url)
            before.answer("GET", f"{RUNS}/a", {"state": "running"})
            before.answer("GET", f"{RUNS}/b", {"state": "running"})
            waiting = asyncio.ensure_future(anext(trigger().run().__aiter__()))
            await asyncio.sleep(0.3)
        await asyncio.sleep(0.3)
        assert not waiting.done()
        with serve(int(before.url.rpartition(":")[2])) as after:
            after.logins = 5  # tokens of the server before are refused
            after.answer("GET", f"{RUNS}/a", {"state": "success"})
            after.answer("GET", f"{RUNS}/b", {"state": "success"})
            return (await asyncio.wait_for(waiting, PATIENCE)).payload

    assert asyncio.run(story())["result"]["states"] == {"a": "success", "b": "success"}


def test_refusal_ends_the_wait_as_a_typed_error(stub):
    stub.answer("GET", f"{RUNS}/a", (404, {"detail": "The DagRun was not found"}))
    with pytest.raises(NotFoundError, match="The DagRun was not found"):
        result_of(json.loads(json.dumps(payload(trigger()))))


def test_event_without_an_answer_is_an_error():
    with pytest.raises(PinningApiError):
        result_of(None)
