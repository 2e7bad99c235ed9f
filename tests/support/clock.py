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
"""Time that stands still until a test moves it, in Python and in SQLite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import time_machine
from airflow import settings
from sqlalchemy import event


class Clock:
    """
    A clock that is moved by hand.

    :param traveller: what moves Python's time
    """

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller

    @property
    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self._traveller.shift(timedelta(seconds=seconds))


@contextmanager
def stopped(start: datetime) -> Iterator[Clock]:
    """Stop all clocks at a time, the database's too: SQLite's or PostgreSQL's."""

    def set_clock(connection, cursor, statement, parameters, context, executemany):
        now = f"'{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S.%f}'"
        if connection.dialect.name == "postgresql":
            return re.sub(r"\b(now|clock_timestamp)\(\)", f"TIMESTAMPTZ {now[:-1]}+00'", statement), parameters
        return statement.replace("CURRENT_TIMESTAMP", now), parameters

    with time_machine.travel(start, tick=False) as traveller:
        event.listen(settings.engine, "before_cursor_execute", set_clock, retval=True)
        try:
            yield Clock(traveller)
        finally:
            event.remove(settings.engine, "before_cursor_execute", set_clock)
