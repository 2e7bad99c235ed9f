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
"""A rejected version that comes back under the next number is told as what it is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from airflow_providers_pinning.domain.monitoring.version_list import list_versions
from airflow_providers_pinning.models import Event
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE
from tests.support.statements import recorded

BODY = """
    from datetime import datetime
    from airflow.sdk import DAG, task

    with DAG("orders", schedule=None, start_date=datetime(2026, 1, 1)):
        @task
        def load():
            return {value}
        load()
"""


@pytest.fixture
@remembered
def rejected(lab):
    """Reject version 2; a commit that leaves its Dag and its file alone registers it again as version 3."""
    lab.pin_first_of_two()
    lab.reject("orders", 2, reason="loses orders")
    lab.commit("sha3", orders=CHANGED)
    assert lab.numbers("orders") == [1, 2, 3]
    return lab


def equals(lab):
    listed, _ = list_versions("orders", limit=50, offset=0, session=lab.session)
    return {one.identity.version_number: (one.equals_rejected, one.equals_rejected_reason) for one in listed}


def test_the_list_of_versions_says_which_rejected_one_a_version_equals(rejected, api):
    assert equals(rejected) == {1: (None, None), 2: (None, None), 3: (2, "loses orders")}
    [newest, *_] = api("viewer").get(f"{PINNING}/dags/orders/versions").json()["versions"]
    assert (newest["equals_rejected"], newest["equals_rejected_reason"]) == (2, "loses orders")


def test_it_is_told_with_one_statement_however_many_versions_there_are(rejected, session):
    with recorded(session) as few:
        equals(rejected)
    for number in range(4, 10):
        rejected.candidate("orders")
        rejected.commit(f"sha{number}", orders=CHANGED)
    with recorded(session) as many:
        assert equals(rejected)[9] == (2, "loses orders")

    assert len(many) == len(few)


@pytest.mark.parametrize("how", ["candidate", "canary", "pin"])
def test_whoever_goes_on_with_it_is_warned(how, rejected):
    if how == "canary":
        answer = canary.create_canary_runs("orders", CanaryRequest(3), rejected.change(), session=rejected.session)
    else:
        answer = getattr(rejected, how)("orders", 3)

    assert any(
        warning.startswith("Version 3 equals version 2, which was rejected: loses orders.")
        for warning in answer.warnings
    )
    if how == "pin":
        event = rejected.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert "equals version 2" in event.evidence["warnings"][0]


def test_a_version_that_was_restored_is_equalled_by_none(rejected):
    rejected.restore("orders", 2)

    assert equals(rejected)[3] == (None, None)


def test_a_repair_of_a_task_has_the_same_hash_and_equals_nothing(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=BODY.format(value=1))
    lab.reject("orders", 2)
    lab.commit("sha3", orders=BODY.format(value=2))

    assert lab.serialized("orders", 2).dag_hash == lab.serialized("orders", 3).dag_hash
    assert equals(lab)[3] == (None, None)


def test_an_older_version_that_worked_does_not_equal_a_newer_one_that_was_rejected(lab):
    lab.commit("sha1", orders=CHANGED)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    lab.reject("orders", 2)

    assert equals(lab) == {1: (None, None), 2: (None, None)}
