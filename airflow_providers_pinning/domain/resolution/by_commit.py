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
Create a run from a requested commit.

The lookup of the version also returns the pin. On PostgreSQL, for a Dag that was never pinned, the preceding statement,
in which Airflow reads the Dag, also passes its gate (see ``domain.locks``). So such a run costs no additional
statement. For a Dag with a pin, the gate is passed later, because a canary run has to shut it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.models import Pin


@dataclass
class RunByCommit:
    """A run that was requested by commit."""

    user: Any
    """The requesting user, as the auth manager knows them."""
    run_id: str | None
    """The requested run ID."""
    gated: str | None = None
    """The Dag whose gate was passed, if it had never been pinned by then."""
    found: UUID | None = None
    """ID of the version that was found."""
    is_recorded: bool = True
    """Whether the Dag of that version was ever pinned."""

    def is_never_pinned(self, version: DagVersion) -> bool:
        """Return whether the version's Dag has no pin, and gets none before the transaction ends."""
        return self.gated == version.dag_id and self.found == version.id and not self.is_recorded


_asked: ContextVar[RunByCommit | None] = ContextVar("pinning_run_by_commit", default=None)


@contextmanager
def asking_for_run(asked: RunByCommit) -> Iterator[None]:
    """Create the run inside the block."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def run_asked_for() -> RunByCommit | None:
    """Return the run that the current request asks for by commit."""
    return _asked.get()


def passing_gate(query: Select, dag_id: str, dialect: str) -> Select:
    """Make Airflow's SELECT of the Dag also pass its gate, unless there is a pin."""
    asked = _asked.get()
    if asked is None or asked.gated is not None or dialect != "postgresql":
        return query
    asked.gated = dag_id
    gates = (select(gate).where(~_is_recorded(dag_id)) for gate in locks.passing_gate(dag_id))
    return query.add_columns(*(gate.scalar_subquery() for gate in gates))


def version_of_commit(query: Select, dag_id: str, *, session: Session) -> DagVersion | None:
    """
    Execute a query for a version, and keep what it returns about the Dag's pin if a run is requested.

    :param query: selects ``DagVersion``
    :param dag_id: the Dag
    :param session: database session
    """
    if (asked := _asked.get()) is None:
        version: DagVersion | None = session.scalar(query)
        return version
    row = session.execute(query.add_columns(_is_recorded(dag_id).label("is_recorded"))).first()
    if row is None:
        return None
    asked.found, asked.is_recorded = row[0].id, row.is_recorded
    return row[0]  # type: ignore[no-any-return]


def _is_recorded(dag_id: str):  # type: ignore[no-untyped-def]
    return select(literal(1)).select_from(Pin).where(Pin.dag_id == dag_id).exists()
