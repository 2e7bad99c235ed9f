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
"""Deployments that are registered once and put back before each test, for fixtures that many tests share."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, inspect
from sqlalchemy.orm import Session

from tests.support.database import delete_rows, tables, which_have_rows
from tests.support.lab import Lab


def remembered(build: Callable[..., Any]) -> Callable[..., Any]:
    """
    Let a fixture build its world for the first test only, and have the database put back for the others.

    What it builds must depend on nothing but the lab, and its session and scheduler. Times are those of the first test,
    and versions keep their ids from test to test, so that this is not for tests that rewrite versions behind the back
    of what is cached by id. One such fixture may use another. What no test uses itself, it takes from the request
    (``request.getfixturevalue("orders")``), so that it is made for the first test only.

    :param build: the fixture, one of whose arguments is the lab. What it returns are rows, values that do not change,
        or lists, tuples and dictionaries of them; the lab stands for nothing
    """
    memory: list[_Memory] = []

    @functools.wraps(build)
    def put_back(*args: Any, **fixtures: Any) -> Any:
        lab: Lab = fixtures["lab"]
        if memory:
            value = memory[0].recall(lab)
            return lab if value is None else value
        root = Path(tempfile.mkdtemp(dir=os.environ["AIRFLOW_HOME"], prefix="lab-")) / "commits"
        shutil.copytree(lab.root, root)
        lab.root = root
        value = build(*args, **fixtures)
        memory.append(_Memory.of(lab, f"{build.__module__}.{build.__qualname__}".replace(".", "_"), value))
        return lab if value is None else value

    return put_back


@dataclass(frozen=True)
class _Memory:
    """
    What a lab consists of.

    :param root: where its commits are
    :param kept: a copy of them
    :param value: what the fixture returned
    """

    root: Path
    kept: Path
    sources: dict[str, str]
    rows: _Rows | _CopiedTables
    value: Any

    @classmethod
    def of(cls, lab: Lab, name: str, value: Any) -> _Memory:
        lab.session.commit()
        value = _kept(value, lab)
        # Another such fixture, which this one uses, has a copy of its own.
        kept = Path(tempfile.mkdtemp(dir=lab.root.parent, prefix="kept-")) / "commits"
        shutil.copytree(lab.root, kept)
        kind = _CopiedTables if lab.session.get_bind().dialect.name == "postgresql" else _Rows
        rows = kind(lab.session, name)
        lab.session.commit()
        return cls(lab.root, kept, dict(lab.sources), rows, value)

    def recall(self, lab: Lab) -> Any:
        delete_rows(lab.session.connection())
        shutil.rmtree(self.root)
        shutil.copytree(self.kept, self.root)
        lab.root, lab.sources = self.root, dict(self.sources)
        self.rows.put_back(lab.session.connection())
        lab.session.commit()
        lab.session.expire_all()
        return _given(self.value, lab)


@dataclass(frozen=True)
class _Row:
    """A row by its primary key."""

    model: type
    key: tuple


class _TheLab:
    """It is another one in each test."""


def _kept(value: Any, lab: Lab) -> Any:
    """Return what can be kept from test to test of what a fixture returned."""
    if value is lab:
        return _TheLab()
    if isinstance(value, (list, tuple)):
        return type(value)(_kept(item, lab) for item in value)
    if isinstance(value, dict):
        return {key: _kept(item, lab) for key, item in value.items()}
    if value is None or isinstance(value, (str, int, UUID, datetime)):
        return value
    # It raises if this is no row, and names what it is instead.
    state = inspect(value)
    return _Row(state.mapper.class_, state.identity)


def _given(value: Any, lab: Lab) -> Any:
    """Return what a fixture returns, of what was kept of it."""
    if isinstance(value, _TheLab):
        return lab
    if isinstance(value, _Row):
        return lab.session.get_one(value.model, value.key)
    if isinstance(value, (list, tuple)):
        return type(value)(_given(item, lab) for item in value)
    if isinstance(value, dict):
        return {key: _given(item, lab) for key, item in value.items()}
    return value


class _Rows:
    """Rows as the driver of SQLite gives and takes them."""

    def __init__(self, session: Session, name: str) -> None:
        connection = session.connection()
        filled = which_have_rows(connection)
        self._rows = {
            table: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
            for table in reversed(tables())
            if table in filled
        }

    def put_back(self, connection: Connection) -> None:
        for table, rows in self._rows.items():
            marks = ", ".join("?" * len(rows[0]))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)


class _CopiedTables:
    """Copies of tables on PostgreSQL, whose driver does not take all that it gives."""

    def __init__(self, session: Session, name: str) -> None:
        connection = session.connection()
        self._schema = f"remembered_{name}"[-60:]
        self._columns: list[tuple[str, str]] | None = None
        filled = which_have_rows(connection)
        self._filled = [table for table in reversed(tables()) if table in filled]
        connection.exec_driver_sql(f"CREATE SCHEMA {self._schema}")
        for table in self._filled:
            connection.exec_driver_sql(f"CREATE TABLE {self._schema}.{table} AS TABLE public.{table}")

    def put_back(self, connection: Connection) -> None:
        for table in self._filled:
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM {self._schema}.{table}")
        for table, column in self._counted(connection):
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"
            )

    def _counted(self, connection: Connection) -> list[tuple[str, str]]:
        """Return the columns that are filled from a sequence."""
        if self._columns is None:
            rows = connection.exec_driver_sql(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND (column_default LIKE 'nextval(%%' OR is_identity = 'YES')"
            )
            self._columns = [(table, column) for table, column in rows if table in self._filled]
        return self._columns
