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
"""The statements that sessions execute, as PostgreSQL would get them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Result, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import ORMExecuteState, Session


def waits_for_changes(statement: str) -> bool:
    """Return whether a recorded statement waits for a change of a pin that is under way, on SQLite or PostgreSQL."""
    return statement.startswith("UPDATE dag SET dag_id") or "pg_advisory_xact_lock_shared" in statement


@contextmanager
def recorded(session: Session | type[Session]) -> Iterator[list[str]]:
    """Record the statements of one or all sessions; SQLite leaves row locks out, PostgreSQL's form shows them."""
    statements: list[str] = []

    def record(state: ORMExecuteState) -> None:
        statements.append(str(state.statement.compile(dialect=postgresql.dialect())))

    event.listen(session, "do_orm_execute", record)
    try:
        yield statements
    finally:
        event.remove(session, "do_orm_execute", record)


@contextmanager
def counted_rows(session: Session) -> Iterator[list[int]]:
    """Count the rows that each statement of a session reads."""
    read: list[int] = []

    def count(state: ORMExecuteState) -> Result:
        rows = state.invoke_statement().freeze()
        read.append(len(rows.data))
        return rows()

    event.listen(session, "do_orm_execute", count)
    try:
        yield read
    finally:
        event.remove(session, "do_orm_execute", count)


@contextmanager
def counted_parameters(session: Session) -> Iterator[list[int]]:
    """Count the parameters of each statement that is sent to the database of a session."""
    sent: list[int] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        sent.append(len(parameters))

    event.listen(session.get_bind(), "before_cursor_execute", count)
    try:
        yield sent
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", count)


@contextmanager
def sent(session: Session) -> Iterator[list[str]]:
    """Record the statements of all sessions that reach the database of this one."""
    statements: list[str] = []

    def record(connection, cursor, statement, *_) -> None:
        statements.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", record)
