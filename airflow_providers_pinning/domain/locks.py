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
All locks for changes of pins and for the creation of runs, in their order.

* The **gate** of the Dag. Creating a run, or clearing one on the latest version, shares it; a change has it
  exclusively. It orders changes and runs that take no lock in Airflow, even for a Dag that was never pinned and has no
  row here. For several Dags, the gates are shut in the order of their IDs. A change of more than :data:`GATES_AT_ONCE`
  Dags shuts the single **main gate** instead, which everyone passes before a Dag's own.
* The ``dag`` row, for several Dags in the order of their IDs. A change locks it, and so do the scheduler for scheduled
  and asset-triggered runs (it skips locked rows) and the dag processor for the Dags of a file.
* The ``pinning_pin`` row.
* The rules: policies and freezes. A change that is checked against them shares the lock; changing the rules has it
  exclusively, and locks no Dag.
* What follows the version: assets, their activation, references, tags.

A change waits for the gate before it locks anything, so nothing waits for it in turn. A process that has locked a
Dag's row needs no gate for the Dag, because no change gets past the row.

On PostgreSQL, the gate is an advisory lock of the transaction, and the row is locked ``FOR NO KEY UPDATE``, as in
Airflow. A statement that merely refers to the Dag, whose foreign key is checked ``FOR KEY SHARE``, does not wait for a
change. If it did, the scheduler could hold an asset that the change needs. On SQLite, which has a single writer, the
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
"""How long a change waits for each lock on PostgreSQL, unless the deployment sets its own ``lock_timeout``."""

GATES_AT_ONCE = 2000
"""Maximum number of gates that a change shuts: all sessions of PostgreSQL share room for a few thousand locks."""


def wait_no_longer(seconds: float, *, session: Session) -> None:
    """
    Limit how long the transaction waits for each lock, on PostgreSQL.

    For the scheduler loop, in which all other Dags would wait as well.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_wait(), {"timeout": f"{round(seconds * 1000)}ms"})


def shut_gate(dag_id: str, *, session: Session) -> None:
    """
    Wait for runs of the Dag that are being created, and block the creation of others until the transaction ends.

    For changes of a pin, which lock the Dag's row next. The transaction waits for no lock longer than
    :data:`LOCK_TIMEOUT`.
    """
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_shut(), {"key": gate_key(dag_id)})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def shut_gates(dag_ids: Collection[str], *, session: Session) -> None:
    """
    Do what :func:`shut_gate` does for several Dags, with one statement, in the order of their IDs.

    For more than :data:`GATES_AT_ONCE` Dags, this blocks the creation of runs of any Dag by code that does not lock
    the Dag's row: the scheduler continues, but requests to trigger a run wait.
    """
    match session.get_bind().dialect.name:
        case "postgresql" if len(dag_ids) > GATES_AT_ONCE:
            session.execute(_shut(), {"key": MAIN_GATE})
        case "postgresql":
            # The array is read in order, so the locks are taken in order.
            keys = [gate_key(dag_id) for dag_id in sorted(dag_ids)]
            session.execute(_shut_several(), {"keys": keys})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def pass_gate(dag_id: str, *, session: Session) -> None:
    """
    Wait for a change of the Dag's pin in progress, and block others until the transaction ends.

    What a later statement reads stays true. For the creation of runs by code that has not locked the Dag's row.
    """
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_pass(), {"main": MAIN_GATE, "key": gate_key(dag_id)})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)
        case _:
            session.execute(_row_in_share_mode(), {"dag_id": dag_id})
            # In a separate statement: if a joined one had to wait, it would see the changed pin together with old rows.
            session.execute(_pin_in_share_mode(), {"dag_id": dag_id})


def passing_gate(dag_id: str) -> tuple[ColumnElement[None], ColumnElement[None]]:
    """
    Return columns for another statement that pass the main gate and then the Dag's, on PostgreSQL.

    What a later statement reads stays true, as with :func:`pass_gate`.
    """
    return func.pg_advisory_xact_lock_shared(MAIN_GATE), func.pg_advisory_xact_lock_shared(gate_key(dag_id))


def passes_gate_at_once(dag_id: str) -> ColumnElement[bool]:
    """Return a column for another statement: whether both gates could be passed without waiting, on PostgreSQL."""
    return and_(
        func.pg_try_advisory_xact_lock_shared(MAIN_GATE), func.pg_try_advisory_xact_lock_shared(gate_key(dag_id))
    )


def may_wait_to_shut_gate(dag_id: str, *, session: Session) -> bool:
    """
    Return whether a transaction may wait to shut a Dag's gate.

    A transaction that has already passed the gate must not, because two of them would wait for each other forever. If
    the gate can be shut at once, it is.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    key = gate_key(dag_id)
    asked = {"key": key, "high": key >> 32 & 0xFFFFFFFF, "low": key & 0xFFFFFFFF}
    return bool(session.scalar(_try_to_shut(), asked))


def share_rules(*, session: Session) -> None:
    """
    Keep policies and freezes unchanged until the transaction ends, for a change that is checked against them.

    What a later statement reads stays in force, so nothing is changed after a freeze is committed. The change has
    already locked its Dags; changes of the rules never wait for Dags.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_share(), {"key": _RULES_KEY})


def lock_rules(*, session: Session) -> None:
    """Wait for changes that are being checked against policies and freezes, and block others."""
    match session.get_bind().dialect.name:
        case "postgresql":
            session.execute(_shut(), {"key": _RULES_KEY})
        case "sqlite":
            keep_writers_out_of_sqlite(session=session)


def for_change(query: Select) -> Select:
    """Make a SELECT of ``DagModel`` lock the row against other writers, but not against references to it."""
    return query.with_for_update(key_share=True, of=DagModel)


_RULES_KEY = int.from_bytes(sha256(b"airflow_providers_pinning rules").digest()[:8], "big", signed=True)
"""Key of the advisory lock for policies and freezes."""


def gate_key(dag_id: str) -> int:
    """Return the key of the advisory lock for a Dag's gate, which has 64 bits."""
    digest = sha256(f"airflow_providers_pinning:{dag_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


MAIN_GATE = gate_key("")
"""The gate for all Dags. No Dag has an empty ID."""


def keep_writers_out_of_sqlite(*, session: Session) -> None:
    """
    Make this transaction the only writer on SQLite, which has no row locks.

    Call it before reading anything that must not change until the transaction ends. Other databases lock rows.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(_write_nothing(), execution_options={"synchronize_session": False})


# Built once, because building a statement costs as much as executing it.


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
    # This is how PostgreSQL shows a lock with a 64-bit key.
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
    # It applies to the rest of the transaction, starting with this lock.
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
