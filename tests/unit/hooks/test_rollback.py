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

import pytest

from airflow_providers_pinning.exceptions import NothingToRollBackToError, RollbackFailedError, UnknownDagError
from airflow_providers_pinning.hooks.rollback import RollbackHook

REFUSED = (409, {"detail": {"reason": "nothing_to_roll_back_to", "message": "No other version."}})
UNKNOWN = (404, {"detail": {"reason": "unknown_dag", "message": "No such Dag."}})


def path(dag_id):
    return f"/pinning/api/v1/dags/{dag_id}/rollback"


@pytest.fixture
def hook():
    return RollbackHook(backoff=0.01)


def test_one_dag_is_rolled_back_to_the_version_before(stub, hook):
    stub.answer("POST", path("orders"), {"revision": 2})
    assert hook.roll_back_all("orders", reason="bad", hold=True) == {"orders": {"revision": 2}}
    body = stub.received[-1].body
    assert {name: body.get(name) for name in ("reason", "hold", "reject_current", "to_version")} == {
        "reason": "bad",
        "hold": True,
        "reject_current": True,
        "to_version": None,
    }


def test_each_dag_may_have_a_version_of_its_own(stub, hook):
    for dag_id in ("a", "b"):
        stub.answer("POST", path(dag_id), {})
    hook.roll_back_all({"a": 3, "b": None}, reason="bad")
    assert stub.asked("POST", path("a"))[0].body["to_version"] == 3
    assert "to_version" not in stub.asked("POST", path("b"))[0].body


def test_failure_says_what_succeeded_and_what_did_not(stub, hook):
    stub.answer("POST", path("a"), REFUSED)
    stub.answer("POST", path("b"), {"revision": 5})
    stub.answer("POST", path("c"), UNKNOWN)
    with pytest.raises(RollbackFailedError, match="2 of 3") as raised:
        hook.roll_back_all(["a", "b", "c"], reason="bad")
    assert raised.value.done == {"b": {"revision": 5}}
    assert {dag_id: type(error) for dag_id, error in raised.value.failed.items()} == {
        "a": NothingToRollBackToError,
        "c": UnknownDagError,
    }


def test_repetition_carries_the_same_key_for_each_dag(stub, hook):
    for dag_id in ("a", "b", "c"):
        stub.answer("POST", path(dag_id), {})
    hook.roll_back_all(["a", "b"], reason="bad", idempotency_key="mine")
    hook.roll_back_all(["b", "c", "a"], reason="bad", idempotency_key="mine")
    keys = {dag_id: {r.body["idempotency_key"] for r in stub.asked("POST", path(dag_id))} for dag_id in "abc"}
    assert all(len(used) == 1 for used in keys.values())
    assert len(set.union(*keys.values())) == 3


def test_no_dag_is_an_error(stub, hook):
    with pytest.raises(ValueError, match="No Dag"):
        hook.roll_back_all([], reason="bad")
