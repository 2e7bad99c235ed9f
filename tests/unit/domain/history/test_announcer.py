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

import time
from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.errors import UnknownVersionError
from airflow_providers_pinning.domain.history import announcer, outbox
from airflow_providers_pinning.domain.history.announcer import Announcer, announce_unclaimed
from airflow_providers_pinning.domain.history.delivery import Delivery
from airflow_providers_pinning.listeners.event import EventVersion
from airflow_providers_pinning.models import Event
from tests.support.listening import HangingListener, Listener, listening
from tests.support.patience import PATIENCE
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def orders(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="one two"))
    lab.session.execute(delete(Event))
    lab.session.commit()
    return lab


@pytest.fixture
def announcing(airflow_database):
    """Announce what is committed in this process."""
    running = Announcer()
    running.begin()
    yield running
    running.end()


@pytest.fixture
def listener(airflow_database):
    told = Listener()
    with listening(told):
        yield told


def announced(session):
    session.rollback()
    return [at is not None for at in session.scalars(select(Event.announced_at).order_by(Event.id))]


def left_behind(session):
    """Let all events be so old that the process which made the change has no claim any more."""
    session.execute(update(Event).values(created_at=timezone.utcnow() - timedelta(minutes=1)))
    session.commit()


class TestAnnouncer:
    def test_tells_who_changed_what_and_why(self, orders, announcing, listener):
        orders.pin("orders", 1)
        orders.roll_back("orders", to_version=2, override_reason="urgent")

        pinned, rolled_back = listener.wait(2)

        v1, v2 = (orders.version("orders", number) for number in (1, 2))
        assert (pinned.kind, pinned.dag_id, pinned.revision) == ("pinned", "orders", 1)
        assert (pinned.actor, pinned.actor_kind, pinned.reason) == ("alice", "user", "because")
        assert pinned.from_version.version_number == 2
        assert pinned.to_version == EventVersion(
            dag_version_id=str(v1.id),
            version_number=1,
            bundle_name="team_dags",
            bundle_version="sha1",
            dag_hash=orders.serialized("orders", 1).dag_hash,
            relative_fileloc="orders.py",
        )
        assert (rolled_back.kind, rolled_back.revision) == ("rolled_back", 2)
        assert rolled_back.to_version.dag_version_id == str(v2.id)
        assert rolled_back.override_reason == "urgent"
        assert rolled_back.evidence == {"rejected": 1}
        events = orders.session.scalars(select(Event).order_by(Event.id)).all()
        assert [pinned.event_id, rolled_back.event_id] == [event.id for event in events]
        assert [pinned.at, rolled_back.at] == [event.created_at for event in events]

    def test_tells_nothing_of_a_change_that_is_rolled_back(self, orders, announcing, listener):
        from airflow_providers_pinning.domain.changes import pins

        pins.pin_version("orders", pins.Target(version_number=1), orders.change(), session=orders.session)
        orders.session.rollback()
        with pytest.raises(UnknownVersionError):
            orders.pin("orders", 99)
        orders.session.rollback()
        orders.pin("orders", 2)

        assert [event.to_version.version_number for event in listener.wait()] == [2]

    def test_tells_nothing_twice_if_the_dag_processor_was_quicker(self, orders, announcing, listener):
        orders.session.execute(update(Event).values(announced_at=None))
        orders.pin("orders", 1)
        listener.wait()
        left_behind(orders.session)

        assert announce_unclaimed() == 0
        assert len(listener.events) == 1

    def test_goes_on_if_an_event_cannot_be_claimed(self, orders, announcing, listener, monkeypatch, caplog):
        claim = outbox.claim

        def fail(*args, **options):
            monkeypatch.setattr(outbox, "claim", claim)
            raise OSError("the database is away")

        monkeypatch.setattr(outbox, "claim", fail)
        orders.pin("orders", 1)
        orders.unpin("orders")

        assert [event.kind for event in listener.wait()] == ["unpinned"]
        assert announced(orders.session) == [False, True]
        assert "the dag processor will retry" in caplog.text

    def test_goes_on_after_an_event_that_it_does_not_understand(self, orders, announcing, listener, caplog):
        outbox.use_announcer(None)
        orders.pin("orders", 1)
        orders.session.execute(update(Event).values(kind="from the future"))
        orders.session.commit()
        [event_id] = orders.session.scalars(select(Event.id))
        announcing.announce([event_id])
        outbox.use_announcer(announcing.announce)

        orders.unpin("orders")

        assert [event.kind for event in listener.wait()] == ["unpinned"]
        assert "(from the future of Dag orders) could not be announced" in caplog.text

    def test_announces_what_it_has_taken_before_it_ends(self, orders, airflow_database, listener):
        running = Announcer()
        running.begin()
        orders.pin("orders", 1)
        running.end()

        assert len(listener.events) == 1

    def test_leaves_what_comes_after_its_end_to_the_dag_processor(self, orders, listener):
        running = Announcer()
        running.begin()
        running.end()

        orders.pin("orders", 1)

        assert announced(orders.session) == [False]

    def test_ends_in_spite_of_a_listener_that_hangs(self, orders, airflow_database, monkeypatch):
        monkeypatch.setattr(announcer, "END_TIMEOUT", 0.2)
        hanging = HangingListener()
        running = Announcer()
        running.begin()
        with listening(hanging):
            orders.pin("orders", 1)
            hanging.wait()
            begun = time.monotonic()
            running.end()

            assert time.monotonic() - begun < PATIENCE / 2

    def test_does_not_let_a_change_wait_for_a_listener(self, orders, announcing):
        hanging = HangingListener()
        with listening(hanging):
            orders.pin("orders", 1)
            hanging.wait()
            orders.unpin("orders")

            assert orders.pin_state("orders").revision == 2


class TestAnnounceUnclaimed:
    def test_tells_of_what_the_process_that_made_the_change_did_not(self, orders, listener):
        orders.pin("orders", 1)
        orders.unpin("orders")
        left_behind(orders.session)

        assert announce_unclaimed() == 2
        assert [event.kind for event in listener.events] == ["pinned", "unpinned"]
        assert announced(orders.session) == [True, True]
        assert announce_unclaimed() == 0

    def test_marks_events_as_announced_although_nobody_listens(self, orders):
        orders.pin("orders", 1)
        left_behind(orders.session)

        assert announce_unclaimed() == 1
        assert announced(orders.session) == [True]

    def test_counts_only_what_it_claimed(self, orders, listener, monkeypatch):
        orders.pin("orders", 1)
        [event_id] = orders.session.scalars(select(Event.id))
        left_behind(orders.session)
        assert announcer.announce(event_id, Delivery())
        monkeypatch.setattr(outbox, "unclaimed", lambda **options: [event_id])

        assert announce_unclaimed() == 0
        assert len(listener.events) == 1

    def test_ends_in_spite_of_a_listener_that_hangs(self, orders, listener, monkeypatch):
        from airflow_providers_pinning.domain.history import delivery

        monkeypatch.setattr(delivery, "LISTENER_TIMEOUT", 0.1)
        monkeypatch.setattr(announcer, "LAST_LISTENERS", 0.1)
        orders.pin("orders", 1)
        orders.unpin("orders")
        left_behind(orders.session)

        with listening(HangingListener()):
            assert announce_unclaimed() == 2
        assert len(listener.events) == 2
