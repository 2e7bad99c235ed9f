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
"""Listeners, as those of a plugin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager

from tests.support.patience import PATIENCE


class Listener:
    """
    Remembers what it is told.

    :param error: what it raises then
    """

    def __init__(self, error: BaseException | None = None) -> None:
        self.events: list = []
        self.error = error
        self.told = threading.Semaphore(0)

    @hookimpl
    def on_dag_version_event(self, event) -> None:
        self.events.append(event)
        self.told.release()
        if self.error:
            raise self.error

    def wait(self, count: int = 1) -> list:
        """Wait until it is told something so many times more, and return all that it was told."""
        for _ in range(count):
            assert self.told.acquire(timeout=PATIENCE), f"it was told only of {self.events}"
        return self.events


class HangingListener(Listener):
    """Does not return until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    @hookimpl
    def on_dag_version_event(self, event) -> None:
        self.events.append(event)
        self.told.release()
        self.released.wait(PATIENCE)


@contextmanager
def listening(*listeners: object) -> Iterator[None]:
    """Register listeners for a while."""
    manager = get_listener_manager()
    for listener in listeners:
        manager.add_listener(listener)
    try:
        yield
    finally:
        for listener in listeners:
            if isinstance(listener, HangingListener):
                listener.released.set()
            manager.pm.unregister(listener)
