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
All locks of pin changes and the creation of runs, and their order.

1. The **gate** of the Dag: shared by those who create a run or clear one on the latest version, exclusive for a
change. It orders changes and runs that take no lock in Airflow, even for a Dag that was never pinned and has no row
here. For several Dags, the gates are shut in the order of their IDs. A change of more Dags than
:data:`GATES_AT_ONCE` shuts the one **main gate** instead, which everyone passes before a Dag's own. 2. The ``dag``
    row, of several Dags in the order of their ids: taken by a change, by the scheduler for scheduled and
    asset-triggered runs (it passes over locked ones), and by the dag processor for the Dags of a file. 3. The
    ``pinning_pin`` row. 4. The rules, policies and freezes: shared by a change that is checked against them,
    exclusive for changing them, which locks no Dag. 5. What follows the version: assets, their activation,
    references, tags.

A change waits for the gate before it locks anything, so nothing waits for it in turn. A process that has locked a
Dag's row needs no gate for it: no change gets past the row.

On PostgreSQL the gate is an advisory lock of the transaction, and the row is locked ``FOR NO KEY UPDATE``, as Airflow
locks it: a statement that merely refers to the Dag, whose foreign key is checked ``FOR KEY SHARE``, does not wait for
a change. If it did, the scheduler could hold an asset that the change wants. On SQLite, which has one writer, the
gate is the right to write. On MySQL, which has no such locks, the row itself is the gate.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from hashlib import sha256

from airflow.models.dag import DagModel
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    TextClause,
    and_,
    bindparam,
    case,
    false,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Pin

LOCK_TIMEOUT = "10s"
"""How long a change waits for each lock on PostgreSQL, unless the deployment sets a ``lock_timeout`` itself."""

GATES_AT_ONCE = 2000
"""How many gates one change shuts at most: PostgreSQL has room for some thousand locks, those of all sessions."""


def wait_no_longer(seconds: float, *, session: Session) -> None:
    """
    Let the transaction wait this long for each lock at most, on PostgreSQL.

    For the loop of a scheduler, in which all other Dags would wait as well.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_wait(), {"timeout": f"{round(seconds * 1000)}ms"})


def shut_gate(dag_id: str, *, session: Session) -> None:
    """
    Wait for runs of the Dag that are being created, and keep others from being created until the transaction ends.

    For changes of a pin, which lock the Dag's row next. No lock of the transaction is waited for any longer than
    :data:`LOCK_TIMEOUT`.
    """
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_shut(), {"key": gate_key(dag_id)})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def shut_gates(dag_ids: Collection[str], *, session: Session) -> None:
    """
    Do what :func:`shut_gate` does for several Dags, with one statement and in the order of their ids.

    For more than :data:`GATES_AT_ONCE` Dags, no run of any Dag is created meanwhile by those who lock no Dag's row:
    the scheduler goes on, requests to trigger a run wait.
    """
    match session.get_bind().dialect.name:
        case "postgresql" if len(dag_ids) > GATES_AT_ONCE:
            session.execute(_shut(), {"key": MAIN_GATE})
        case "postgresql":
            # The array is read in order, and so the locks are taken in order.
            keys = [gate_key(dag_id) for dag_id in sorted(dag_ids)]
            session.execute(_shut_several(), {"keys": keys})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def pass_gate(dag_id: str, *, session: Session) -> None:
    """
    Wait for a change of the Dag's pin that is under way, and keep others from being made until the transaction ends.

    What is read by a later statement stays true. For the creation of runs by those who have not locked the Dag's row.
    """
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_pass(), {"main": MAIN_GATE, "key": gate_key(dag_id)})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)
        case _:
            session.execute(_row_in_share_mode(), {"dag_id": dag_id})
            # By a statement of its own: one that had to wait would see the changed pin beside old rows that it joins.
            session.execute(_pin_in_share_mode(), {"dag_id": dag_id})


def passing_gate(dag_id: str) -> tuple[ColumnElement[None], ColumnElement[None]]:
    """
    Return what passes the main gate and then the Dag's, as columns of another statement, on PostgreSQL.

    What a later statement reads stays true, as with :func:`pass_gate`.
    """
    return func.pg_advisory_xact_lock_shared(MAIN_GATE), func.pg_advisory_xact_lock_shared(gate_key(dag_id))


def passes_gate_at_once(dag_id: str) -> ColumnElement[bool]:
    """Return whether both gates could be passed without waiting, as a column of another statement, on PostgreSQL."""
    return and_(
        func.pg_try_advisory_xact_lock_shared(MAIN_GATE), func.pg_try_advisory_xact_lock_shared(gate_key(dag_id))
    )


def may_wait_to_shut_gate(dag_id: str, *, session: Session) -> bool:
    """
    Return whether a transaction may wait until it can shut a Dag's gate.

    One that has passed the gate before must not: another one that did so as well may wait for the same, and neither
    would ever get it. If the gate can be shut at once, it is.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    key = gate_key(dag_id)
    asked = {"key": key, "high": key >> 32 & 0xFFFFFFFF, "low": key & 0xFFFFFFFF}
    return bool(session.scalar(_try_to_shut(), asked))


def share_rules(*, session: Session) -> None:
    """
    Keep policies and freezes as they are until the transaction ends, for a change that is checked against them.

    What is read by a later statement stays in force, so that nothing is changed any more once a freeze is committed.
    The change holds the locks of its Dags already; whoever changes rules waits for no Dag.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_share(), {"key": _RULES_KEY})


def lock_rules(*, session: Session) -> None:
    """Wait for changes that are being checked against policies and freezes, and keep others waiting."""
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_shut(), {"key": _RULES_KEY})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def for_change(query: Select) -> Select:
    """Let a SELECT of ``DagModel`` lock the row against other writers of it, but not against those who refer to it."""
    return query.with_for_update(key_share=True, of=DagModel)


_RULES_KEY = int.from_bytes(sha256(b"airflow_providers_pinning rules").digest()[:8], "big", signed=True)
"""The number of the lock of policies and freezes among the advisory locks of the database."""


def gate_key(dag_id: str) -> int:
    """Return the number of a Dag's gate among the advisory locks of the database, which are 64 bit wide."""
    digest = sha256(f"airflow_providers_pinning:{dag_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


MAIN_GATE = gate_key("")
"""The gate of all Dags; no Dag has an empty id."""


def keep_writers_out_of_sqlite(*, session: Session) -> None:
    """
    Make this transaction the only writer, where there are no row locks: on SQLite.

    To be called before something is read that must not change until the transaction ends. Other databases lock rows.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(_write_nothing(), execution_options={"synchronize_session": False})


# Built once: building a statement costs as much as executing it.


@cache
def _wait() -> Select:
    return select(func.set_config("lock_timeout", bindparam("timeout"), True))


@cache
def _shut() -> Select:
    return select(_timeout(), func.pg_advisory_xact_lock(bindparam("key")))


@cache
def _shut_several() -> Select:
    keys = func.unnest(bindparam("keys", type_=ARRAY(BigInteger))).column_valued("key")
    return select(_timeout(), func.pg_advisory_xact_lock(keys))


@cache
def _try_to_shut() -> TextClause:
    # So PostgreSQL shows a lock that has a number of 64 bits.
    return text(
        """
        SELECT pg_try_advisory_xact_lock(:key) OR NOT EXISTS (
            SELECT 1 FROM pg_locks
            WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND mode = 'ShareLock' AND granted
            AND classid::bigint = :high AND objid::bigint = :low AND objsubid = 1
        )
        """
    )


def _timeout() -> ColumnElement[str]:
    # It is set for the rest of the transaction, from this very lock on.
    present = func.current_setting("lock_timeout")
    return func.set_config("lock_timeout", case((present.in_(["0", "0ms"]), LOCK_TIMEOUT), else_=present), True)


@cache
def _pass() -> Select:
    return select(
        func.pg_advisory_xact_lock_shared(bindparam("main")), func.pg_advisory_xact_lock_shared(bindparam("key"))
    )


@cache
def _share() -> Select:
    return select(func.pg_advisory_xact_lock_shared(bindparam("key")))


@cache
def _recorded() -> Select:
    return select(Pin.dag_id).where(Pin.dag_id == bindparam("dag_id"))


@cache
def _row_in_share_mode() -> Select:
    return select(DagModel.dag_id).where(DagModel.dag_id == bindparam("dag_id")).with_for_update(read=True, of=DagModel)


@cache
def _pin_in_share_mode() -> Select:
    return _recorded().with_for_update(read=True)


@cache
def _write_nothing():  # type: ignore[no-untyped-def]
    return update(DagModel).where(false()).values(dag_id=DagModel.dag_id)
