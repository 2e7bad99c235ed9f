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
"""Runs that were routed to a version whatever was pinned, such as canary runs, told apart from live ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import ColumnElement, Select, event, inspect, literal, select
from sqlalchemy.orm import ORMExecuteState, Session

from airflow_providers_pinning.models import RoutedRun

CANARY = "canary"
"""Kind of the routed runs that are canary runs, and the start of their run ids."""


def may_be_canary(run_id: str) -> bool:
    """Tell from its id whether a run may be a canary run; whether it is one, its row in the pin store says."""
    return run_id.startswith(f"{CANARY}__")


def is_routed() -> ColumnElement[bool]:
    """Build the condition that a run in the enclosing statement was routed."""
    return (
        select(literal(1))
        .where(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id)
        .correlate(DagRun)
        .exists()
    )


@cache
def is_live(model: Any) -> ColumnElement[bool]:
    """
    Build the condition that what the enclosing statement selects is not a canary run's.

    It probes a primary key for each row that the statement looks at, and sends no statement of its own.

    :param model: ``DagRun``, or another model with ``dag_id`` and ``run_id``
    """
    canary = select(literal(1)).where(
        RoutedRun.dag_id == model.dag_id, RoutedRun.run_id == model.run_id, RoutedRun.kind == CANARY
    )
    return ~canary.correlate(model).exists()


def has_routed_runs(dag_id: str, run_id: str, *, session: Session) -> bool:
    """Tell whether a run was routed."""
    return (
        session.scalar(select(literal(1)).where(RoutedRun.dag_id == dag_id, RoutedRun.run_id == run_id).limit(1))
        is not None
    )


@contextmanager
def only_live(model: Any, *, seen_by: DagRun | None = None, session: Session) -> Iterator[None]:
    """
    Make the session's SELECTs of a model inside the block pass over what belongs to canary runs.

    :param model: ``DagRun``, or another model with ``dag_id`` and ``run_id``
    :param seen_by: the run for which the others are looked at; if it was routed itself, there are none for it
    :param session: database session
    """
    conditions = [is_live(model)] if seen_by is None else [is_live(model), ~_was_routed(seen_by)]
    mapper = inspect(model)

    def pass_over(state: ORMExecuteState) -> None:
        # What a statement about something else joins is that thing's own run, whichever it is.
        if state.bind_mapper is mapper and isinstance(state.statement, Select) and not state.is_column_load:
            state.statement = state.statement.where(*conditions)

    event.listen(session, "do_orm_execute", pass_over)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", pass_over)


def _was_routed(run: DagRun) -> ColumnElement[bool]:
    return select(literal(1)).where(RoutedRun.dag_id == run.dag_id, RoutedRun.run_id == run.run_id).exists()
