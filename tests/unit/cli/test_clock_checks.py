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
"""The clocks that ``airflow pinning doctor`` looks at; that of the database stands in ``tests/integration``."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.jobs.job import Job, JobState
from sqlalchemy import update

from airflow_providers_pinning.cli import clock_checks
from airflow_providers_pinning.cli.clock_checks import check_clocks

BEHIND = timedelta(seconds=60)


@pytest.fixture
def heartbeat(session):
    """Return a function that writes the heartbeat of a scheduler, some time before now by this host's clock."""
    job = Job(job_type="SchedulerJob", state=JobState.RUNNING, hostname="host-1")
    job.latest_heartbeat = timezone.utcnow()
    session.add(job)
    session.commit()

    def beat(age):
        session.execute(update(Job).values(latest_heartbeat=timezone.utcnow() - age))
        session.commit()

    return beat


def found():
    return [(finding.status.value, finding.found) for finding in check_clocks()]


def test_clocks_that_agree_are_in_order(heartbeat):
    assert found() == [("ok", "clocks of this host, the database and all components agree")]


def test_heartbeat_that_goes_on_and_stays_late_is_a_clock_that_is_behind(heartbeat, monkeypatch):
    heartbeat(BEHIND)
    monkeypatch.setattr(clock_checks.time, "sleep", lambda seconds: heartbeat(BEHIND))
    [(status, message)] = found()
    assert status == "failure"
    assert message.startswith("heartbeats of scheduler on host-1 continue, but are 60 s old")


def test_heartbeat_that_stopped_is_no_matter_of_clocks(heartbeat, monkeypatch):
    heartbeat(BEHIND)
    monkeypatch.setattr(clock_checks.time, "sleep", lambda seconds: None)
    assert [status for status, _ in found()] == ["ok"]


def test_heartbeat_that_was_only_late_is_in_order(heartbeat, monkeypatch):
    heartbeat(BEHIND)
    monkeypatch.setattr(clock_checks.time, "sleep", lambda seconds: heartbeat(timedelta()))
    assert [status for status, _ in found()] == ["ok"]
