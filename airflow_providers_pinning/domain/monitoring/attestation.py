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
Track which running processes enforce pins.

A process without this package cannot be stopped. So each component with the enforcement writes an attestation, and
pins are refused while any live component has none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import uuid6
from airflow import __version__ as airflow_version
from airflow.jobs.job import Job, JobState
from airflow.utils.net import get_hostname
from sqlalchemy import Select, and_, bindparam, delete, or_, select
from sqlalchemy.orm import Session, lazyload

from airflow_providers_pinning import __version__, conf
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import NotEnforcedError
from airflow_providers_pinning.domain.monitoring import heartbeats
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Component
from airflow_providers_pinning.patch_points.fingerprint import fingerprint

JOB_COMPONENTS = {
    "SchedulerJob": "scheduler",
    "DagProcessorJob": "dag_processor",
    "TriggererJob": "triggerer",
}
"""Airflow's job types that must enforce pins, and their names."""

API_SERVER = "api_server"


@dataclass(frozen=True)
class ComponentHealth:
    """A live process, and whether it enforces pins."""

    component: str
    hostname: str
    pid: int | None
    job_id: int | None
    enforced: bool
    message: str
    """Why it does not, and the remedy; empty if it does."""
    package_version: str | None
    last_seen: datetime | None

    @property
    def place(self) -> str:
        """Its component and host, such as ``scheduler on host-1 (job 7)``."""
        process = f"process {self.pid}" if self.job_id is None else f"job {self.job_id}"
        return f"{self.component} on {self.hostname} ({process})"


def attest(component: str, *, job_id: int | None = None, row_id: UUID | None = None, session: Session) -> UUID:
    """
    Record that this process enforces pins.

    :param component: one of the values of :data:`JOB_COMPONENTS`, or :data:`API_SERVER`
    :param job_id: Airflow's job, if the process has one
    :param row_id: ID of the process's earlier row, to update it
    :param session: database session
    :return: the ID of the row
    """
    row_id = row_id or uuid6.uuid7()
    now = database_clock(session=session)
    session.add(
        Component(
            id=row_id,
            component=component,
            job_id=job_id,
            hostname=get_hostname(),
            pid=os.getpid(),
            package_version=__version__,
            airflow_version=airflow_version,
            fingerprint=fingerprint(),
            started_at=now,
            last_seen=now,
        )
    )
    _delete_gone(session=session)
    session.flush()
    return row_id


def renew_api_server(row_id: UUID, *, missing_patches: Sequence[str] = (), session: Session) -> None:
    """
    Renew the heartbeat of an API server. If its row was deleted meanwhile, write it again.

    :param row_id: ID of its row
    :param missing_patches: functions of Airflow whose patches are no longer in place
    :param session: database session
    """
    row = session.get(Component, row_id)
    if row is None:
        attest(API_SERVER, row_id=row_id, session=session)
        row = session.get_one(Component, row_id)
    # By the database's clock: on a host with a slow clock, each heartbeat would be outdated at once.
    row.last_seen = database_clock(session=session)
    if (missing := list(missing_patches) or None) != row.missing_patches:
        row.missing_patches = missing


def withdraw(row_id: UUID, *, session: Session) -> None:
    """Remove the row of an ending process."""
    session.execute(delete(Component).where(Component.id == row_id))


def note_heartbeats(*, session: Session) -> None:
    """Remember the jobs' heartbeats, to know later which ones continue."""
    heartbeats.note(session.scalars(_of_components()[1]).all())


def live_components(*, session: Session) -> list[ComponentHealth]:
    """List every live scheduler, dag processor, triggerer and API server process."""
    attestations, running_jobs = _of_components()
    # Jobs first: a component that starts in between writes both at once, and must not appear without an attestation.
    jobs = session.scalars(running_jobs).all()
    rows = session.scalars(attestations, {"oldest_sign_of_life": _oldest_sign_of_life(session)}).all()
    heartbeats.note(jobs)
    attested = {row.job_id: row for row in rows if row.job_id is not None}
    components = [_judge_job(job, attested.get(job.id)) for job in jobs if job.is_alive() or heartbeats.go_on(job)]
    return components + [_judge_attested(row) for row in rows if row.job_id is None]


@cache
def _of_components() -> tuple[Select, Select]:
    # Built once, because every change of a pin uses it.
    serves = and_(Component.component == API_SERVER, Component.last_seen > bindparam("oldest_sign_of_life"))
    return (
        select(Component).where(or_(Component.job_id.is_not(None), serves)).order_by(Component.hostname, Component.pid),
        # Airflow 3.4 would read the teams of jobs with another statement.
        select(Job)
        .where(Job.job_type.in_(JOB_COMPONENTS), Job.state == JobState.RUNNING)
        .order_by(Job.id)
        .options(lazyload("*")),
    )


def require_enforcement(*, session: Session) -> None:
    """
    Refuse to continue while any live component does not enforce pins.

    :raises NotEnforcedError: naming the components
    """
    missing = _missing(session=session)
    if missing:
        raise NotEnforcedError(
            f"The pin would not be enforced: {_complaint(missing)}",
            components=[
                {"component": c.component, "hostname": c.hostname, "job_id": c.job_id, "message": c.message}
                for c in missing
            ],
        )


def warn_of_overwriting(version: VersionIdentity, *, session: Session) -> tuple[str, ...]:
    """Warn about live components that can still rewrite a version, because they do not enforce pins."""
    missing = _missing(session=session)
    if not missing:
        return ()
    return (
        f"Version {version.version_number} can still be overwritten, because not every component enforces pins: "
        f"{_complaint(missing)}",
    )


def _missing(*, session: Session) -> list[ComponentHealth]:
    return [component for component in live_components(session=session) if not component.enforced]


def _complaint(missing: list[ComponentHealth]) -> str:
    """Describe why each of them does not enforce pins, followed by the remedy."""
    messages = [component.message.partition(". ") for component in missing]
    found = "; ".join(f"{component.place} {why}" for component, (why, _, _) in zip(missing, messages, strict=True))
    return " ".join([f"{found}.", *dict.fromkeys(remedy for _, _, remedy in messages)])


def _judge_job(job: Job, row: Component | None) -> ComponentHealth:
    if row is not None:
        return _judge_attested(row, last_seen=job.latest_heartbeat)
    clock = "" if job.is_alive() else ", and its clock is behind"
    return ComponentHealth(
        component=JOB_COMPONENTS[job.job_type or ""],
        hostname=job.hostname or "",
        pid=None,
        job_id=job.id,
        enforced=False,
        message=f"runs without the enforcement{clock}. Install airflow-providers-pinning there and restart it.",
        package_version=None,
        last_seen=job.latest_heartbeat,
    )


def _judge_attested(row: Component, *, last_seen: datetime | None = None) -> ComponentHealth:
    message = _complaint_about(row)
    return ComponentHealth(
        component=row.component,
        hostname=row.hostname,
        pid=row.pid,
        job_id=row.job_id,
        enforced=not message,
        message=message,
        package_version=row.package_version,
        last_seen=last_seen or row.last_seen,
    )


def _complaint_about(row: Component) -> str:
    """Describe why a process does not enforce pins like this one; empty if it does."""
    if row.missing_patches:
        return (
            f"is missing the patches of {', '.join(row.missing_patches)}. Remove whatever replaces or reloads "
            "these functions, and restart it."
        )
    if row.fingerprint != fingerprint():
        return (
            f"enforces pins like version {row.package_version}, which differs from {__version__}. Install the same "
            "version everywhere and restart it."
        )
    return ""


def _oldest_sign_of_life(session: Session) -> datetime:
    return database_clock(session=session) - timedelta(seconds=conf.component_threshold())


def _delete_gone(*, session: Session) -> None:
    """Delete the rows of processes that ended without removing them."""
    session.execute(
        delete(Component).where(Component.component == API_SERVER, Component.last_seen < _oldest_sign_of_life(session))
    )
    running = select(Job.id).where(Job.id == Component.job_id, Job.state == JobState.RUNNING).correlate(Component)
    session.execute(
        delete(Component)
        .where(Component.job_id.is_not(None), Component.started_at < _oldest_sign_of_life(session), ~running.exists())
        .execution_options(synchronize_session=False)
    )
