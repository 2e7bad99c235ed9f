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
from types import SimpleNamespace

import pytest

from airflow_providers_pinning.triggers import base
from airflow_providers_pinning.triggers.soak import VersionSoakTrigger
from airflow_providers_pinning.triggers.version import BundleVersionTrigger, NewDagVersionTrigger
from tests.support.patience import PATIENCE

VERSIONS = "/pinning/api/v1/dags/orders/versions"
SOAK = f"{VERSIONS}/2/soak"
COMMON = {"target_dag_id": "orders", "pinning_conn_id": "pinning_default", "poll_interval": 0.02}


def version(number, dag_hash="h", active=False):
    return {
        "dag_version_id": f"id-{number}",
        "version_number": number,
        "bundle_version": "sha",
        "dag_hash": dag_hash,
        "is_active": active,
        "state": "registered",
    }


def payload(of):
    async def first():
        return await asyncio.wait_for(anext(of.run().__aiter__()), PATIENCE)

    return asyncio.run(first()).payload


def test_new_version_is_reported_once_it_has_settled(stub):
    seen = [version(1, active=True), version(2, "a"), version(2, "b"), version(2, "c"), version(3, "d")]
    stub.answer("GET", VERSIONS, *({"versions": [one]} for one in seen))
    assert payload(NewDagVersionTrigger(**COMMON, debounce=0.1))["result"] == version(3, "d")


def test_commit_is_reported_once_it_is_parsed(stub):
    stub.answer(
        "GET",
        "/pinning/api/v1/dags/orders/registration",
        *({"registration": r} for r in ("unseen", "waiting", "registered")),
    )
    assert payload(BundleVersionTrigger(**COMMON, bundle_version="sha2"))["result"] == {"registration": "registered"}


def test_verdict_is_reported_once_it_is_final(stub):
    stub.answer("GET", SOAK, {"verdict": "progressing"}, (503, {}), {"verdict": "failed"})
    trigger = VersionSoakTrigger(**COMMON, version_number=2, criteria={"min_runs": 2})
    assert payload(trigger) == {"result": {"verdict": "failed"}, "error": None}
    assert stub.received[-1].params["min_runs"] == "2"


def test_first_question_comes_after_the_first_pause(stub, monkeypatch):
    stub.answer("GET", SOAK, {"verdict": "successful"})
    trigger = VersionSoakTrigger(**{**COMMON, "poll_interval": 30}, version_number=2, criteria={})
    pauses = []

    async def pause(seconds):
        pauses.append((seconds, len(stub.received)))

    monkeypatch.setattr(base, "asyncio", SimpleNamespace(sleep=pause))

    assert payload(trigger)["result"] == {"verdict": "successful"}
    assert pauses == [(30, 0)]


@pytest.mark.parametrize(
    "trigger",
    [
        NewDagVersionTrigger(**COMMON, debounce=1),
        VersionSoakTrigger(**COMMON, version_number=2, criteria={"min_runs": 2}),
    ],
)
def test_serialized_trigger_makes_the_same_trigger(trigger):
    path, values = trigger.serialize()
    assert type(trigger)(**values).serialize() == (path, values)
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
