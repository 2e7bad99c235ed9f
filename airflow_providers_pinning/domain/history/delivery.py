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
"""
Deliver events to the listeners of plugins.

Each listener has its own thread, so one that raises or hangs does not block the others, or anything else for long.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

from airflow.listeners.listener import get_listener_manager
from pluggy import PluginValidationError

from airflow_providers_pinning.listeners import spec
from airflow_providers_pinning.listeners.event import DagVersionEvent

log = logging.getLogger(__name__)

HOOK = spec.on_dag_version_event.__name__

LISTENER_TIMEOUT = 10.0
"""Seconds to wait for a listener to return."""

QUEUE_LENGTH = 100
"""Maximum number of events in a listener's queue."""

QUEUE_TIMEOUT = 60.0
"""Seconds to wait for room in the queue. A listener that takes longer for one event misses the next ones."""


def _listeners() -> list[Any]:
    """Return the listeners of this process that implement the hook."""
    plugins = get_listener_manager().pm
    hook = getattr(plugins.hook, HOOK, None)
    if hook is None or not hook.has_spec():
        try:
            plugins.add_hookspecs(spec)
        except PluginValidationError:
            log.exception("A listener implements %s with the wrong parameters, so it cannot be called", HOOK)
    return [implementation.plugin for implementation in getattr(plugins.hook, HOOK).get_hookimpls()]


def _call(listener: Any, event: DagVersionEvent) -> None:
    """Call a single listener as Airflow would. If called together, one that raises would prevent calls to others."""
    others = [other for other in _listeners() if other is not listener]
    get_listener_manager().pm.subset_hook_caller(HOOK, others)(event=event)


class _Courier:
    """Delivers events to one listener, one by one."""

    def __init__(self, listener: Any) -> None:
        self.name = getattr(listener, "__name__", None) or repr(listener)
        self._listener = listener
        self._waiting: queue.Queue[DagVersionEvent] = queue.Queue(QUEUE_LENGTH)
        self._is_given_up = False
        threading.Thread(target=self._bring, name=f"pinning-listener-{self.name}", daemon=True).start()

    def _bring(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                _call(self._listener, event)
            except BaseException:
                log.exception("Listener %s failed with event %d (%s)", self.name, event.event_id, event.kind.value)
            finally:
                self._is_given_up = False
                self._waiting.task_done()

    def is_idle(self, timeout: float = 0.0) -> bool:
        """Wait up to the given seconds, and return whether all events were delivered."""
        done = self._waiting.all_tasks_done
        with done:
            return done.wait_for(lambda: not self._waiting.unfinished_tasks, timeout)

    def bring(self, event: DagVersionEvent) -> None:
        """Queue an event; wait for room as long as the listener makes progress."""
        try:
            if self._is_given_up:
                self._waiting.put_nowait(event)
            else:
                self._waiting.put(event, timeout=QUEUE_TIMEOUT)
        except queue.Full:
            self._is_given_up = True
            log.error(
                "Listener %s does not return; event %d (%s of Dag %s) is not delivered to it",
                self.name,
                event.event_id,
                event.kind.value,
                event.dag_id,
            )


class Delivery:
    """Delivers events to every listener of this process."""

    def __init__(self) -> None:
        self._couriers: dict[int, _Courier] = {}

    def deliver(self, event: DagVersionEvent) -> None:
        """Deliver one event, and wait a short time for the listeners that still respond."""
        expected = []
        for listener in _listeners():
            courier = self._couriers.get(id(listener)) or self._couriers.setdefault(id(listener), _Courier(listener))
            if courier.is_idle():
                expected.append(courier)
            courier.bring(event)
        deadline = time.monotonic() + LISTENER_TIMEOUT
        for courier in expected:
            if not courier.is_idle(max(0.0, deadline - time.monotonic())):
                log.error(
                    "Listener %s has not returned from event %d for %d seconds; no longer waiting for it",
                    courier.name,
                    event.event_id,
                    LISTENER_TIMEOUT,
                )

    def wait(self, timeout: float) -> bool:
        """Wait up to the given seconds, and return whether all listeners have returned."""
        deadline = time.monotonic() + timeout
        return all([courier.is_idle(max(0.0, deadline - time.monotonic())) for courier in self._couriers.values()])
