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

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import pins
from airflow_providers_pinning.domain.changes.transactions import rehearse
from airflow_providers_pinning.domain.history import outbox
from airflow_providers_pinning.domain.history.outbox import (
    GRACE,
    claim,
    is_announcement_due,
    unclaimed,
    use_announcer,
)
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import EventKind
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def orders(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    return lab


@pytest.fixture
def handed_over(airflow_database):
    """Return the ids that were handed over to be announced."""
    ids = []
    use_announcer(ids.extend)
    yield ids
    use_announcer(None)


def pin(lab):
    return pins.pin_version("orders", pins.Target(version_number=1), lab.change(), session=lab.session)


def event_ids(lab):
    return lab.session.scalars(select(Event.id).order_by(Event.id)).all()


class TestHandOver:
    def test_comes_after_the_commit(self, orders, handed_over):
        pin(orders)
        assert handed_over == []

        orders.session.commit()

        assert handed_over == event_ids(orders)

    def test_comes_once_for_each_event_of_a_session(self, orders, handed_over):
        orders.pin("orders", 1)
        orders.unpin("orders")
        orders.session.commit()

        assert handed_over == event_ids(orders)
        assert len(handed_over) == 2

    def test_waits_for_the_transaction_around_a_savepoint(self, orders, handed_over):
        with orders.session.begin_nested():
            pin(orders)
        assert handed_over == []

        orders.session.commit()

        assert handed_over == event_ids(orders)

    def test_leaves_nothing_to_claim_of_a_savepoint_that_was_rolled_back(self, orders, handed_over):
        savepoint = orders.session.begin_nested()
        pin(orders)
        savepoint.rollback()
        orders.session.commit()

        assert [claim(event_id, session=orders.session) for event_id in handed_over] == [None] * len(handed_over)

    def test_leaves_nothing_to_claim_of_a_change_that_was_only_rehearsed(self, orders, handed_over):
        rehearse(lambda: pin(orders), session=orders.session)
        orders.session.commit()

        assert [claim(event_id, session=orders.session) for event_id in handed_over] == [None] * len(handed_over)

    def test_leaves_the_event_to_the_dag_processor_if_this_process_announces_nothing(self, orders):
        orders.pin("orders", 1)

        assert orders.session.scalars(select(Event.announced_at)).all() == [None]

    def test_refuses_an_event_that_nothing_will_commit(self):
        with pytest.raises(ValueError, match="belongs to no session"):
            outbox.announce_after_commit(Event())


class TestClaim:
    def test_is_granted_once(self, orders):
        orders.pin("orders", 1)
        [event_id] = event_ids(orders)

        first = claim(event_id, session=orders.session)
        second = claim(event_id, session=orders.session)

        assert (first.id, first.kind, second) == (event_id, "pinned", None)
        assert first.announced_at is not None

    def test_is_not_granted_for_what_is_not_there(self, session):
        assert claim(4711, session=session) is None

    def test_that_is_rolled_back_can_be_made_again(self, orders):
        orders.pin("orders", 1)
        [event_id] = event_ids(orders)
        claim(event_id, session=orders.session)
        orders.session.rollback()

        assert claim(event_id, session=orders.session).id == event_id


class TestUnclaimed:
    @pytest.fixture(autouse=True)
    def two_events(self, orders):
        orders.pin("orders", 1)
        orders.unpin("orders")

    def left_for(self, session, age):
        session.execute(update(Event).values(created_at=timezone.utcnow() - age))
        session.commit()

    def test_are_the_events_that_nobody_claimed_for_a_while(self, orders):
        self.left_for(orders.session, GRACE * 2)

        assert unclaimed(limit=10, session=orders.session) == event_ids(orders)
        assert is_announcement_due(session=orders.session)

    def test_are_not_those_that_the_changing_process_may_still_claim(self, orders):
        self.left_for(orders.session, GRACE - timedelta(seconds=3))

        assert unclaimed(limit=10, session=orders.session) == []
        assert not is_announcement_due(session=orders.session)

    def test_are_not_those_that_were_claimed(self, orders):
        self.left_for(orders.session, GRACE * 2)
        first, second = event_ids(orders)
        claim(first, session=orders.session)

        assert unclaimed(limit=10, session=orders.session) == [second]

    def test_are_listed_oldest_first_and_not_all_at_once(self, orders):
        self.left_for(orders.session, GRACE * 2)

        assert unclaimed(limit=1, session=orders.session) == event_ids(orders)[:1]


def test_a_canary_a_candidate_and_a_deleted_dag_are_handed_over_too(orders, handed_over):
    from airflow.api.common.delete_dag import delete_dag

    orders.candidate("orders", 1)
    orders.pin("orders", 1)
    delete_dag("orders", session=orders.session)
    orders.session.commit()

    kinds = orders.session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds == [EventKind.CANDIDATE, EventKind.PINNED, EventKind.FORGOTTEN]
    assert handed_over == event_ids(orders)
