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

import asyncio

import pytest

from airflow_providers_pinning.triggers.remote_version import RemoteVersionTrigger
from tests.support.patience import PATIENCE

API = "/pinning/api/v1"
REGISTRATION = f"{API}/dags/orders/registration"
VERSIONS = f"{API}/dags/orders/versions"
SOAK = f"{VERSIONS}/2/soak"
VERSION = {
    "dag_version_id": "id-2",
    "version_number": 2,
    "bundle_name": "b",
    "bundle_version": "sha2",
    "dag_hash": "h",
}


@pytest.fixture
def telling(stub):
    stub.answer("GET", REGISTRATION, {"registration": "registered", "version": VERSION})
    stub.answer("GET", VERSIONS, {"versions": [{**VERSION, "state": "candidate"}]})
    return stub


def payload(**parameters):
    trigger = RemoteVersionTrigger(
        target_dag_id="orders",
        pinning_conn_id="pinning_default",
        poll_interval=0.02,
        bundle_version="sha2",
        **{"wait_for": "soak", "criteria": {}, **parameters},
    )

    async def first():
        return await asyncio.wait_for(anext(trigger.run().__aiter__()), PATIENCE)

    return asyncio.run(first()).payload


def test_soak_is_reported_once_the_version_was_taken_up_and_its_verdict_is_final(telling):
    unmanaged = (409, {"detail": {"reason": "not_managed", "message": "m"}})
    final = {"verdict": "successful", "reason": "r", "message": "Fine.", "evidence": {"runs": 3}}
    telling.answer("GET", SOAK, unmanaged, (503, {}), {"verdict": "progressing"}, final)
    told = payload(criteria={"min_runs": 2})["result"]
    assert (told["verdict"], told["remote_version_number"], told["evidence"]) == ("successful", 2, {"runs": 3})
    assert telling.received[-1].params["min_runs"] == "2"


def test_commit_that_will_not_come_is_reported(telling):
    telling.answer("GET", REGISTRATION, {"registration": "absent", "version": None, "remedy": "Take another."})
    assert payload(wait_for="registered")["result"]["reason"] == "absent"


def test_remote_without_the_route_is_reported_as_an_older_release(telling):
    telling.answer("GET", REGISTRATION, (404, {"detail": "Not Found"}))
    telling.answer("GET", f"{API}/health", {"components": []})
    assert payload()["error"]["reason"] == "route_missing"
