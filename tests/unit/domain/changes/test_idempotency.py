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
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file


@pytest.fixture
@remembered
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


@pytest.fixture
def judged(two):
    """Judge version 2 with the key k, in each of three ways."""

    def judge(action):
        if action == "restore":
            two.reject("orders", 2)
        return getattr(two, action)("orders", 2, idempotency_key="k")

    return judge


@pytest.mark.parametrize("action", ["candidate", "reject", "restore"])
def test_repeated_judgement_tells_of_which_version_it_was(two, judged, action):
    assert judged(action).repeated is None
    two.commit("sha3", orders=dag_file("orders", tasks="extract load report"))
    state = getattr(two, action)("orders", 2, idempotency_key="k")
    assert (state.repeated.revision, state.repeated.version.version_number, state.repeated.stands) == (1, 2, True)
    (warning,) = state.warnings
    assert warning.startswith("This request was already carried out, at revision 1 with version 2 (bundle")
    assert warning.endswith("no change was made.")


@pytest.mark.parametrize(
    ("action", "opposite", "now"),
    [
        ("candidate", "reject", "Version 2 was rejected since: because."),
        ("reject", "restore", "Version 2 is no longer rejected."),
        ("restore", "reject", "Version 2 was rejected since: because."),
    ],
)
def test_repeated_judgement_tells_if_the_opposite_holds_though_the_revision_is_the_same(
    two, judged, action, opposite, now
):
    judged(action)
    getattr(two, opposite)("orders", 2)
    state = getattr(two, action)("orders", 2, idempotency_key="k")
    assert (state.revision, state.repeated.revision, state.repeated.stands) == (1, 1, False)
    assert state.warnings[0].endswith(f"no change was made. {now}")


def test_repeated_candidate_without_a_number_names_the_version_that_was_the_latest_then(two):
    two.candidate("orders", idempotency_key="k")
    two.commit("sha3", orders=dag_file("orders", tasks="extract load report"))
    assert two.candidate("orders", idempotency_key="k").repeated.version.version_number == 2
    assert 3 not in two.managed("orders")


def test_repeated_rollback_tells_that_what_it_rejected_was_restored(two):
    two.pin("orders", 2)
    two.roll_back("orders", idempotency_key="k")
    assert two.roll_back("orders", idempotency_key="k").repeated.stands
    two.restore("orders", 2)
    state = two.roll_back("orders", idempotency_key="k")
    assert (state.repeated.version.version_number, state.repeated.stands) == (1, False)
    assert state.warnings[0].endswith("Version 2 is no longer rejected.")
