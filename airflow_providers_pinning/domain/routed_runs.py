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

from airflow.models.dagrun import DagRun
from sqlalchemy import ColumnElement, event, literal, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from airflow_providers_pinning.models import RoutedRun


def is_routed() -> ColumnElement[bool]:
    """Build the condition that a run in the enclosing statement was routed."""
    return (
        select(literal(1))
        .where(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id)
        .correlate(DagRun)
        .exists()
    )


def has_routed_runs(dag_id: str, run_id: str | None = None, *, session: Session) -> bool:
    """Tell whether any run of the Dag was routed, or a certain one."""
    query = select(literal(1)).where(RoutedRun.dag_id == dag_id).limit(1)
    return session.scalar(query if run_id is None else query.where(RoutedRun.run_id == run_id)) is not None


@contextmanager
def only_live_runs(session: Session) -> Iterator[None]:
    """Make the session's SELECTs of runs inside the block pass over routed ones."""
    live = with_loader_criteria(DagRun, ~is_routed(), propagate_to_loaders=False)

    def pass_over(state: ORMExecuteState) -> None:
        # A routed run that the session has already can still be read again.
        if state.is_select and not state.is_column_load:
            state.statement = state.statement.options(live)

    event.listen(session, "do_orm_execute", pass_over)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", pass_over)
