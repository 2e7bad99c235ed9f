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
Run a change as one transaction, or only rehearse it.

If the database refuses it because of a conflict or a broken connection, it is rolled back and retried for a while,
and then refused. The refusal says whether a change may have been made.
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from airflow.utils.retries import MAX_DB_RETRIES
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import sqlite_turns
from airflow_providers_pinning.domain.changes.database_errors import Trouble, trouble_of
from airflow_providers_pinning.domain.errors import DatabaseBusyError, DatabaseUnavailableError

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_FOR = 10.0
"""Seconds to retry a change, so that a response arrives within the 30 seconds that hooks wait."""

PAUSES = (0.05, 1.0)
"""Seconds before the second try, and the longest ones; they double with each try."""


def commit(change: Callable[[], T], *, patience: float | None = None, session: Session) -> T:
    """
    Run a change and commit it; roll back and retry after a deadlock or a lost race.

    Retrying is safe, because nothing of a rolled back transaction remains. A commit without an answer is not retried:
    it may have succeeded.

    :param change: makes the change in the session; called again for each try
    :param patience: seconds for which it is retried, and for which it waits for each lock on PostgreSQL; by default
    :data:`RETRY_FOR` and what :mod:`~airflow_providers_pinning.domain.locks` says
    :param session: a session in which nothing is pending
    :raises DatabaseBusyError: if it conflicted with others all the time; no change was made
    :raises DatabaseUnavailableError: if there is no connection; its message says whether a change may have been made
    """
    return _Tries(session, committed=True, patience=patience).run(change)


def rehearse(change: Callable[[], T], *, session: Session) -> T:
    """
    Run a change and undo it, to see what it would do, or why it would be refused.

    No lock is held any more when it returns, so the change itself may still turn out differently: make it with the
    revision that the rehearsal saw.
    """
    return _Tries(session, committed=False).run(change)


@contextlib.contextmanager
def writing(session: Session) -> Iterator[None]:
    """Begin a transaction that writes, in its turn on SQLite; what is run inside commits it."""
    until = time.monotonic() + RETRY_FOR
    with sqlite_turns.turn(until=until, session=session):
        sqlite_turns.begin(until=until, session=session)
        yield


class _Tries:
    """The attempts of one change."""

    def __init__(self, session: Session, *, committed: bool, patience: float | None = None) -> None:
        self._session = session
        self._committed = committed
        self._patience = patience
        self._until = time.monotonic() + (RETRY_FOR if patience is None else patience)
        self._number = 0

    def run(self, change: Callable[[], T]) -> T:
        with sqlite_turns.turn(until=self._until, session=self._session):
            while True:
                self._number += 1
                committing = False
                try:
                    sqlite_turns.begin(until=self._until, session=self._session)
                    if self._patience is not None:
                        locks.wait_no_longer(self._patience, session=self._session)
                    result = change()
                    self._session.flush()
                    committing = self._committed
                    self._end()
                    return result
                except (DBAPIError, StaleDataError) as error:
                    self._roll_back()
                    self._go_on_or_refuse(error, committing=committing)
                except BaseException:
                    self._roll_back()
                    raise

    def _end(self) -> None:
        if self._committed:
            self._session.commit()
        else:
            self._session.rollback()

    def _roll_back(self) -> None:
        # On a broken connection that fails too, and there is nothing left to take back.
        with contextlib.suppress(SQLAlchemyError):
            self._session.rollback()

    def _go_on_or_refuse(self, error: DBAPIError | StaleDataError, *, committing: bool) -> None:
        trouble = trouble_of(error)
        if trouble is Trouble.GONE and committing:
            raise DatabaseUnavailableError(
                "The connection to the database was lost during the commit, so it is unknown whether the change "
                "was made. Check the current state, or send the same request again with the same idempotency key, "
                "which makes the change at most once.",
                retry_after=5,
            ) from error
        # A value that does not fit its column is refused each time.
        if isinstance(error, DataError) or (trouble is None and self._number >= MAX_DB_RETRIES):
            raise error
        if time.monotonic() >= self._until or (trouble is Trouble.GONE and self._number >= MAX_DB_RETRIES):
            refuse(error, trouble)
        log.info("Retrying a change that the database did not make: %s", getattr(error, "orig", None) or error)
        first, longest = PAUSES
        time.sleep(random.uniform(0, min(longest, first * 2**self._number)))  # noqa: S311


def refuse(error: Exception, trouble: Trouble | None) -> NoReturn:
    """
    Raise the refusal of a change that was not made.

    :param error: what the database said, before anything was committed
    :param trouble: what kind of trouble it is; for ``None`` the error itself is raised
    """
    if trouble is Trouble.BUSY:
        raise DatabaseBusyError(
            "The database was busy for too long, so no change was made. Try again in a moment.",
            retry_after=2,
        ) from error
    if trouble is Trouble.GONE:
        raise DatabaseUnavailableError(
            "The database is not reachable, so no change was made. Try again when it is back.", retry_after=5
        ) from error
    raise error
