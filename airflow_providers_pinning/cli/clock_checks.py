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
"""Clock checks. Clocks decide which components are alive, when a soak is over and when a window is open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from airflow._shared.timezones import timezone
from airflow.jobs.job import Job, JobState
from airflow.utils.session import create_session
from sqlalchemy import func, select

from airflow_providers_pinning.cli.findings import Finding, failure, ok
from airflow_providers_pinning.domain.monitoring.attestation import JOB_COMPONENTS, live_components

CLOCKS_DIFFER = timedelta(seconds=5)
"""Tolerated difference between two clocks."""

LATE = timedelta(seconds=15)
"""Age of a heartbeat that is checked again: its host is busy or gone, or its clock is behind."""

LOOK_AGAIN = 12.0
"""Seconds until a late heartbeat is checked again. Airflow's components send one at least every five or ten seconds."""

REMEDY = "Synchronize the clocks of all hosts (NTP)."


def check_clocks() -> Iterator[Finding]:
    """Compare the clocks of this host, the database and, by their heartbeats, the components."""
    findings = [*_of_this_host(), *_ahead(), *_behind()]
    yield from findings or [ok("clocks", "clocks of this host, the database and all components agree")]


def _of_this_host() -> Iterator[Finding]:
    with create_session(scoped=False) as session:
        if session.get_bind().dialect.name != "postgresql":
            # SQLite has no clock of its own.
            return
        before = timezone.utcnow()
        theirs = session.scalar(select(func.clock_timestamp())) or before
        after = timezone.utcnow()
    # The query took a while; any time in between is correct.
    if (ahead := before - theirs) > CLOCKS_DIFFER:
        yield failure(
            "clocks", f"the clock of this host is {ahead.total_seconds():.0f} s ahead of the database", REMEDY
        )
    if (behind := theirs - after) > CLOCKS_DIFFER:
        yield failure("clocks", f"the clock of this host is {behind.total_seconds():.0f} s behind the database", REMEDY)


def _ahead() -> Iterator[Finding]:
    now = timezone.utcnow()
    with create_session(scoped=False) as session:
        components = live_components(session=session)
    for component in components:
        if component.last_seen is not None and component.last_seen > now + CLOCKS_DIFFER:
            yield failure(
                "clocks",
                f"the last heartbeat of {component.component} on {component.hostname} is "
                f"{(component.last_seen - now).total_seconds():.0f} s ahead of this host's clock",
                REMEDY,
            )


def _behind() -> Iterator[Finding]:
    """Check late heartbeats twice: if they continue but stay late, the component's clock is behind."""
    late = {job: beat for job, beat in _heartbeats().items() if timezone.utcnow() - beat > LATE}
    if not late:
        return
    time.sleep(LOOK_AGAIN)
    again = _heartbeats()
    for job, before in late.items():
        _, component, hostname = job
        beat = again.get(job, before)
        lag = timezone.utcnow() - beat
        if beat > before and lag > LATE:
            yield failure(
                "clocks",
                f"heartbeats of {component} on {hostname} continue, but are {lag.total_seconds():.0f} s old by "
                "this host's clock: the clock there is behind, or the component is overloaded",
                REMEDY,
            )


def _heartbeats() -> Mapping[tuple[int, str, str], datetime]:
    with create_session(scoped=False) as session:
        rows = session.execute(
            select(Job.id, Job.job_type, Job.hostname, Job.latest_heartbeat).where(
                Job.job_type.in_(JOB_COMPONENTS), Job.state == JobState.RUNNING, Job.latest_heartbeat.is_not(None)
            )
        )
        return {(row.id, JOB_COMPONENTS[row.job_type], row.hostname or ""): row.latest_heartbeat for row in rows}
