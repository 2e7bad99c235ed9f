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
"""Find runs of pinned Dags that a process without the enforcement created with another version since the pin."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.models import Acknowledgement, Pin, Ramp, TimedChange
from airflow_providers_pinning.vocabulary import TimedStatus

NEWEST_RUNS = 10_000
"""Number of the deployment's newest runs to search for escaped runs."""


@dataclass(frozen=True)
class EscapedRun:
    """A run of a pinned Dag that was created with another version after the pin."""

    dag_id: str
    run_id: str
    version_number: int | None
    pinned_version_number: int


def of_escaped_runs(query: Select) -> Select:
    """Restrict a select on ``DagRun`` to runs that escaped and are not acknowledged, and join their pins."""
    return query.join(
        Pin,
        and_(
            Pin.dag_id == DagRun.dag_id,
            DagRun.id > Pin.last_run_before,
            DagRun.created_dag_version_id.is_distinct_from(Pin.dag_version_id),
        ),
    ).where(
        Pin.dag_version_id.is_not(None),
        # A run for another time than that of the active version has the version of its time.
        or_(Pin.pending_from.is_(None), DagRun.run_after < Pin.pending_from),
        or_(Pin.effective_from.is_(None), DagRun.run_after >= Pin.effective_from),
        ~_of_given_up_change(),
        ~_of_ramp(),
        DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        ~of_canary_runs(),
        ~select(literal(1))
        .where(Acknowledgement.dag_id == DagRun.dag_id, Acknowledgement.run_id == DagRun.run_id)
        .correlate(DagRun)
        .exists(),
    )


def _of_given_up_change() -> ColumnElement[bool]:
    """Build the condition that a run was created for the time of a pending change that was never made."""
    return (
        select(literal(1))
        .where(
            TimedChange.dag_id == DagRun.dag_id,
            TimedChange.status.in_((TimedStatus.CANCELED.value, TimedStatus.FAILED.value)),
            TimedChange.effective_from <= DagRun.run_after,
            TimedChange.created_at <= DagRun.created_at,
            TimedChange.ended_at >= DagRun.created_at,
        )
        .correlate(DagRun)
        .exists()
    )


def _of_ramp() -> ColumnElement[bool]:
    """Build the condition that a run has the version of a ramp that was in progress when it was created."""
    return (
        select(literal(1))
        .where(
            Ramp.dag_id == DagRun.dag_id,
            Ramp.dag_version_id == DagRun.created_dag_version_id,
            Ramp.started_after < DagRun.id,
            or_(Ramp.ended_after.is_(None), Ramp.ended_after >= DagRun.id),
        )
        .correlate(DagRun)
        .exists()
    )


def escaped_run_ids(dag_id: str, *, limit: int, session: Session) -> list[str]:
    """Return the IDs of the unacknowledged escaped runs of a Dag, newest first."""
    query = (
        of_escaped_runs(select(DagRun.run_id)).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(limit)
    )
    return list(session.scalars(query))


def escaped_runs(sight: Sight | None = None, *, limit: int = 100, session: Session) -> list[EscapedRun]:
    """
    Find runs of pinned Dags that were created with another version since the pin.

    Only the deployment's newest :data:`NEWEST_RUNS` runs are searched, to bound the cost.

    :param sight: which Dags the caller may see; ``None`` means all
    :param limit: maximum number of runs, newest first
    :param session: database session
    """
    newest = session.scalar(select(func.max(DagRun.id))) or 0
    query = (
        of_escaped_runs(
            select(
                DagRun.dag_id, DagRun.run_id, DagVersion.version_number, Pin.version_number.label("pinned")
            ).outerjoin(DagVersion, DagVersion.id == DagRun.created_dag_version_id)
        )
        .where(DagRun.id > newest - NEWEST_RUNS)
        .order_by(DagRun.id.desc())
    )
    escaped = session.execute(query.limit(limit) if sight is None else query).all()
    seen = sight.among({row.dag_id for row in escaped}) if sight and escaped else None
    shown = (row for row in escaped if seen is None or row.dag_id in seen)
    return [
        EscapedRun(row.dag_id, row.run_id, row.version_number, row.pinned) for row in itertools.islice(shown, limit)
    ]
