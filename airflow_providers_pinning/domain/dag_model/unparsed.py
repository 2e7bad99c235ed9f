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
Recalculate what Airflow only updates on parsing, for pinned Dags whose file at HEAD does not parse.

In Airflow, a Dag gets no runs while its file is broken or missing, so nothing needs to be recalculated. But a pinned
Dag keeps running. Without this, a reached limit would stay reached forever after its run was failed or deleted by
hand, and after unpausing, a Dag would run the interval that was next when its file broke.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from airflow._shared.timezones import timezone
from airflow.configuration import conf as airflow_conf
from airflow.dag_processing.collection import DagModelOperation
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.utils.types import DagRunType
from sqlalchemy import Row, Select, and_, bindparam, func, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, pinned_versions
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import Pin

log = logging.getLogger(__name__)

LOOKED_AT_A_ROUND = 500
"""Maximum number of Dags that one round compares with their runs, in two statements."""

RECALCULATED_A_ROUND = 100
"""Maximum number of Dags that one round deserializes, which is the expensive part."""

RECALCULATED = (
    "exceeds_max_non_backfill",
    "next_dagrun",
    "next_dagrun_create_after",
    "next_dagrun_data_interval_start",
    "next_dagrun_data_interval_end",
    "next_dagrun_partition_key",
    "next_dagrun_partition_date",
    "max_active_runs",
    "max_active_tasks",
    "max_consecutive_failed_dag_runs",
    "owners",
)
"""Columns of ``DagModel`` that depend on runs, time or configuration, and not only on the version."""


@dataclass
class Progress:
    """Progress of the rounds, kept by the dag processor between them."""

    after: str | None = None
    """The Dag after which the next round continues; ``None`` if it starts over."""
    known: dict[str, tuple] = field(default_factory=dict)
    """The inputs of each Dag's calculation in the last cycle, so only Dags with changed inputs are recalculated."""
    found: dict[str, tuple] = field(default_factory=dict)
    """The same for the current cycle."""


def recalculate_unparsed(progress: Progress, *, now: datetime | None = None, session: Session) -> list[str]:
    """
    Recalculate the next run and the limits of pinned Dags that were not parsed recently.

    A round handles some Dags, and the next one continues after them. Only differences are written.

    :param progress: where to continue; updated
    :param now: the current time
    :param session: database session; committed after each Dag that is written
    :return: the Dags whose rows were written
    """
    now = now or timezone.utcnow()
    rows = session.execute(_unparsed(), _asked(progress, now)).all()
    active_runs = _active_runs(rows, session=session)
    due: dict[str, tuple] = {}
    last = None
    for row in rows:
        if len(due) == RECALCULATED_A_ROUND:
            break
        last = row.dag_id
        basis = (row.dag_version_id, row.latest_run)
        if _may_differ(row, active_runs.get(row.dag_id, 0), progress.known.get(row.dag_id) == basis, now):
            due[row.dag_id] = basis
        progress.found[row.dag_id] = basis
    changed = _changed(list(due), session=session)
    session.commit()
    if len(rows) < LOOKED_AT_A_ROUND and (not rows or last == rows[-1].dag_id):
        progress.known, progress.found, last = progress.found, {}, None
    progress.after = last
    written = []
    for dag_id in changed:
        if _write(dag_id, session=session):
            written.append(dag_id)
        else:
            progress.known.pop(dag_id, None)
            progress.found.pop(dag_id, None)
    return written


def _asked(progress: Progress, now: datetime) -> dict[str, Any]:
    """Select Dags whose file was not parsed for two of Airflow's intervals, or is known to be broken."""
    interval = timedelta(seconds=conf.maintenance_interval())
    usual = timedelta(seconds=2 * airflow_conf.getfloat("dag_processor", "min_file_process_interval"))
    return {"after": progress.after or "", "broken_since": now - interval, "gone_since": now - max(interval, usual)}


@cache
def _unparsed() -> Select:
    latest_run = (
        select(func.max(DagRun.logical_date))
        .where(DagRun.dag_id == Pin.dag_id, DagRun.run_type.in_((DagRunType.BACKFILL_JOB, DagRunType.SCHEDULED)))
        .correlate(Pin)
        .scalar_subquery()
    )
    is_broken = (
        select(literal(1))
        .where(
            ParseImportError.bundle_name == DagModel.bundle_name,
            ParseImportError.filename == DagModel.relative_fileloc,
        )
        .correlate(DagModel)
        .exists()
    )
    parsed = func.coalesce(DagModel.last_parsed_time, datetime(1970, 1, 1, tzinfo=timezone.utc))
    return (
        select(
            Pin.dag_id,
            Pin.dag_version_id,
            DagModel.exceeds_max_non_backfill,
            DagModel.max_active_runs,
            DagModel.next_dagrun_create_after,
            DagModel.timetable_partitioned,
            latest_run.label("latest_run"),
        )
        .join(DagModel, DagModel.dag_id == Pin.dag_id)
        .where(
            Pin.dag_version_id.is_not(None),
            Pin.dag_id > bindparam("after"),
            DagModel.is_stale.is_(False),
            or_(parsed < bindparam("gone_since"), and_(parsed < bindparam("broken_since"), is_broken)),
        )
        .order_by(Pin.dag_id)
        .limit(LOOKED_AT_A_ROUND)
    )


def _active_runs(rows: Any, *, session: Session) -> Mapping[str, int]:
    if not rows:
        return {}
    return DagRun.active_runs_of_dags(dag_ids=[row.dag_id for row in rows], exclude_backfill=True, session=session)


def _may_differ(row: Row, active_runs: int, is_known: bool, now: datetime) -> bool:
    """Return whether a Dag's row may differ from what a parse would write."""
    return (
        not is_known
        or row.timetable_partitioned
        or (active_runs >= (row.max_active_runs or 0)) != row.exceeds_max_non_backfill
        # A due run stays due while the Dag is paused, and becomes a later one as time passes without catchup.
        or (row.next_dagrun_create_after is not None and row.next_dagrun_create_after <= now)
    )


def _changed(dag_ids: list[str], *, session: Session) -> list[str]:
    if not dag_ids:
        return []
    present = {dag.dag_id: dag for dag in session.scalars(select(DagModel).where(DagModel.dag_id.in_(dag_ids)))}
    return [
        dag_id
        for dag_id, active in sorted(pinned_versions(dag_ids, session=session).items())
        if _differing(present[dag_id], active, session=session)
    ]


def _differing(present: DagModel, active: ActiveVersion, *, session: Session) -> dict[str, Any]:
    """
    Let Airflow calculate a separate row, and return how it differs from the current one.

    Airflow uses the Dag's runs (``_RunInfo.calculate``) and ignores the row that it writes to.
    """
    calculated = DagModel(dag_id=active.dag_id, bundle_name=present.bundle_name)
    operation = DagModelOperation(
        dags={active.dag_id: active},
        bundle_name=active.bundle_name or "",
        bundle_version=active.bundle_version,
    )
    with session.no_autoflush:
        operation.update_dags({active.dag_id: calculated}, None, session=session)
    return {
        column: getattr(calculated, column)
        for column in RECALCULATED
        if getattr(calculated, column) != getattr(present, column)
    }


def _write(dag_id: str, *, session: Session) -> bool:
    """Calculate again under the lock, and write the differences."""
    try:
        present = require_dag(dag_id, lock=True, session=session)
        session.refresh(present, RECALCULATED)
        active = pinned_versions([dag_id], session=session).get(dag_id)
        differing = _differing(present, active, session=session) if active else {}
        for column, value in differing.items():
            setattr(present, column, value)
        session.commit()
    except Exception:
        session.rollback()
        log.exception("The next run of pinned Dag %s could not be recalculated; retrying", dag_id)
        return False
    if differing:
        log.info(
            "Recalculated %s of pinned Dag %s, because its file at HEAD was not parsed recently.",
            ", ".join(sorted(differing)),
            dag_id,
        )
    return bool(differing)
