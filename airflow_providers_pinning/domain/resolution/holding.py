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
Lock a pin for changes of existing runs, which look up the version several times and must get the same answer.

Only the pin of a Dag that was ever pinned can change. The lookup itself returns whether it was, so an unmanaged Dag
costs no additional statement. If it was, the pin is locked and the lookup is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from sqlalchemy import Select, bindparam, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.sessions import kept_in_transaction
from airflow_providers_pinning.models import Pin

_HELD = "pinning_held"

_DESCRIBED = "pinning_described"

_is_holding: ContextVar[bool] = ContextVar("pinning_is_holding", default=False)

_answers: ContextVar[dict[tuple[str, Any], Any] | None] = ContextVar("pinning_held_answers", default=None)


@contextmanager
def holding_pins() -> Iterator[None]:
    """Make the first lookup of a Dag's version inside the block hold the pin until the transaction ends."""
    token = _is_holding.set(True)
    try:
        yield
    finally:
        _is_holding.reset(token)


@contextmanager
def answering_once() -> Iterator[None]:
    """
    Look up a Dag's version only once inside the block, however many runs and tasks need it.

    For callers that have locked the pin and no longer change it, so the answer cannot change.
    """
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def once(asked: tuple[str, Any], find: Callable[[], Any]) -> Any:
    """Return the cached result inside a block of :func:`answering_once`; outside of one, look it up each time."""
    answers = _answers.get()
    if answers is None:
        return find()
    if asked not in answers:
        answers[asked] = find()
    return answers[asked]


def is_holding() -> bool:
    """Return whether lookups must hold pins."""
    return _is_holding.get()


def scalar(query: Select, dag_id: str, *, session: Session) -> Any:
    """
    Execute a lookup of a Dag's version, which holds the pin if requested.

    :param query: selects one entity, with the pin as a condition
    :param dag_id: the Dag
    :param session: database session
    :raises PinUnavailableError: if the Dag was pinned for the first time since the first lookup
    """
    if not is_holding():
        return session.scalar(query)
    if _answers.get() is not None:
        once((dag_id, DagModel), lambda: _describe_pinned(dag_id, session=session))
        return once((dag_id, query.column_descriptions[0]["entity"]), lambda: session.scalar(query))
    # The Dags whose pins the transaction holds, and whether they had a pin.
    held: dict[str, bool] = kept_in_transaction(session, _HELD)
    if held.get(dag_id):
        return session.scalar(query)
    columns = [select(literal(1)).where(Pin.dag_id == dag_id).exists().label("is_recorded")]
    if dag_id not in held and session.get_bind().dialect.name == "postgresql":
        columns.append(locks.passes_gate_at_once(dag_id).label("has_passed"))
    row = session.execute(query.add_columns(*columns)).first()
    is_recorded, has_passed = row is None or row.is_recorded, getattr(row, "has_passed", True)
    if dag_id in held and is_recorded:
        raise PinUnavailableError(
            f"Dag {dag_id!r} was pinned for the first time while its runs were being moved to the latest version. "
            "No change was made; try again.",
            dag_id=dag_id,
        )
    if row is not None and has_passed and not is_recorded:
        held[dag_id] = False
        return row[0]
    locks.pass_gate(dag_id, session=session)
    _describe_pinned(dag_id, session=session)
    held[dag_id] = True
    return session.scalar(query)


def _describe_pinned(dag_id: str, *, session: Session) -> None:
    """
    Set the pinned commit on Airflow's row of the Dag until the transaction ends, without writing it.

    Airflow takes the commit of a run from that row, which a host without the enforcement may have overwritten.
    """
    row = session.execute(_row_and_pin(), {"dag_id": dag_id}).first()
    if row is None or row.dag_version_id is None:
        return
    set_committed_value(row.DagModel, "bundle_version", row.bundle_version)
    # The session itself only keeps weak references.
    kept_in_transaction(session, _DESCRIBED)[dag_id] = row.DagModel


@cache
def _row_and_pin() -> Select:
    return (
        select(DagModel, Pin.dag_version_id, Pin.bundle_version)
        .outerjoin(Pin, Pin.dag_id == DagModel.dag_id)
        .where(DagModel.dag_id == bindparam("dag_id"))
        .execution_options(populate_existing=True)
    )
