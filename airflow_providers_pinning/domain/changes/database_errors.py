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
"""What an error of the database says about the transaction that met it."""

from __future__ import annotations

from enum import Enum
from sqlite3 import OperationalError as SqliteError

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT, CANCELED = "40001", "40P01", "55P03", "57014"
"""PostgreSQL's states of a statement that lost against others; the whole transaction is taken back."""

MYSQL_LOCK_TIMEOUT, MYSQL_DEADLOCK = 1205, 1213

SHUTTING_DOWN = frozenset({"57P01", "57P02", "57P03", "57P05"})
"""PostgreSQL's states of a server that ends or begins."""

SQLITE_BUSY, SQLITE_LOCKED = 5, 6
"""Primary codes of SQLite; its extended codes have them in the lowest byte."""


class Trouble(Enum):
    """Why the database did not do what is right in itself, and may do it later."""

    BUSY = "busy"
    """Others were in the way. The database says so of its own accord, so nothing of the transaction remains."""
    GONE = "gone"
    """The connection is lost, or there is none."""


def trouble_of(error: BaseException) -> Trouble | None:
    """Tell what kind of trouble an error is, or ``None`` if the same would fail each time."""
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
    """Return whether someone else wrote the same meanwhile: two waited for each other, or a row was there already."""
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
    """Return whether there was no statement yet: the connection itself was refused."""
    return error.statement is None
