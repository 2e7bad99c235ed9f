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
"""Ramps on a database with row locks: several schedulers and clients, and one that is killed."""

from __future__ import annotations

import threading
from decimal import Decimal
from functools import partial

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import ramp, ramp_progress
from airflow_providers_pinning.domain.changes.pins import Target
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.ramp_steps import Plan, Step
from airflow_providers_pinning.enforcement.runs import ramp as patch
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import RampAction
from tests.integration.killed import killed_at
from tests.integration.test_breaker import events_of, version_of
from tests.integration.test_racing_runs import client, trigger
from tests.support.patience import PATIENCE
from tests.support.ramps import start_ramp
from tests.support.sources import dag_file

ALL_RUNS = Step(Decimal(1), runs=1)
HALF_OF_THEM = Step(Decimal("0.5"), runs=100)


@pytest.fixture(autouse=True)
def nothing_noted():
    patch._noted.clear()
    yield
    patch._noted.clear()


@pytest.fixture
def orders(lab):
    """Register a Dag that is pinned to its first version, and has a second."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    return lab


def run_now(session, run_id, state):
    trigger("orders", run_id)(session)
    session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(state=state))
    session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state=state))
    session.commit()


def race(elsewhere, clients="abcd", schedulers=2):
    """Let clients create runs, and schedulers let the ramp go on, at the same time."""
    together = threading.Barrier(len(clients) + schedulers)

    def turn(own):
        ramp_id = own.scalar(select(Ramp.id))
        own.rollback()
        together.wait(PATIENCE)
        commit(partial(ramp_progress.carry_on, "orders", ramp_id, session=own), session=own)

    for one in [
        *(elsewhere(turn) for _ in range(schedulers)),
        *(elsewhere(client(name, together)) for name in clients),
    ]:
        one.commit()


def raced_versions(session):
    runs = session.scalars(select(DagRun.run_id).where(DagRun.run_id.regexp_match("^[a-d]_"))).all()
    return [version_of(run_id, session) for run_id in runs]


class TestRace:
    def test_aborts_a_ramp_once_and_gives_no_run_its_version_that_failed(self, orders, session, elsewhere):
        start_ramp(orders, 2, Step(Decimal(1), runs=50))
        run_now(session, "first", "failed")

        race(elsewhere)

        assert events_of(session) == ["pinned", "ramp_started", "ramp_aborted"]
        assert raced_versions(session) == [1] * 12

    def test_passes_a_step_once(self, orders, session, elsewhere):
        start_ramp(orders, 2, ALL_RUNS, Step(Decimal(1), runs=50))
        run_now(session, "first", "success")

        race(elsewhere)

        assert events_of(session) == ["pinned", "ramp_started", "ramp_advanced"]
        assert raced_versions(session) == [2] * 12

    def test_promotes_once(self, orders, session, elsewhere):
        start_ramp(orders, 2, ALL_RUNS)
        run_now(session, "first", "success")

        race(elsewhere)

        assert events_of(session) == ["pinned", "ramp_started", "pinned"]
        assert orders.pin_row("orders").version_number == 2
        assert raced_versions(session) == [2] * 12

    def test_keeps_the_share_of_a_step_that_counts(self, orders, session, elsewhere):
        start_ramp(orders, 2, HALF_OF_THEM)

        race(elsewhere, schedulers=0)
        # Those who counted at the same time were wrong by a few runs, and no longer.
        for number in range(12):
            trigger("orders", f"a_after_{number}")(session)
            session.commit()

        assert raced_versions(session).count(2) in (12, 13)

    def test_keeps_the_share_if_runs_are_always_created_two_at_a_time(self, orders, session, elsewhere):
        """Every k-th run by its place would pass over the place each time."""
        start_ramp(orders, 2, HALF_OF_THEM)

        for number in range(6):
            pair = [elsewhere(trigger("orders", f"{name}_{number}")) for name in "ab"]
            for one in pair:
                one.wait_until_acted()
            for one in pair:
                one.commit()

        assert raced_versions(session).count(2) == 6

    def test_with_an_abort_gives_each_run_a_version_for_a_reason(self, orders, session, elsewhere):
        start_ramp(orders, 2, Step(Decimal(1), runs=50))
        together = threading.Barrier(3)

        def abort(own):
            together.wait(PATIENCE)
            ramp.act("orders", RampAction.ABORT, orders.change(), session=own)

        for one in [elsewhere(abort), *(elsewhere(client(name, together, runs=5)) for name in "ab")]:
            one.commit()

        session.rollback()
        ended_after = session.scalar(select(Ramp.ended_after))
        for run in session.scalars(select(DagRun)).all():
            assert version_of(run.run_id, session) == (2 if run.id <= ended_after else 1)
        assert escaped_run_ids("orders", limit=10, session=session) == []


class TestOneOfTwoStarts:
    def test_is_refused(self, orders, session, elsewhere):
        def start(own):
            target = Target(version_number=2)
            return ramp.start("orders", target, Plan([ALL_RUNS]), orders.change(), session=own)

        first = elsewhere(start)
        first.wait_until_acted()
        second = elsewhere(start)
        second.wait_until_locked_out()

        first.commit()

        with pytest.raises(PinningError, match="Promote or abort it first"):
            second.commit()
        assert events_of(session) == ["pinned", "ramp_started"]


def state(session):
    session.rollback()
    session.expire_all()
    pin = session.get_one(Pin, "orders")
    found = session.scalars(select(Ramp)).one()
    return (pin.revision, pin.version_number, pin.ramp_id, found.status, found.step, events_of(session))


@pytest.mark.parametrize(
    ("end", "steps", "then"),
    [
        ("success", [ALL_RUNS, ALL_RUNS], "ramp_advanced"),
        ("success", [ALL_RUNS], "pinned"),
        ("failed", [ALL_RUNS], "ramp_aborted"),
    ],
    ids=["advancing", "promoting", "aborting"],
)
def test_a_client_that_is_killed_leaves_all_or_nothing_and_the_next_one_goes_on(end, steps, then, orders, session):
    start_ramp(orders, 2, *steps)
    run_now(session, "first", end)
    before = state(session)
    session.close()
    for number in range(1, 300):
        if not killed_at(number, trigger("orders", f"client_{number}")):
            break
        now = state(session)
        if now != before:
            # Killed by what follows the commit of the change.
            break
        session.close()

    assert number > 15, "Hardly any statement was seen"
    assert events_of(session) == [*before[-1], then]
