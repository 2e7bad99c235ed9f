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
"""Automatic rollbacks on a database with row locks: several schedulers and clients, and one that is killed."""

from __future__ import annotations

import threading
import time

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, update

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import due
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import breaker, store
from airflow_providers_pinning.domain.policies.model import AutoRollback
from airflow_providers_pinning.domain.resolution import refused_runs
from airflow_providers_pinning.enforcement.runs import breaker as patch
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.schemas.policies import validated
from tests.integration.killed import killed_at
from tests.integration.test_racing_runs import client, trigger
from tests.support.patience import PATIENCE
from tests.support.scheduler import Scheduler
from tests.support.sources import CHANGED

POLICY = {"name": "all", "match": {"dag_ids": ["*"]}, "auto_rollback": {"max_failures": 1, "within_runs": 5}}


def events_of(session):
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Event.kind).where(Event.dag_id == "orders").order_by(Event.id)))


def version_of(run_id, session):
    """Return the one version that a run and its tasks have."""
    of_run = select(DagVersion.version_number).join(DagRun, DagRun.created_dag_version_id == DagVersion.id)
    of_tasks = select(DagVersion.version_number).join(TaskInstance, TaskInstance.dag_version_id == DagVersion.id)
    [number] = {
        *session.scalars(of_run.where(DagRun.run_id == run_id)),
        *session.scalars(of_tasks.where(TaskInstance.run_id == run_id)),
    }
    return number


def run_now(session, run_id, state):
    trigger("orders", run_id)(session)
    session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state=state))
    session.commit()


@pytest.fixture
def failing(lab, session):
    """A Dag whose pinned version failed twice, which a policy does not tolerate, after one that works."""
    lab.pin_first_of_two()
    lab.candidate("orders", 2)
    run_now(session, "good", "success")
    lab.pin("orders", 2)
    run_now(session, "bad_1", "failed")
    run_now(session, "bad_2", "failed")
    store.apply(validated({"policies": [POLICY]}), Change(Caller("ruler"), "because"), session=session)
    session.commit()
    return lab


ONCE = ["pinned", "candidate", "pinned", "rolled_back", "held"]


def test_clients_and_schedulers_that_race_roll_back_once_and_create_no_run_on_the_failing_version(
    failing, session, elsewhere
):
    together = threading.Barrier(6)

    def turn(own):
        scheduler = Scheduler(own)
        together.wait(PATIENCE)
        scheduler.turn(3)

    racing = [*(elsewhere(turn) for _ in range(2)), *(elsewhere(client(name, together)) for name in "abcd")]
    for one in racing:
        one.commit()

    assert events_of(session) == ONCE
    runs = session.scalars(select(DagRun.run_id).where(DagRun.run_id.not_in(["good", "bad_1", "bad_2"]))).all()
    assert len(runs) >= 12
    assert {version_of(run_id, session) for run_id in runs} == {1}


def test_two_clients_that_both_found_the_version_failing_do_not_wait_for_each_other(failing, session, elsewhere):
    first = elsewhere(trigger("orders", "a"))
    first.wait_until_acted()
    second = elsewhere(trigger("orders", "b"))
    second.wait_until_acted()

    assert failing.pin_row("orders").version_number == 2
    session.rollback()
    finished = []
    # The rollback of the first waits until the second has ended, which holds the pin as it is.
    ending = threading.Thread(target=lambda: finished.append(first.commit()))
    ending.start()
    second.commit()
    ending.join(PATIENCE)

    assert finished
    assert events_of(session) == ONCE
    assert [version_of(run_id, session) for run_id in "ab"] == [1, 1]


def test_a_scheduler_hardly_waits_for_a_dag_that_somebody_holds(failing, session, elsewhere, monkeypatch):
    monkeypatch.setattr(due, "PATIENCE", 0.5)
    holding = elsewhere(lambda own: locks.pass_gate("orders", session=own))
    holding.wait_until_acted()
    pin = session.get_one(Pin, "orders")
    tripped = breaker.find_tripped(pin, [("all", AutoRollback(max_failures=1, within_runs=5))], 1, session=session)
    session.rollback()
    refused_runs.note_tripped("orders", tripped)

    began = time.monotonic()
    patch.roll_back_noted(session=session)

    assert time.monotonic() - began < 5
    session.rollback()
    assert failing.pin_row("orders").version_number == 2
    session.rollback()
    holding.commit()
    refused_runs.note_tripped("orders", tripped)
    patch.roll_back_noted(session=session)
    assert events_of(session) == ONCE


def test_a_pin_by_a_person_that_was_faster_stays(failing, session, elsewhere):
    failing.commit("sha3", orders=CHANGED.replace("transform", "convert"))
    creating = elsewhere(trigger("orders", "a"))
    creating.wait_until_acted()
    pinning = elsewhere(
        lambda own: pin_version("orders", Target(version_number=3), Change(Caller("alice"), "fix"), session=own)
    )
    pinning.wait_until_locked_out()

    ending = threading.Thread(target=creating.commit)
    ending.start()
    pinning.commit()
    ending.join(PATIENCE)

    assert version_of("a", session) == 1
    assert failing.pin_row("orders").version_number == 3
    assert events_of(session) == ["pinned", "candidate", "pinned", "pinned"]


def test_a_client_that_is_killed_leaves_all_or_nothing_and_the_next_one_goes_on(failing, session):
    before = events_of(session)
    session.close()
    for number in range(1, 200):
        if not killed_at(number, trigger("orders", f"client_{number}")):
            break
        assert events_of(session) == before, f"killed before statement {number}"
        session.close()

    assert number > 15, "Hardly any statement was seen"
    assert events_of(session) == ONCE
    created = session.scalars(select(DagRun.run_id).where(DagRun.run_id.startswith("client_"))).all()
    assert {version_of(run_id, session) for run_id in created} == {1}
