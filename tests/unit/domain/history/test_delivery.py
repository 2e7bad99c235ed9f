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
from types import ModuleType

import pytest
from airflow._shared.timezones import timezone
from airflow.listeners import hookimpl

from airflow_providers_pinning.domain.history import delivery
from airflow_providers_pinning.domain.history.delivery import Delivery
from airflow_providers_pinning.listeners.event import DagVersionEvent
from airflow_providers_pinning.vocabulary import CallerKind, EventKind
from tests.support.listening import HangingListener, Listener, listening
from tests.support.patience import PATIENCE


def event(number=1, kind=EventKind.PINNED, evidence=None):
    return DagVersionEvent(
        event_id=number,
        dag_id="orders",
        kind=kind,
        revision=number,
        from_version=None,
        to_version=None,
        actor="alice",
        actor_kind=CallerKind.USER,
        source=None,
        reason="because",
        override_reason=None,
        evidence=evidence or {},
        release_id=None,
        at=timezone.utcnow(),
    )


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(delivery, "LISTENER_TIMEOUT", 0.2)
    monkeypatch.setattr(delivery, "QUEUE_TIMEOUT", 0.2)


def test_every_listener_gets_each_event():
    first, second = Listener(), Listener()
    deliveries = Delivery()

    with listening(first, second):
        deliveries.deliver(event(1))
        deliveries.deliver(event(2))

    assert [e.event_id for e in first.events] == [1, 2]
    assert first.events == second.events


def test_a_listener_may_be_a_module():
    module = ModuleType("my_listener")
    told = []

    @hookimpl
    def on_dag_version_event(event):
        told.append(event.dag_id)

    module.on_dag_version_event = on_dag_version_event

    with listening(module):
        Delivery().deliver(event())

    assert told == ["orders"]


def test_a_listener_may_leave_out_the_parameter():
    class Counting:
        calls = 0

        @hookimpl
        def on_dag_version_event(self):
            self.calls += 1

    counting = Counting()
    with listening(counting):
        Delivery().deliver(event())

    assert counting.calls == 1


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_listener_that_raises_keeps_no_other_from_being_called_and_is_called_again(error, caplog):
    before, raising, after = Listener(), Listener(error), Listener()
    deliveries = Delivery()

    with listening(before, raising, after):
        deliveries.deliver(event(1))
        deliveries.deliver(event(2))

    assert [len(listener.events) for listener in (before, raising, after)] == [2, 2, 2]
    assert "Listener" in caplog.text and "failed with event 1 (pinned)" in caplog.text


def test_a_listener_with_other_parameters_keeps_no_other_from_being_called(caplog):
    class Mistaken:
        @hookimpl
        def on_dag_version_event(self, something):
            raise AssertionError("it cannot be called")

    good = Listener()
    with listening(good):
        # As if its plugin had been loaded before the hook was known.
        from airflow.listeners.listener import get_listener_manager

        plugins = get_listener_manager().pm
        known = plugins.hook.on_dag_version_event.spec if hasattr(plugins.hook, "on_dag_version_event") else None
        if known:
            plugins.hook.on_dag_version_event.spec = None
        with listening(Mistaken()):
            Delivery().deliver(event())

    assert len(good.events) == 1
    assert "the wrong parameters" in caplog.text


def test_no_listener_is_needed():
    assert Delivery().deliver(event()) is None


def test_a_listener_that_hangs_is_waited_for_once_and_keeps_no_other_from_being_called(impatient, monkeypatch, caplog):
    hanging, good = HangingListener(), Listener()
    deliveries = Delivery()

    with listening(hanging, good):
        deliveries.deliver(event(1))
        assert "has not returned from event 1" in caplog.text
        monkeypatch.setattr(delivery, "LISTENER_TIMEOUT", PATIENCE)
        begun = time.monotonic()
        for number in range(2, 12):
            deliveries.deliver(event(number))
        took = time.monotonic() - begun
        assert not deliveries.wait(0)

        assert [e.event_id for e in good.events] == list(range(1, 12))
        assert len(hanging.events) == 1
        assert took < PATIENCE

        hanging.released.set()
        assert deliveries.wait(PATIENCE)
        assert [e.event_id for e in hanging.events] == list(range(1, 12))


def test_events_for_a_listener_that_never_returns_do_not_pile_up(impatient, monkeypatch, caplog):
    monkeypatch.setattr(delivery, "QUEUE_LENGTH", 2)
    hanging = HangingListener()
    deliveries = Delivery()

    with listening(hanging):
        deliveries.deliver(event(1))
        hanging.wait()
        for number in range(2, 6):
            deliveries.deliver(event(number))
        assert "event 4 (pinned of Dag orders) is not delivered to it" in caplog.text
        hanging.released.set()
        assert deliveries.wait(PATIENCE)

    assert [e.event_id for e in hanging.events] == [1, 2, 3]


def test_a_listener_that_is_slow_gets_every_event_of_a_long_release(monkeypatch):
    class SlowListener(Listener):
        @hookimpl
        def on_dag_version_event(self, event):
            time.sleep(0.02)
            super().on_dag_version_event(event)

    monkeypatch.setattr(delivery, "LISTENER_TIMEOUT", 0.01)
    monkeypatch.setattr(delivery, "QUEUE_LENGTH", 2)
    listener, deliveries = SlowListener(), Delivery()

    with listening(listener):
        for number in range(20):
            deliveries.deliver(event(number))
        assert deliveries.wait(PATIENCE)

    assert [told.event_id for told in listener.events] == list(range(20))


def test_a_listener_that_comes_later_gets_what_happens_later():
    late = Listener()
    deliveries = Delivery()
    deliveries.deliver(event(1))

    with listening(late):
        deliveries.deliver(event(2))

    assert [e.event_id for e in late.events] == [2]
