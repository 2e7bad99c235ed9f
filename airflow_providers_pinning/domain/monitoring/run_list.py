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
"""The runs of a Dag with their versions, for the version timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.isolation import default_isolation
from airflow_providers_pinning.domain.canaries.withheld import count_withheld
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import RoutedRun

LIVE = "live"
"""Kind of runs that were not routed, and have the version that was active."""


@dataclass(frozen=True)
class RunSummary:
    """One run in the list of a Dag's runs."""

    run_id: str
    version_number: int | None
    """``None`` if its version is gone."""
    dag_version_id: UUID | None
    kind: str
    """``live``, or why it was routed to another version, such as ``canary``."""
    run_type: str
    state: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    withheld: Mapping[str, int] = field(default_factory=dict)
    """Number of withheld effects, by kind, such as ``asset_event``."""
    isolation: Mapping[str, Any] = field(default_factory=dict)
    """Isolation from live runs, by field; empty for a live run."""
    replay_of: str | None = None
    """ID of the live run that it replays."""


def list_runs(dag_id: str, *, limit: int, offset: int, session: Session) -> tuple[list[RunSummary], int]:
    """
    List the runs of a Dag, newest first, and count them all. Runs of ``dag.test`` are left out.

    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    of_dag = and_(DagRun.dag_id == dag_id, DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST))
    total = session.scalar(select(func.count()).select_from(DagRun).where(of_dag)) or 0
    rows = session.execute(
        select(
            DagRun.run_id,
            DagRun.created_dag_version_id,
            DagRun.run_type,
            DagRun.state,
            func.coalesce(DagRun.created_at, DagRun.run_after).label("created_at"),
            DagRun.start_date,
            DagRun.end_date,
            DagVersion.version_number,
            RoutedRun.kind,
            RoutedRun.isolation,
            RoutedRun.replay_of,
        )
        .outerjoin(DagVersion, DagVersion.id == DagRun.created_dag_version_id)
        .outerjoin(RoutedRun, and_(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id))
        .where(of_dag)
        .order_by(DagRun.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    routed = [row.run_id for row in rows if row.kind]
    withheld = count_withheld(dag_id, routed, session=session) if routed else {}
    return [
        RunSummary(
            run_id=row.run_id,
            version_number=row.version_number,
            dag_version_id=row.created_dag_version_id,
            kind=row.kind or LIVE,
            run_type=row.run_type,
            state=row.state,
            created_at=row.created_at,
            started_at=row.start_date,
            ended_at=row.end_date,
            withheld=withheld.get(row.run_id, {}),
            isolation={**default_isolation(), **(row.isolation or {})} if row.kind else {},
            replay_of=row.replay_of,
        )
        for row in rows
    ], total
