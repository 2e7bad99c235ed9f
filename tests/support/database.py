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

"""The database of the tests: empty before each of them, and quick because nobody needs it after a power cut."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

KEPT = {"log_template", "slot_pool"}
"""Tables whose rows are part of a new database."""


@cache
def tables() -> tuple[str, ...]:
    """Return the names of all tables, those that refer to others first."""
    from airflow.models.base import Base as AirflowBase

    from airflow_providers_pinning.models import Base as PinningBase

    return tuple(
        table.name
        for metadata in (PinningBase.metadata, AirflowBase.metadata)
        for table in reversed(metadata.sorted_tables)
        if table.name not in KEPT
    )


def which_have_rows(connection: Connection) -> set[str]:
    """Return the names of the tables with rows; most tables have none after most tests."""
    return {name for (name,) in connection.exec_driver_sql(_asking_for_rows())}


@cache
def _asking_for_rows() -> str:
    return " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables())


def empty(session: Session) -> None:
    """Empty the database and forget what the session knows of it; whoever wrote the rows, none is left."""
    session.rollback()
    delete_rows(session.connection())
    session.commit()
    session.expunge_all()


def delete_rows(connection: Connection) -> None:
    """Delete the rows of all tables."""
    filled = which_have_rows(connection)
    for name in tables():
        if name in filled:
            # Not TRUNCATE, which waits for ever for a session that a test has left in a transaction.
            connection.exec_driver_sql(f"DELETE FROM {name}")


def do_not_sync(engine: Engine) -> None:
    """Let SQLite leave it to the operating system when what is committed gets to the disk."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def turn_off(connection, record) -> None:
        connection.execute("PRAGMA synchronous=OFF")
