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
"""Announce events: count each in the metrics and send it to the listeners, after its commit."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from typing import Any

from airflow.utils.session import create_session

from airflow_providers_pinning.domain.history import change_counters, outbox
from airflow_providers_pinning.domain.history.delivery import Delivery
from airflow_providers_pinning.listeners.event import DagVersionEvent, EventVersion
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import CallerKind, EventKind

log = logging.getLogger(__name__)

EVENTS_A_ROUND = 1000

LAST_LISTENERS = 60.0
"""Seconds to wait for listeners before the process of a round ends."""

END_TIMEOUT = 5.0
"""Seconds that an ending process spends on announcing its remaining events."""


class Announcer:
    """
    Announces the events of this process from a thread, in the order of their commits.

    The dag processor announces what is left when the process ends.
    """

    def __init__(self) -> None:
        self._delivery = Delivery()
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pinning-announcer", daemon=True)

    def begin(self) -> None:
        """Start announcing events that this process commits."""
        self._thread.start()
        outbox.use_announcer(self.announce)

    def announce(self, event_ids: Sequence[int]) -> None:
        """Queue events to announce, and return at once."""
        for event_id in event_ids:
            self._waiting.put(event_id)

    def end(self) -> None:
        """Announce the queued events, without keeping the process from ending."""
        outbox.use_announcer(None)
        self._waiting.put(None)
        self._thread.join(END_TIMEOUT)

    def _work(self) -> None:
        for event_id in iter(self._waiting.get, None):
            announce(event_id, self._delivery)


def announce(event_id: int, delivery: Delivery) -> bool:
    """Claim an event and announce it. Return whether this process got the claim. Failures are logged."""
    try:
        with create_session(scoped=False) as session:
            claimed = outbox.claim(event_id, session=session)
    except Exception:
        log.exception("Event %d could not be claimed for announcement; the dag processor will retry", event_id)
        return False
    if claimed is None:
        return False
    try:
        event = _as_told(claimed)
        change_counters.count_change(event)
        delivery.deliver(event)
    except Exception:
        log.exception("Event %d (%s of Dag %s) could not be announced", event_id, claimed.kind, claimed.dag_id)
    return True


def announce_unclaimed() -> int:
    """Announce the events that other processes left unannounced, and return their number."""
    with create_session(scoped=False) as session:
        due = outbox.unclaimed(limit=EVENTS_A_ROUND, session=session)
    delivery = Delivery()
    announced = sum([announce(event_id, delivery) for event_id in due])
    delivery.wait(LAST_LISTENERS)
    return announced


def _as_told(event: Event) -> DagVersionEvent:
    return DagVersionEvent(
        event_id=event.id,
        dag_id=event.dag_id,
        kind=EventKind(event.kind),
        revision=event.revision,
        from_version=_version(event.from_version),
        to_version=_version(event.to_version),
        actor=event.actor,
        actor_kind=CallerKind(event.actor_kind),
        source=event.source,
        reason=event.reason,
        override_reason=event.override_reason,
        evidence=event.evidence or {},
        release_id=event.release_id,
        at=event.created_at,
    )


def _version(recorded: dict[str, Any] | None) -> EventVersion | None:
    return EventVersion(**recorded) if recorded else None
