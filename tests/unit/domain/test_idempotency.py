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

from airflow_providers_pinning.domain.errors import IdempotencyKeyReusedError
from tests.support.sources import CHANGED, STABLE, dag_file


@pytest.fixture
def two(lab):
    lab.commit("sha1", orders=STABLE, invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    return lab


def test_repeated_request_does_not_undo_a_later_change(two):
    two.pin("orders", 2, idempotency_key="k")
    two.roll_back("orders")
    assert two.pin("orders", 2, idempotency_key="k").active.version_number == 1


def test_request_that_found_nothing_to_do_is_not_made_later_either(two):
    two.pin("orders", 1, idempotency_key="k")
    two.pin("orders", 2)
    assert two.pin("orders", 1, idempotency_key="k").active.version_number == 2


@pytest.mark.parametrize("action", ["candidate", "reject"])
def test_judgement_that_found_nothing_to_do_keeps_its_key(two, action):
    getattr(two, action)("orders", 2)
    getattr(two, action)("orders", 2, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReusedError):
        two.restore("orders", 2, idempotency_key="k")


def test_repeated_restoring_does_not_undo_a_later_rejection(two):
    two.reject("orders", 2)
    two.restore("orders", 2, idempotency_key="k")
    two.reject("orders", 2)
    two.restore("orders", 2, idempotency_key="k")
    assert two.managed("orders")[2] == "rejected"


def test_key_belongs_to_one_dag(two):
    two.pin("orders", 2, idempotency_key="k")
    assert two.pin("invoices", 1, idempotency_key="k").pinned


def test_key_of_another_request_is_refused_without_naming_anything_else(two):
    two.pin("orders", 2, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReusedError, match="pinned"):
        two.unpin("orders", idempotency_key="k")
