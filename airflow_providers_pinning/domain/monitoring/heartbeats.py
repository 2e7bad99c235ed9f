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
Detect whether the heartbeats of Airflow's jobs continue, regardless of their hosts' clocks.

Airflow treats a job with an old heartbeat as dead. On a host with a slow clock, every heartbeat is already old when it
is written. But a new value still shows that the job is alive, so this process remembers the values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from airflow.jobs.job import Job

from airflow_providers_pinning import conf

_Key = tuple[int, datetime | None]

_seen: dict[_Key, tuple[datetime | None, float | None]] = {}


def note(jobs: Iterable[Job]) -> None:
    """Remember the heartbeats of all running jobs, and when each last changed, by this process's monotonic clock."""
    global _seen
    known, now = _seen, time.monotonic()
    seen: dict[_Key, tuple[datetime | None, float | None]] = {}
    for job in jobs:
        beat, changed = known.get(_key(job), (job.latest_heartbeat, None))
        seen[_key(job)] = (job.latest_heartbeat, changed if beat == job.latest_heartbeat else now)
    # Replaced in one step, because threads share it.
    _seen = seen


def go_on(job: Job) -> bool:
    """Return whether a job's heartbeat has changed within the time after which a component counts as gone."""
    _, changed = _seen.get(_key(job), (None, None))
    return changed is not None and time.monotonic() - changed < conf.component_threshold()


def _key(job: Job) -> _Key:
    # After a reset of the database, other jobs get the same IDs.
    return job.id, job.start_date
