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
Write the scheduling metadata of many Dags at once.

Airflow writes them together, but reads some data Dag by Dag: the latest run, the number of active runs, and the
references that it replaces. Here they are read for all Dags in advance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunType
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased, load_only, selectinload

from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
from airflow_providers_pinning.domain.dag_model.sync import bulk_write

_AUTOMATED = (DagRunType.BACKFILL_JOB, DagRunType.SCHEDULED)
"""Types of runs from which Airflow computes the next one."""


def write_dag_models(active: Sequence[ActiveVersion], *, session: Session) -> None:
    """
    Write the metadata of versions of several Dags into ``DagModel``. The caller has locked the rows.

    The number of statements does not grow with the Dags.
    """
    if not active:
        return
    if len(active) > 1:
        note_run_info(active, session=session)
        # The session keeps the rows while something refers to them.
        _rows = _references_of([dag.dag_id for dag in active], session=session)
    bulk_write(active, session=session)


def note_run_info(active: Iterable[ActiveVersion], *, session: Session) -> None:
    """Read the latest run and the number of active runs of each Dag, from which the next run is computed."""
    kinds: dict[bool, list[ActiveVersion]] = defaultdict(list)
    for dag in active:
        if dag.timetable.can_be_scheduled:
            kinds[bool(dag.timetable.partitioned)].append(dag)
        else:
            dag.run_info = (None, 0)
    for partitioned, dags in kinds.items():
        ids = [dag.dag_id for dag in dags]
        latest = {run.dag_id: run for run in session.scalars(_latest(partitioned), {"dag_ids": ids})}
        running = DagRun.active_runs_of_dags(dag_ids=ids, exclude_backfill=True, session=session)
        for dag in dags:
            dag.run_info = (latest.get(dag.dag_id), running.get(dag.dag_id, 0))


@cache
def _latest(partitioned: bool) -> Select:
    """Select the run of each Dag that Airflow's ``_RunInfo.calculate`` uses as its latest one."""
    run = aliased(DagRun)
    of_dag = (run.dag_id == DagModel.dag_id, run.run_type.in_(_AUTOMATED))
    wanted: Any
    column: Any
    if partitioned:
        in_order = (run.partition_date.is_(None), run.partition_date.desc(), run.run_after.desc())
        wanted = select(run.id).where(*of_dag, run.partition_key.is_not(None)).order_by(*in_order).limit(1)
        column = DagRun.id
    else:
        wanted = select(func.max(run.logical_date)).where(*of_dag)
        column = DagRun.logical_date
    asked: Any = bindparam("dag_ids", expanding=True)
    newest = (
        select(DagModel.dag_id, wanted.correlate(DagModel).scalar_subquery().label("wanted"))
        .where(DagModel.dag_id.in_(asked))
        .subquery()
    )
    return (
        select(DagRun)
        .join(newest, (DagRun.dag_id == newest.c.dag_id) & (column == newest.c.wanted))
        .options(
            load_only(
                DagRun.dag_id,
                DagRun.logical_date,
                DagRun.run_after,
                DagRun.data_interval_start,
                DagRun.data_interval_end,
                DagRun.partition_key,
                DagRun.partition_date,
            )
        )
    )


def _references_of(dag_ids: Collection[str], *, session: Session) -> list[Any]:
    """Read the references that Airflow replaces Dag by Dag, so that the session already has them."""
    dags = (
        select(DagModel)
        .where(DagModel.dag_id.in_(dag_ids))
        .options(load_only(DagModel.dag_id), selectinload(DagModel.task_inlet_asset_references))
    )
    return list(session.scalars(dags))
