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
The pins of Dags whose rows the scheduler has locked to create their runs.

While the row of a Dag is locked, its pin cannot change. So the pins of all Dags of a loop are read at once. Then a Dag
without a pin only needs Airflow's own lookups, and one with a pin only adds a condition to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import ColumnElement, Label, Row, Select, and_, bindparam, case, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.versions.rules import rules_in_force
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class LockedRows:
    """Dags with locked rows, and their pins."""

    dag_ids: frozenset[str]
    pins: dict[str, Row | None]
    """Result of :func:`told_of_pin` for each Dag that was ever pinned; ``None`` if it may have changed since."""


_NONE = LockedRows(frozenset(), {})

_locked: ContextVar[LockedRows] = ContextVar("pinning_locked_rows", default=_NONE)


@contextmanager
def rows_locked(dag_ids: Collection[str], *, session: Session) -> Iterator[None]:
    """
    Declare that the caller has locked the Dags' rows, which no change of a pin gets past.

    What is read inside the block stays true.
    """
    locks.keep_writers_out_of_sqlite(session=session)
    pins: dict[str, Row | None] = {
        row.dag_id: row for row in session.execute(_pins_of_dags(), {"dag_ids": list(dag_ids)})
    }
    token = _locked.set(LockedRows(frozenset(dag_ids), pins))
    try:
        yield
    finally:
        _locked.reset(token)


def is_locked(dag_id: str) -> bool:
    """Return whether the caller has locked the Dag's row."""
    return dag_id in _locked.get().dag_ids


def was_never_pinned(dag_id: str) -> bool:
    """Return whether it is known, from the locked row, that the Dag was never pinned."""
    rows = _locked.get()
    return dag_id in rows.dag_ids and dag_id not in rows.pins


def locked_pin(dag_id: str) -> Row | None:
    """Return the pin as read under the lock of the row, unless it may have changed since."""
    return _locked.get().pins.get(dag_id)


def has_ramp(dag_id: str) -> bool:
    """Return whether it is known, from the locked row, that the Dag has a ramp in progress."""
    pin = locked_pin(dag_id)
    return pin is not None and pin.ramp_id is not None


def forget_locked_pin(dag_id: str) -> None:
    """Make the pin be read again, because this transaction may change it."""
    rows = _locked.get()
    if dag_id in rows.pins:
        rows.pins[dag_id] = None


def told_of_pin(pin: Any, bundle: Any) -> list[Label]:
    """
    Build the columns of a pin that the creation of a run needs.

    :param pin: ``Pin`` or an alias of it
    :param bundle: ``DagBundleModel``, outer joined by the bundle of the pin, or an alias of it
    """
    return [
        pin.dag_id.is_not(None).label("is_recorded"),
        pin.dag_version_id.label("pinned_id"),
        pin.bundle_name.label("pinned_bundle_name"),
        pin.bundle_version.label("pinned_bundle_version"),
        pin.dag_hash.label("pinned_hash"),
        pin.pending_from.label("pending_from"),
        pin.effective_from.label("effective_from"),
        pin.ramp_id.label("ramp_id"),
        pin.breaker.label("breaker"),
        case((is_watched(pin), rules_in_force())).label("rules"),
        and_(bundle.name.is_not(None), bundle.active.is_(False)).label("bundle_is_removed"),
    ]


def is_watched(pin: Any = Pin) -> ColumnElement[bool]:
    """Build the condition that automatic rollback watches the version of a ``Pin``, if a policy requires it."""
    return and_(pin.dag_version_id.is_not(None), pin.breaker.is_(None))


@cache
def _pins_of_dags() -> Select:
    # Built once: the scheduler executes it in every loop that creates runs.
    return (
        select(Pin.dag_id, *told_of_pin(Pin, DagBundleModel))
        .outerjoin(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .where(Pin.dag_id.in_(bindparam("dag_ids", expanding=True)))
    )
