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
"""Call Airflow's routes, of which some are coroutines with an asynchronous session since 3.4."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from airflow import settings
from sqlalchemy import event
from sqlalchemy.orm import Session


def answer(route: Callable[..., Any], *, session: Session, **arguments: Any) -> Any:
    """Call a route in the transaction of a session, and wait for the answer where it is one to wait for."""
    if not inspect.iscoroutinefunction(inspect.unwrap(route)):
        return route(session=session, **arguments)

    async def wait() -> Any:
        return await route(session=_Awaited(session), **arguments)

    return asyncio.run(wait())


class _Awaited:
    """A session whose methods are awaited."""

    def __init__(self, session: Session) -> None:
        self._session = self.sync_session = session

    async def scalar(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.scalar(*args, **kwargs)

    async def scalars(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.scalars(*args, **kwargs)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.execute(*args, **kwargs)

    async def run_sync(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(self._session, *args)


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """Note the statements that reach the database over Airflow's engines."""
    asynchronous = getattr(settings, "async_engine", None)
    engines = [settings.engine, *([asynchronous.sync_engine] if asynchronous else [])]
    statements: list[str] = []

    def note(connection, cursor, statement, *_):
        statements.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
