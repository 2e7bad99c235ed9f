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
The version of a new run, resolved within the statements that Airflow sends anyway.

A pin must not change between the lookups of one creation. The scheduler has locked the Dag's row, which no change of a
pin gets past. Everyone else passes the Dag's gate (see ``domain.locks``) with Airflow's first statement, so that the
lookup of the version, which comes later, sees all earlier changes. The lookup also returns whether the Dag was ever
pinned. The creation starts over only if the given Dag object is not of the version that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import BindParameter, Row, Select, literal, select, union_all
from sqlalchemy.orm import ORMExecuteState, Session, aliased, outerjoin

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.resolution.locked_rows import (
    forget_locked_pin,
    is_locked,
    locked_pin,
    told_of_pin,
)
from airflow_providers_pinning.domain.resolution.timeline import is_of_another_time
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import BreakerState


class DagNotInHandError(Exception):
    """The given Dag object may not be of the version for the run. Nothing was written yet."""


Guard = Callable[[str, "str | None"], bool]
"""Receives the policies in force, and the bundle of the pinned version."""


@dataclass
class Creation:
    """A run that is being created from a given Dag object."""

    dag_id: str
    stamp: tuple[UUID, str]
    """Version and hash of the given Dag object."""
    gate_is_passed: bool
    run_after: datetime | None = None
    """When the run is due."""
    guard: Guard | None = None
    """Returns whether the pinned version may have failed too often for the run to use it."""
    is_looked_up: bool = False
    is_pinned: bool = False
    bundle_version: str | None = None
    """The pinned bundle version."""


_creation: ContextVar[Creation | None] = ContextVar("pinning_creation", default=None)


@contextmanager
def creating_run(
    dag_id: str,
    stamp: tuple[UUID, str],
    *,
    run_after: datetime | None = None,
    guard: Guard | None = None,
    session: Session,
) -> Iterator[Creation]:
    """
    Create a run from a Dag object inside the block, which raises :class:`DagNotInHandError` if that is impossible.

    :param dag_id: the Dag
    :param stamp: version and hash of the Dag object
    :param run_after: when the run is due
    :param guard: called for a pinned version if policies are in force
    :param session: session of the creating transaction
    """
    creation = Creation(dag_id, stamp, gate_is_passed=is_locked(dag_id), run_after=run_after, guard=guard)
    token = _creation.set(creation)
    on_the_way = not creation.gate_is_passed and session.get_bind().dialect.name == "postgresql"

    def pass_gate(state: ORMExecuteState) -> None:
        is_plain = state.is_select and not state.is_relationship_load and not state.is_column_load
        if is_plain and state.bind_mapper is DagModel.__mapper__ and not creation.gate_is_passed:
            state.statement = state.statement.add_columns(*locks.passing_gate(dag_id))  # type: ignore[attr-defined]
            creation.gate_is_passed = True

    try:
        with listening(session, pass_gate) if on_the_way else nullcontext():
            yield creation
    finally:
        _creation.reset(token)


def is_managed(dag_id: str, *, session: Session) -> bool:
    """Return whether a Dag is, or was, pinned, or has managed versions."""
    of_dag = (select(literal(1)).where(table.dag_id == dag_id) for table in (Pin, ManagedVersion))
    return session.execute(union_all(*of_dag).limit(1)).first() is not None


def run_being_created(dag_id: str) -> Creation | None:
    """Return the run of the Dag that is being created, until its version is looked up."""
    creation = _creation.get()
    return creation if creation and creation.dag_id == dag_id and not creation.is_looked_up else None


def telling_pin(query: Select, dag_id: str | BindParameter[str]) -> Select:
    """
    Make a lookup of a run's version also return the pin, for :func:`look_version_up`.

    This is one join, and not a subquery for each column, because planning those took longer than the rest of the
    lookup.

    :param query: selects the active ``DagVersion``
    :param dag_id: the Dag
    """
    pin, bundle = aliased(Pin), aliased(DagBundleModel)
    with_pin = outerjoin(DagVersion, pin, pin.dag_id == dag_id).outerjoin(bundle, bundle.name == pin.bundle_name)
    return query.select_from(with_pin).add_columns(*told_of_pin(pin, bundle))


def look_version_up(creation: Creation, query: Select, parameters: dict[str, str], *, session: Session) -> DagVersion:
    """
    Look up the version of the run, and the pin.

    :param creation: the run
    :param query: selects the active ``DagVersion`` and the pin
    :param parameters: parameters of the query
    :param session: session of the creating transaction
    :raises DagNotInHandError: if the run needs another Dag object than the given one, or must not be created
    """
    if not creation.gate_is_passed:
        locks.pass_gate(creation.dag_id, session=session)
        creation.gate_is_passed = True
    row = session.execute(query, parameters).first()
    if row is None:
        raise _not_in_hand(creation)
    return _settle(creation, row, row[0])


def look_version_of_locked_up(
    creation: Creation, query: Select, parameters: dict[str, str], *, session: Session
) -> DagVersion:
    """
    Look up the version of a run whose pin was read under the lock of its Dag's row.

    :param creation: the run
    :param query: selects the active ``DagVersion``
    :param parameters: of the query
    :param session: session of the creating transaction
    :raises DagNotInHandError: if the run needs another Dag object than the given one, or must not be created
    """
    return _settle(creation, locked_pin(creation.dag_id), session.scalar(query, parameters))


def _settle(creation: Creation, told: Row | None, version: DagVersion | None) -> DagVersion:
    """
    Use the version for the run, if it is that of the given Dag object.

    :param creation: the run
    :param told: the result of :func:`~.locked_rows.told_of_pin`, or ``None`` if the Dag was never pinned
    :param version: the active version
    """
    if version is None:
        raise _not_in_hand(creation)
    if told is not None:
        if told.bundle_is_removed or told.ramp_id is not None:
            raise _not_in_hand(creation)
        if is_of_another_time(creation.run_after, told.pending_from, told.effective_from):
            raise _not_in_hand(creation)
        if told.pinned_id is not None:
            is_in_hand = creation.stamp == (told.pinned_id, told.pinned_hash)
        else:
            # It may have been unpinned since the Dag object was read, unless that was read under the lock of the row.
            is_in_hand = not told.is_recorded or is_locked(creation.dag_id)
        if not is_in_hand or told.breaker == BreakerState.WAITING.value:
            raise _not_in_hand(creation)
        if told.rules and creation.guard and creation.guard(told.rules, told.pinned_bundle_name):
            raise _not_in_hand(creation)
        creation.is_pinned = told.pinned_id is not None
        creation.bundle_version = told.pinned_bundle_version
    creation.is_looked_up = True
    return version


def _not_in_hand(creation: Creation) -> DagNotInHandError:
    # The alternative may change the pin, such as the end of a ramp.
    forget_locked_pin(creation.dag_id)
    return DagNotInHandError()
