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
Time in a deployment of several hosts with their own clocks.

Schedulers do not share a clock. Where a difference matters, do not compare local time with a time written by another
host. Use the database's clock, which is the same for all.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache

from airflow._shared.timezones.timezone import utcnow
from airflow.jobs.job import Job, JobState
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

FAR_AHEAD = timedelta(minutes=10)
"""A clock further ahead is ignored: its heartbeat may be the last one of a scheduler that ended long ago."""


def database_clock(*, session: Session) -> datetime:
    """
    Return the time by the database's clock. SQLite has none, but its processes share a host.

    It is the current time: on PostgreSQL, ``now()`` is the start of the transaction, which may have waited for locks
    since.
    """
    match session.get_bind().dialect.name:
        case "sqlite":
            return utcnow()
        case "postgresql":
            return _aware(session.scalar(select(func.clock_timestamp())))
        case _:
            return _aware(session.scalar(select(func.now())))


def latest_clock(*, session: Session) -> datetime:
    """
    Return the time by the clock that makes a live run due first.

    This is the latest of the clocks of this host, the database and the running schedulers, known from their heartbeats.
    If this scheduler's own clock was slow, a gap would look longer than it is, and a waiting run would not look due.
    """
    own = utcnow()
    theirs, beat = session.execute(_clocks()).one()
    others = [_aware(moment) for moment in (theirs, beat) if moment is not None]
    return max([own, *(moment for moment in others if moment - own < FAR_AHEAD)])


@cache
def _clocks() -> Select:
    beat = select(func.max(Job.latest_heartbeat)).where(Job.job_type == "SchedulerJob", Job.state == JobState.RUNNING)
    return select(func.now(), beat.scalar_subquery())


def _aware(moment: datetime | None) -> datetime:
    if moment is None:
        return utcnow()
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
