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
"""Report gauges on the deployment's pins, through Airflow's own metrics."""

from __future__ import annotations

import os

from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.models.dag_version import DagVersion
from airflow.observability import stats
from airflow.observability.metrics import stats_utils
from airflow.utils.net import get_hostname
from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.monitoring import health_flags
from airflow_providers_pinning.domain.monitoring.attestation import ComponentHealth, live_components
from airflow_providers_pinning.domain.monitoring.escaped_runs import NEWEST_RUNS, escaped_runs
from airflow_providers_pinning.domain.monitoring.runs_since_pin import is_failing
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import TimedStatus


def report(*, session: Session) -> None:
    """
    Send the gauges, if metrics are enabled in Airflow.

    Only the longest-running dag processor reports, so gauges are not counted twice.
    """
    if stats_utils.get_stats_factory() is NoStatsLogger:
        return
    components = live_components(session=session)
    if _is_reporter(components):
        for name, value in measure(components, session=session).items():
            stats.gauge(name, value)


def measure(components: list[ComponentHealth], *, session: Session) -> dict[str, int]:
    """
    Measure the state of the deployment's pins.

    :param components: the live processes
    :param session: database session
    :return: the value of each gauge
    """
    health_of_pins = health_flags.with_live_rows(
        select(func.count().label("all"), func.sum(case((health_flags.is_unhealthy(), 1), else_=0)).label("unhealthy"))
    ).select_from(Pin)
    failing = select(func.count()).select_from(Pin).where(Pin.dag_version_id.is_not(None), is_failing())
    pending = select(func.count()).where(TimedChange.status == TimedStatus.PENDING.value)
    newer = (
        select(func.count().label("versions"))
        .select_from(Pin)
        .join(DagVersion, and_(DagVersion.dag_id == Pin.dag_id, DagVersion.version_number > Pin.version_number))
        .where(Pin.dag_version_id.is_not(None))
        .group_by(Pin.dag_id)
        .subquery()
    )
    pins = session.execute(health_of_pins).one()
    behind = session.execute(
        select(
            func.count().label("pins"),
            func.sum(newer.c.versions).label("versions"),
            func.max(newer.c.versions).label("most"),
        )
    ).one()
    return {
        "pinning.pins": pins.all,
        "pinning.unhealthy_pins": int(pins.unhealthy or 0),
        "pinning.failing_pins": session.scalar(failing) or 0,
        "pinning.pending_changes": session.scalar(pending) or 0,
        "pinning.pins_behind": behind.pins,
        "pinning.versions_behind": int(behind.versions or 0),
        "pinning.max_versions_behind": behind.most or 0,
        "pinning.escaped_runs": len(escaped_runs(limit=NEWEST_RUNS, session=session)),
        "pinning.unenforced_components": sum(not component.enforced for component in components),
    }


def _is_reporter(components: list[ComponentHealth]) -> bool:
    """Return whether this process is the longest-running dag processor, or the only one."""
    processors = [c for c in components if c.component == "dag_processor" and c.pid is not None]
    longest = min(processors, key=lambda c: c.job_id or 0, default=None)
    return longest is None or (longest.hostname, longest.pid) == (get_hostname(), os.getpid())
