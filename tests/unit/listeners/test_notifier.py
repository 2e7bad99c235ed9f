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
from airflow.sdk import BaseNotifier

from airflow_providers_pinning.domain.history.delivery import Delivery
from airflow_providers_pinning.listeners.notifier import NotifierListener
from airflow_providers_pinning.vocabulary import EventKind
from tests.support.listening import listening
from tests.unit.domain.history.test_delivery import event


class Sent(BaseNotifier):
    template_fields = ("text",)
    sent = []

    def __init__(self, text):
        super().__init__()
        self.text = text

    def notify(self, context):
        self.sent.append(self.text)


@pytest.fixture(autouse=True)
def sent():
    Sent.sent.clear()
    return Sent.sent


def deliver(listener, *events):
    deliveries = Delivery()
    with listening(listener):
        for one in events:
            deliveries.deliver(one)


def test_each_event_fills_the_templates_of_the_notifier_anew(sent):
    deliver(NotifierListener(Sent("{{ event.kind.value }} {{ event.revision }}")), event(1), event(2))

    assert sent == ["pinned 1", "pinned 2"]


def test_only_events_of_the_kinds_that_were_asked_for_are_sent(sent):
    listener = NotifierListener(Sent("{{ event.event_id }}"), kinds={"rolled_back", "rejected"})

    deliver(listener, *(event(number, kind) for number, kind in enumerate(EventKind)))

    asked = [str(number) for number, kind in enumerate(EventKind) if kind in ("rolled_back", "rejected")]
    assert sent == asked
    assert len(asked) == 2


def test_a_notifier_that_fails_is_named_in_the_log(sent, caplog):
    deliver(NotifierListener(Sent("{{ event.nothing.at_all }}")), event())

    assert sent == []
    assert "Listener NotifierListener(Sent) failed" in caplog.text
