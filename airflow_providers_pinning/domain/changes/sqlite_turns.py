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
Take turns on SQLite, which has one writer and no queue.

SQLite itself polls every 100 milliseconds at most, and gives up after five seconds: next to a process that writes
constantly, it always polls at the wrong moment. Here the changes of one process queue up, and the first one polls
often, so each gets its turn.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.database_errors import Trouble, trouble_of

PAUSE = (0.002, 0.01)
"""Seconds between two polls, randomized so that two processes do not stay in step."""


class Queue:
    """A lock that is granted in the order of the requests."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def take(self, patience: float) -> bool:
        """
        Wait for one's turn.

        :param patience: how many seconds at most
        :return: whether it came
        """
        turn = threading.Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            self._waiting.append(turn)
        if turn.wait(max(0.0, patience)):
            return True
        with self._guard:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return False

    def leave(self) -> None:
        """Pass the lock to the longest waiter."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_queue = Queue()


@contextmanager
def turn(*, until: float, session: Session) -> Iterator[None]:
    """
    Queue for writing on SQLite; other databases have their own queues.

    :param until: when to go on without having been handed the turn, by ``time.monotonic``
    """
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    taken = _queue.take(until - time.monotonic())
    try:
        yield
    finally:
        if taken:
            _queue.leave()


def begin(*, until: float, session: Session) -> None:
    """
    Begin the session's transaction as the only writer, on SQLite.

    :param until: when to give up, by ``time.monotonic``
    :raises OperationalError: if others wrote until then
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    connection = session.connection()
    if getattr(connection.connection.dbapi_connection, "in_transaction", False):
        return
    [(patience,)] = connection.exec_driver_sql("PRAGMA busy_timeout").all()
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if trouble_of(error) is not Trouble.BUSY or time.monotonic() >= until:
                    raise
                time.sleep(random.uniform(*PAUSE))  # noqa: S311
            else:
                return
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience)}")
