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
"""Listen to the statements of a session, and keep values until its transaction ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction


@contextmanager
def listening(session: Session, listener: Callable[[ORMExecuteState], Any]) -> Iterator[None]:
    """
    Pass each ORM statement that the session executes inside the block to a listener, which may change it.

    :param session: database session
    :param listener: may set ``statement``, or return the result itself
    """
    event.listen(session, "do_orm_execute", listener)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", listener)


def without_compiling(session: Session) -> None:
    """
    Turn off PostgreSQL's JIT compilation in the session's transaction.

    PostgreSQL overestimates the cost of a statement that probes an index for each of many rows, and compiles it, which
    takes longer than executing it.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL jit = off"))


def kept_in_transaction(session: Session, name: str) -> dict[Any, Any]:
    """
    Return a dictionary that lives until the session's transaction ends; empty at first.

    :param session: database session
    :param name: name of the dictionary
    """
    kept: dict[Any, Any]
    transaction, kept = session.info.get(name, (None, {}))
    if transaction is not session.get_transaction():
        kept = {}
        session.info[name] = (session.get_transaction(), kept)
    return kept


def once_ended(session: Session, act: Callable[[], Any]) -> None:
    """
    Call a function after the session's transaction has ended, whether it was committed or not.

    :param session: database session, which the function must not use
    :param act: must not raise
    """
    waiting = session.info.get(_WAITING)
    if waiting is None:
        waiting = session.info[_WAITING] = []
        event.listen(session, "after_transaction_end", _call_waiting)
    waiting.append(act)


_WAITING = "pinning_once_ended"


def _call_waiting(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is not None:
        # A savepoint ended.
        return
    waiting: list[Callable[[], Any]] = session.info[_WAITING]
    acts = waiting.copy()
    waiting.clear()
    for act in acts:
        act()
