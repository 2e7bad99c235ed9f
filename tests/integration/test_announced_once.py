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
"""Of several processes that could announce a change, exactly one does."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

import pytest
from airflow import settings
from airflow._shared.timezones import timezone
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql

from airflow_providers_pinning.domain.changes.pins import Target, pin_version, unpin
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history import outbox
from airflow_providers_pinning.domain.history.announcer import Announcer, announce, announce_unclaimed
from airflow_providers_pinning.domain.history.delivery import Delivery
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.history.outbox import claim, unclaimed, use_announcer
from airflow_providers_pinning.models import Event
from tests.support.listening import Listener, listening
from tests.support.patience import PATIENCE
from tests.support.sources import STABLE

CHANGE = Change(Caller("alice"), "because")
EVENTS = 200_000

MORE_EVENTS = text(
    """
    INSERT INTO pinning_event (dag_id, revision, kind, actor, actor_kind, reason, created_at, announced_at)
    SELECT 'orders', n, 'pinned', 'alice', 'user', 'because', now() - interval '1 day', now()
    FROM generate_series(1, :count) n
    """
)


@pytest.fixture
def orders(lab):
    lab.commit("sha1", orders=STABLE)
    return lab


@pytest.fixture
def listener(airflow_database):
    told = Listener()
    with listening(told):
        yield told


def left_behind(session):
    """Let all events be so old that the process which made the change has no claim any more."""
    session.execute(update(Event).values(created_at=timezone.utcnow() - timedelta(minutes=1)))
    session.commit()


@pytest.fixture
def event_id(orders, session):
    """Return the id of an event that nobody claimed."""
    orders.pin("orders", 1)
    left_behind(session)
    return session.scalars(select(Event.id)).one()


def test_a_second_claim_waits_for_the_first_and_gets_nothing(event_id, elsewhere):
    first = elsewhere(lambda session: claim(event_id, session=session))
    first.wait_until_acted()
    second = elsewhere(lambda session: claim(event_id, session=session))
    second.wait_until_locked_out()

    assert first.commit().id == event_id
    assert second.commit() is None


def test_a_second_claim_gets_what_the_first_gives_up(event_id, elsewhere):
    first = elsewhere(lambda session: claim(event_id, session=session))
    first.wait_until_acted()
    second = elsewhere(lambda session: claim(event_id, session=session))
    second.wait_until_locked_out()

    first.abandon()
    assert second.commit().id == event_id


def test_many_who_announce_the_same_events_at_once_tell_each_once(orders, session, listener):
    for _ in range(3):
        orders.pin("orders", 1)
        orders.unpin("orders")
    left_behind(session)
    ids = session.scalars(select(Event.id).order_by(Event.id)).all()
    start = threading.Barrier(4)
    granted = []

    def announce_all():
        delivery = Delivery()
        start.wait(PATIENCE)
        granted.extend([event_id for event_id in ids if announce(event_id, delivery)])

    threads = [threading.Thread(target=announce_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert sorted(granted) == ids
    assert sorted(event.event_id for event in listener.events) == ids


def test_the_process_that_made_the_change_and_the_dag_processor_tell_it_once(orders, session, listener, monkeypatch):
    monkeypatch.setattr(outbox, "GRACE", timedelta(0))
    ended = threading.Event()

    def keep_announcing():
        while not ended.is_set():
            announce_unclaimed()

    dag_processor = threading.Thread(target=keep_announcing)
    dag_processor.start()
    announcer = Announcer()
    announcer.begin()
    try:
        for _ in range(5):
            commit(lambda: pin_version("orders", Target(version_number=1), CHANGE, session=session), session=session)
            commit(lambda: unpin("orders", CHANGE, session=session), session=session)
        listener.wait(10)
    finally:
        announcer.end()
        ended.set()
        dag_processor.join(PATIENCE)

    told = sorted(event.event_id for event in listener.events)
    assert told == session.scalars(select(Event.id).order_by(Event.id)).all()
    assert len(told) == 10


def test_a_change_whose_process_is_killed_after_its_commit_is_announced(orders, session, listener):
    session.close()
    child = os.fork()
    if child == 0:
        # What is handed over was committed; here the process ends before it announces that.
        use_announcer(lambda ids: os.kill(os.getpid(), signal.SIGKILL))
        with settings.NonScopedSession() as own:
            pin_version("orders", Target(version_number=1), CHANGE, session=own)
            own.commit()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert orders.pin_state("orders").pinned
    left_behind(session)

    assert announce_unclaimed() == 1

    assert [event.kind for event in listener.events] == ["pinned"]


def test_among_very_many_events_those_left_are_found_by_their_index(orders, session, server, airflow_database):
    session.execute(MORE_EVENTS, {"count": EVENTS})
    session.commit()
    server.execute("VACUUM ANALYZE pinning_event", database=airflow_database)
    orders.pin("orders", 1)
    left_id = session.scalars(select(Event.id).where(Event.announced_at.is_(None))).one()
    session.execute(update(Event).where(Event.id == left_id).values(created_at=timezone.utcnow() - timedelta(days=1)))
    session.commit()

    statement = str(outbox._unclaimed(10).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    [(explained,)] = session.execute(
        text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".replace(":", r"\:"))
    ).all()
    plan = explained[0]["Plan"]

    assert unclaimed(limit=10, session=session) == [left_id]
    assert "idx_pinning_event_announced_at_id" in str(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20
