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
The version that an existing run keeps, resolved within the statements that Airflow sends anyway.

In some places, Airflow selects the latest version although a run has its own. A separate check whether the Dag is
pinned or managed would cost a statement for each run and task, most of which belong to unmanaged Dags. So the check is
part of the statement that selects the version.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.resolution.expansion import expanded_run
from airflow_providers_pinning.models import ManagedVersion, Pin


@dataclass(frozen=True)
class Latest:
    """The newest version of a Dag regardless of the pin, and whether the Dag is pinned."""

    dag_id: str
    version: DagVersion | None
    is_pinned: bool


def read_latest(dag_id: str, *, session: Session) -> Latest:
    """Read a Dag's newest version and whether the Dag is pinned, with one statement like Airflow's own."""
    row = session.execute(_latest(), {"dag_id": dag_id}).first()
    return Latest(dag_id, None, False) if row is None else Latest(dag_id, row[0], row.is_pinned)


@cache
def _latest() -> Select:
    # Built once: the scheduler executes it for each run of an unversioned bundle in every loop.
    dag_id: BindParameter[str] = bindparam("dag_id")
    pinned = select(literal(1)).where(Pin.dag_id == dag_id, Pin.dag_version_id.is_not(None)).exists()
    return (
        select(DagVersion, pinned.label("is_pinned"))
        .where(DagVersion.dag_id == dag_id)
        .order_by(DagVersion.version_number.desc())
        .limit(1)
    )


_answer: ContextVar[Latest | None] = ContextVar("pinning_latest_answer", default=None)


@contextmanager
def answered(latest: Latest) -> Iterator[None]:
    """Answer the next lookup of the Dag's latest version inside the block with what was just read."""
    token = _answer.set(latest)
    try:
        yield
    finally:
        _answer.reset(token)


def take_answer(dag_id: str) -> Latest | None:
    """Return the answer to a lookup of the Dag's latest version, and forget it."""
    latest = _answer.get()
    if latest is None or latest.dag_id != dag_id:
        return None
    _answer.set(None)
    return latest


def own_version_condition(dag_id: str, otherwise: ColumnElement[bool]) -> ColumnElement[bool] | None:
    """
    Build the condition that a version is the one of the run that is being expanded.

    :param dag_id: the Dag
    :param otherwise: the condition if no version of the Dag is managed, or the run has none
    :return: ``None`` if no run of the Dag is being expanded
    """
    run = expanded_run()
    if run is None or run[0] != dag_id:
        return None
    managed = select(literal(1)).where(ManagedVersion.dag_id == dag_id).exists()
    own = (
        select(DagRun.created_dag_version_id)
        .where(DagRun.dag_id == dag_id, DagRun.run_id == run[1], managed)
        .scalar_subquery()
    )
    return or_(DagVersion.id == own, and_(own.is_(None), otherwise))
