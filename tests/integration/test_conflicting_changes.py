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
"""Two changes of a pin at the same time."""

from __future__ import annotations

import threading

import pytest
from airflow import settings
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.hold import hold, unhold
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import DagHeldError, IdempotencyKeyReusedError, RevisionConflictError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import Event, Pin
from tests.support.patience import PATIENCE
from tests.support.sources import STABLE

CLIENTS = 4


@pytest.fixture
def orders(lab):
    lab.pin_first_of_two()
    return lab


def at_once(*changes):
    """Pin versions at the same time, each as a request of the REST API does; return the results or errors."""
    return all_at_once(
        *(
            lambda session, dag_id=dag_id, number=number, change=change: pin_version(
                dag_id, Target(version_number=number), change, session=session
            )
            for dag_id, number, change in changes
        )
    )


def all_at_once(*actions):
    """Make changes at the same time; return their results or errors."""
    start = threading.Barrier(len(actions))
    results = {}

    def request(number, action):
        with settings.NonScopedSession() as session:
            start.wait(PATIENCE)
            try:
                results[number] = commit(lambda: action(session), session=session)
            except Exception as error:
                results[number] = error

    threads = [threading.Thread(target=request, args=(number, action)) for number, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [results[number] for number in range(len(actions))]


def change(who, **conditions):
    return Change(Caller(who), f"{who} wants it", **conditions)


@pytest.mark.parametrize("turn", range(5))
def test_of_changes_that_expect_the_same_revision_exactly_one_wins(orders, session, turn):
    results = at_once(*(("orders", 2, change(f"client{n}", expected_revision=1)) for n in range(CLIENTS)))
    conflicts = [result for result in results if isinstance(result, RevisionConflictError)]
    [won] = [result for result in results if not isinstance(result, Exception)]
    assert len(conflicts) == CLIENTS - 1
    assert won.revision == 2
    assert {conflict.data["state"].revision for conflict in conflicts} == {2}
    assert session.scalars(select(Event.revision).where(Event.revision > 1)).all() == [2]


def test_of_first_pins_that_expect_no_earlier_one_exactly_one_wins(lab, session):
    lab.commit("sha1", orders=STABLE)
    results = at_once(*(("orders", 1, change(f"client{n}", expected_revision=0)) for n in range(CLIENTS)))
    assert sum(isinstance(result, RevisionConflictError) for result in results) == CLIENTS - 1
    assert session.get(Pin, "orders").revision == 1


@pytest.mark.parametrize("turn", range(5))
def test_a_request_that_is_sent_twice_at_once_is_one_event(orders, session, turn):
    results = at_once(*(("orders", 2, change("client", idempotency_key="key")) for _ in range(CLIENTS)))
    assert [result.revision for result in results] == [2] * CLIENTS
    assert len(session.scalars(select(Event).where(Event.idempotency_key == "key")).all()) == 1


def test_of_different_requests_with_one_key_at_once_exactly_one_is_carried_out(orders, session):
    results = at_once(
        ("orders", 1, change("client", idempotency_key="key")), ("orders", 2, change("client", idempotency_key="key"))
    )
    assert sum(isinstance(result, IdempotencyKeyReusedError) for result in results) == 1
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert len(session.scalars(select(Event).where(Event.idempotency_key == "key")).all()) == 1


def test_one_key_for_two_dags_at_once_is_two_requests(orders, lab, session):
    lab.commit("sha3", other=STABLE.replace('"orders"', '"other"'))
    results = at_once(
        ("orders", 2, change("client", idempotency_key="key")), ("other", 1, change("client", idempotency_key="key"))
    )
    assert [result.dag_id for result in results] == ["orders", "other"]
    events = session.scalars(select(Event.dag_id).where(Event.idempotency_key == "key")).all()
    assert sorted(events) == ["orders", "other"]


@pytest.mark.parametrize("turn", range(3))
def test_of_people_who_hold_lift_and_pin_at_once_each_change_has_a_revision_and_the_last_one_holds(
    orders, session, turn
):
    def pins(session):
        return pin_version("orders", Target(version_number=2), change("pinner"), session=session)

    results = all_at_once(
        lambda session: hold("orders", change("holder"), session=session),
        lambda session: unhold("orders", change("lifter"), session=session),
        lambda session: hold("orders", change("other holder"), session=session),
        pins,
    )

    refused = [result for result in results if isinstance(result, Exception)]
    assert {type(error) for error in refused} <= {DagHeldError}
    events = session.scalars(select(Event).order_by(Event.id)).all()
    changes = [event for event in events if event.kind != "confirmed"]
    assert [event.revision for event in changes] == list(range(1, len(changes) + 1))
    last = [event for event in changes if event.kind in ("held", "unheld")][-1]
    pin = session.get(Pin, "orders", populate_existing=True)
    assert pin.revision == len(changes)
    assert pin.hold_reason == (last.reason if last.kind == "held" else None)
    pinned = [event for event in changes if event.kind == "pinned"]
    assert pin.version_number == len(pinned) == (1 if refused else 2)


def test_of_people_who_hold_from_the_same_revision_exactly_one_wins(orders, session):
    results = all_at_once(
        *(
            lambda session, who=f"client{number}": hold("orders", change(who, expected_revision=1), session=session)
            for number in range(CLIENTS)
        )
    )
    assert sum(isinstance(result, RevisionConflictError) for result in results) == CLIENTS - 1
    assert session.get(Pin, "orders").revision == 2
