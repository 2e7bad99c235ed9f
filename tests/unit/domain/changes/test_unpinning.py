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
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import select

from airflow_providers_pinning.domain import errors
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import STABLE


@pytest.fixture
@remembered
def pinned(lab):
    lab.pin_first_of_two()
    return lab


def head_is(lab, commit):
    lab.session.get(DagBundleModel, BUNDLE).version = commit
    lab.session.commit()


def test_latest_version_is_active_at_once_if_head_registered_it(pinned):
    head_is(pinned, "sha2")
    state = pinned.unpin("orders")
    dag = pinned.dag_model("orders")
    assert (state.active.version_number, state.warnings) == (2, ())
    assert (dag.is_stale, dag.bundle_version, dag.max_active_runs) == (False, "sha2", 7)


def test_dag_whose_file_is_gone_at_head_does_not_come_back_to_life(pinned):
    head_is(pinned, "sha3")
    state = pinned.unpin("orders")
    assert pinned.dag_model("orders").is_stale
    assert "sha3" in state.warnings[0]


def test_of_the_version_that_was_seen_is_made(pinned):
    head_is(pinned, "sha2")
    seen = pinned.pin_state("orders").latest
    state = pinned.unpin(
        "orders",
        expected_version=seen.version_number,
        expected_dag_hash=seen.dag_hash,
        expected_bundle_version=seen.bundle_version,
    )
    assert state.active == seen


def test_is_refused_if_a_newer_version_was_registered_than_was_seen(pinned):
    pinned.candidate("orders", 2)
    pinned.commit("sha3", orders=STABLE)
    with pytest.raises(errors.RevisionConflictError, match=r"is version 3 .*, not version 2\.") as conflict:
        pinned.unpin("orders", expected_version=2)
    assert conflict.value.data["state"].latest.version_number == 3
    assert pinned.pin_state("orders").active.version_number == 1


def test_is_refused_if_the_latest_version_was_taken_away(pinned):
    pinned.remove_version("orders", 2)
    with pytest.raises(errors.RevisionConflictError, match=r"is version 1 .*, not version 2\."):
        pinned.unpin("orders", expected_version=2)


@pytest.mark.parametrize("seen", [{"expected_dag_hash": "another"}, {"expected_bundle_version": "another"}], ids=str)
def test_is_refused_if_the_latest_version_was_rewritten_since_it_was_seen(pinned, seen):
    with pytest.raises(errors.VersionDriftedError, match=r"version 2 .*not the expected another"):
        pinned.unpin("orders", expected_version=2, **seen)
    assert pinned.pin_state("orders").pinned


def test_file_is_parsed_with_priority(pinned):
    pinned.unpin("orders")
    request = pinned.session.scalars(select(DagPriorityParsingRequest)).one()
    assert (request.bundle_name, request.relative_fileloc) == (BUNDLE, "orders.py")


def test_file_that_is_to_be_parsed_already_is_asked_for_once(pinned):
    pinned.session.add(DagPriorityParsingRequest(bundle_name=BUNDLE, relative_fileloc="orders.py"))
    pinned.session.commit()
    pinned.unpin("orders")
    assert len(pinned.session.scalars(select(DagPriorityParsingRequest)).all()) == 1


def test_rejected_latest_version_is_warned_of_but_goes_live(pinned):
    head_is(pinned, "sha2")
    pinned.reject("orders", 2, reason="wrong totals")
    state = pinned.unpin("orders", idempotency_key="k")
    assert state.active.version_number == 2
    assert state.warnings == ("Version 2, which new runs now use, was rejected: wrong totals.",)
    assert pinned.unpin("orders", idempotency_key="k").warnings[0] == state.warnings[0]
