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
"""Something that goes on beside the test, in a transaction of its own that the test steers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from airflow import settings
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.patience import PATIENCE
from tests.support.postgres import Server


class Elsewhere:
    """
    An action in another thread. Its transaction stays open until :meth:`commit`.

    :param action: called with the session
    :param server: where to look whether it waits for a lock
    :param database: the database's name
    """

    def __init__(self, action: Callable[[Session], Any], server: Server, database: str) -> None:
        self._server = server
        self._database = database
        self._session = settings.NonScopedSession()
        # From here on the session keeps its connection.
        self._backend = self._session.scalar(text("SELECT pg_backend_pid()"))
        self._acted = threading.Event()
        self._may_commit = threading.Event()
        self._keep = True
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(action,), daemon=True)
        self._thread.start()

    def _run(self, action: Callable[[Session], Any]) -> None:
        try:
            self._result = action(self._session)
            self._session.flush()
            self._acted.set()
            self._may_commit.wait(PATIENCE)
            if self._keep:
                self._session.commit()
            else:
                self._session.rollback()
        except BaseException as error:
            self._error = error
            self._session.rollback()
        finally:
            self._acted.set()
            self._session.close()

    def wait_until_acted(self) -> None:
        """Wait until the action is done; its transaction is open."""
        assert self._acted.wait(PATIENCE)
        if self._error:
            raise self._error

    def wait_until_locked_out(self) -> None:
        """Wait until the action waits for a lock that somebody else holds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._waits_for_a_lock():
                return
            assert not self._acted.is_set(), f"The action did not wait; it gave {self._result!r} or {self._error!r}"
            time.sleep(0.01)
        raise AssertionError("The action neither waited nor ended")

    def _waits_for_a_lock(self) -> bool:
        [(waits,)] = self._server.execute(
            f"SELECT count(*) FROM pg_stat_activity WHERE pid = {self._backend} AND wait_event_type = 'Lock'"
        )
        return bool(waits)

    def wait_until_acted_or_locked_out(self) -> None:
        """Wait until the action is done, or waits for a lock that somebody else holds."""
        deadline = time.monotonic() + PATIENCE
        while not self._acted.wait(0.01):
            if self._waits_for_a_lock():
                return
            assert time.monotonic() < deadline, "The action neither waited nor ended"

    def commit(self) -> Any:
        """Let the transaction commit, and return what the action returned."""
        self._may_commit.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error
        return self._result

    def abandon(self) -> None:
        """Roll back what is still open."""
        self._keep = False
        self._may_commit.set()
        self._thread.join(PATIENCE)
