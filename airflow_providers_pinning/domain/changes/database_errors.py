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
"""What a database error means for its transaction."""

from __future__ import annotations

from enum import Enum
from sqlite3 import OperationalError as SqliteError

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT, CANCELED = "40001", "40P01", "55P03", "57014"
"""PostgreSQL states of a statement that lost to others; the whole transaction is rolled back."""

MYSQL_LOCK_TIMEOUT, MYSQL_DEADLOCK = 1205, 1213

SHUTTING_DOWN = frozenset({"57P01", "57P02", "57P03", "57P05"})
"""PostgreSQL states of a server that is shutting down or starting."""

SQLITE_BUSY, SQLITE_LOCKED = 5, 6
"""Primary SQLite codes; its extended codes contain them in the lowest byte."""


class Trouble(Enum):
    """Why the database failed a valid request that may succeed later."""

    BUSY = "busy"
    """A conflict with other transactions. The database reports it, so nothing of the transaction remains."""
    GONE = "gone"
    """The connection was lost, or there is none."""


def trouble_of(error: BaseException) -> Trouble | None:
    """Classify an error; ``None`` if it would fail every time."""
    if not isinstance(error, DBAPIError):
        return None
    state, number = _state(error), _number(error)
    if (
        state in (SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT, CANCELED)
        or number in (MYSQL_LOCK_TIMEOUT, MYSQL_DEADLOCK)
        or _is_locked_sqlite(error)
    ):
        return Trouble.BUSY
    if (
        error.connection_invalidated
        or (state is not None and (state in SHUTTING_DOWN or state.startswith(("08", "53"))))
        or (isinstance(error, (OperationalError, InterfaceError)) and _is_without_statement(error))
    ):
        return Trouble.GONE
    return None


def is_lost_race(error: DBAPIError) -> bool:
    """Return whether someone else wrote the same at the same time: a deadlock, or an existing row."""
    return _state(error) == DEADLOCK or _number(error) == MYSQL_DEADLOCK or isinstance(error, IntegrityError)


def _state(error: DBAPIError) -> str | None:
    """Return the SQLSTATE, which psycopg2 and psycopg name differently."""
    return getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)


def _number(error: DBAPIError) -> int | None:
    """Return the number of an error of MySQL."""
    args: tuple = getattr(error.orig, "args", ())
    return args[0] if len(args) > 1 and isinstance(args[0], int) else None


def _is_locked_sqlite(error: DBAPIError) -> bool:
    if not isinstance(error.orig, SqliteError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)  # Python 3.11 on
    if code is not None:
        return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    return "is locked" in str(error.orig)


def _is_without_statement(error: DBAPIError) -> bool:
    """Return whether no statement was sent: the connection itself was refused."""
    return error.statement is None
