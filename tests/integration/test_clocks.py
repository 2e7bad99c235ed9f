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
"""The clock of the database beside this host's, as ``airflow pinning doctor`` compares them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from airflow import settings
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import event, select, update

from airflow_providers_pinning.cli.clock_checks import check_clocks
from airflow_providers_pinning.domain.canaries import gaps
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import NotEnforcedError
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.models import Component, Gap
from tests.support.canaries import dag_with_tasks
from tests.support.scheduler import Scheduler

START = datetime(2026, 2, 1, tzinfo=timezone.utc)
BEHIND = timedelta(seconds=90)


@pytest.mark.parametrize(("offset", "where"), [(60, "60 s ahead of"), (-60, "60 s behind")], ids=["ahead", "behind"])
def test_clock_of_this_host_that_is_off_is_told(session, offset, where):
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=offset)):
        [found] = check_clocks()
    assert (found.status.value, found.found) == ("failure", f"the clock of this host is {where} the database")


def test_clocks_that_agree_are_in_order(session):
    assert [found.status.value for found in check_clocks()] == ["ok"]


class Hosts:
    """
    A database, a scheduler whose clock is right and one whose clock is 90 seconds behind.

    :param session: the session of both
    """

    def __init__(self, session):
        self.session = session
        self.now = START

    def at(self, *, slow):
        return time_machine.travel(self.now - BEHIND if slow else self.now, tick=False)

    def turn(self, *, slow):
        """Have one of the schedulers create what is due, start what may start and decide about the rest."""
        with self.at(slow=slow):
            scheduler = Scheduler(self.session)
            scheduler.create_due_runs()
            scheduler.start_and_decide()

    def states(self):
        self.session.rollback()
        found = self.session.execute(select(DagRun.run_type, DagRun.run_id, DagRun.state).order_by(DagRun.id))
        return [("canary" if row.run_id.startswith("canary") else "live", row.state) for row in found]


@pytest.fixture
def hosts(session, monkeypatch):
    # A task process ends itself after 30 failed heartbeats by default since Airflow 3.4.
    monkeypatch.setenv("AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS", "3")
    gaps._followed.clear()
    gaps._needed.clear()
    hosts = Hosts(session)

    def database_clock(connection, cursor, statement, parameters, context, executemany):
        told = f"TIMESTAMPTZ '{hosts.now.isoformat()}'"
        return statement.replace("clock_timestamp()", told).replace("now()", told), parameters

    event.listen(settings.engine, "before_cursor_execute", database_clock, retval=True)
    with time_machine.travel(START, tick=False):
        yield hosts
    event.remove(settings.engine, "before_cursor_execute", database_clock)


@pytest.fixture
def orders(lab, hosts):
    """A Dag whose runs must not overlap, every ten minutes, in two versions, of which the first is pinned."""
    text = dag_with_tasks({"load": "all_success"}, "schedule=timedelta(minutes=10), max_active_runs=1")
    lab.commit("sha1", orders=text)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=text.replace("'load'", "'check'"))
    return lab


def canary(hosts, lab):
    with hosts.at(slow=False):
        [run_id] = create_canary_runs("orders", CanaryRequest(2), lab.change(), session=lab.session).run_ids
        lab.session.commit()
    return run_id


def live_run(hosts, seconds):
    """Have one live run that took so long, and return when the next one is due."""
    hosts.turn(slow=False)
    hosts.now += timedelta(seconds=seconds)
    hosts.session.execute(update(TaskInstance).values(state="success"))
    hosts.session.commit()
    hosts.turn(slow=False)
    assert hosts.states() == [("live", "success")]
    return hosts.session.scalar(select(DagModel.next_dagrun_create_after).where(DagModel.dag_id == "orders"))


@pytest.mark.parametrize("slow", [False, True], ids=["right", "slow"])
def test_change_of_pin_takes_effect_in_each_scheduler(slow, hosts, orders):
    due = live_run(hosts, 10)
    orders.pin("orders", 2)
    hosts.now = due + BEHIND
    hosts.turn(slow=slow)
    runs = orders.runs("orders")
    assert [orders.used_versions(run) for run in runs] == [{1}, {2}]


def test_slow_scheduler_starts_no_canary_run_for_which_too_little_time_is_left(hosts, orders):
    due = live_run(hosts, 60)
    canary(hosts, orders)
    # By the slow clock more than two minutes are left, and by the one that creates the live run half a minute.
    hosts.now = due - timedelta(seconds=30)
    for _ in range(3):
        hosts.turn(slow=True)
    assert hosts.states() == [("live", "success"), ("canary", "queued")]
    hosts.now = due
    hosts.turn(slow=False)
    assert hosts.states() == [("live", "success"), ("canary", "queued"), ("live", "running")]


def test_slow_scheduler_starts_no_canary_run_before_a_live_run_that_waits(hosts, orders, session):
    due = live_run(hosts, 10)
    canary(hosts, orders)
    hosts.now = due
    with hosts.at(slow=False):
        Scheduler(session).create_due_runs()
    for _ in range(3):
        hosts.turn(slow=True)
    assert ("canary", "queued") in hosts.states()
    assert hosts.states()[-1] == ("live", "running")


def test_scheduler_that_is_ahead_is_told_by_its_heartbeats(hosts, orders, session):
    """The runs are due by its clock, which creates them."""
    due = live_run(hosts, 60)
    canary(hosts, orders)
    hosts.now = due - timedelta(seconds=120)
    session.add(
        Job(job_type="SchedulerJob", state="running", latest_heartbeat=hosts.now + BEHIND, hostname="ahead", id=77)
    )
    session.commit()
    for _ in range(3):
        hosts.turn(slow=False)
    assert hosts.states() == [("live", "success"), ("canary", "queued")]
    session.execute(update(Job).where(Job.id == 77).values(state="success"))
    session.commit()
    for _ in range(3):
        hosts.turn(slow=False)
    assert hosts.states() == [("live", "success"), ("canary", "running")]


def test_process_of_a_canary_run_that_a_slow_scheduler_ends_is_waited_for(hosts, orders, session):
    """No executor that the other scheduler has knows of the process, so the time has to pass that it has at most."""
    due = live_run(hosts, 10)
    run_id = canary(hosts, orders)
    hosts.now = due - timedelta(seconds=60)
    for _ in range(3):
        hosts.turn(slow=False)
    assert ("canary", "running") in hosts.states()
    session.execute(
        update(TaskInstance)
        .where(TaskInstance.run_id == run_id)
        .values(state="running", pid=1, start_date=hosts.now, executor="elsewhere")
    )
    session.commit()
    hosts.now = due
    with hosts.at(slow=False):
        Scheduler(session).create_due_runs()
    with hosts.at(slow=True):
        Scheduler(session).start_and_decide()
    assert ("canary", "failed") in hosts.states()

    hosts.now = due + timedelta(seconds=30)
    hosts.turn(slow=False)
    assert hosts.states()[-1] == ("live", "queued")
    hosts.now = due + timedelta(seconds=41)
    hosts.turn(slow=False)
    hosts.turn(slow=False)
    assert hosts.states()[-1] == ("live", "running")
    assert session.scalars(select(Gap)).all() == []


def test_sign_of_life_of_an_api_server_whose_clock_is_slow_is_not_old(hosts, session):
    """One that enforces pins as another release does would not be noticed."""
    with hosts.at(slow=True):
        row_id = attestation.attest(attestation.API_SERVER, session=session)
        session.commit()
    session.execute(update(Component).values(fingerprint="another"))
    session.commit()
    for _ in range(2):
        assert len(attestation.live_components(session=session)) == 1
        with pytest.raises(NotEnforcedError):
            attestation.require_enforcement(session=session)
        with hosts.at(slow=True):
            attestation.renew_api_server(row_id, session=session)
            session.commit()
