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
"""Canary runs that need a gap, with two schedulers: they never run beside a live run."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from itertools import combinations

import pytest
from airflow import settings
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import event, select, update

from airflow_providers_pinning.domain.canaries import turns
from airflow_providers_pinning.domain.canaries.gaps import longest_recent_run
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import Gap, RoutedRun
from tests.support.canaries import dag_with_tasks
from tests.support.scheduler import Scheduler
from tests.support.statements import counted_parameters
from tests.support.stock import without_enforcement

SECONDS = 20


def register(lab, *dag_ids, limit=1):
    for dag_id in dag_ids:
        text = dag_with_tasks({"load": "all_success"}, f"schedule=None, max_active_runs={limit}")
        text = text.replace('"orders"', f'"{dag_id}"').replace("'orders'", f"'{dag_id}'")
        lab.commit("sha1", **{dag_id: text})
        lab.pin(dag_id, 1)
        lab.commit("sha2", **{dag_id: text.replace("'load'", "'check'")})


def request(lab, dag_id="orders", count=1, note=None):
    created = create_canary_runs(dag_id, CanaryRequest(2, count, note=note), lab.change(), session=lab.session)
    lab.session.commit()
    return created.run_ids


def trigger(session, run_id, dag_id="orders"):
    trigger_dag(dag_id, run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()


def states(session):
    session.rollback()
    return {run_id.partition("__")[0]: state for run_id, state in session.execute(select(DagRun.run_id, DagRun.state))}


def start(session):
    Scheduler(session).runner._start_queued_dagruns(session)


def test_live_run_that_another_scheduler_starts_meanwhile_is_seen_before_the_canary_starts(lab, elsewhere, session):
    register(lab, "orders")
    request(lab)
    claiming = elsewhere(start)
    claiming.wait_until_acted()
    # The other scheduler does not see yet that the canary is to have the gap.
    trigger(session, "live")
    start(session)
    session.commit()
    claiming.commit()
    assert len(session.scalars(select(Gap)).all()) == 1
    start(session)
    session.commit()
    assert states(session) == {"canary": "queued", "live": "running"}
    assert session.scalars(select(Gap)).all() == []


def test_live_run_that_is_being_started_is_seen_before_the_canary_has_the_gap(lab, elsewhere, session):
    register(lab, "orders")
    request(lab)
    trigger(session, "live")
    starting = elsewhere(start)
    starting.wait_until_acted()
    start(session)
    session.commit()
    assert session.scalars(select(Gap)).all() == []
    starting.commit()
    assert states(session) == {"canary": "queued", "live": "running"}


def test_schedulers_do_not_wait_for_each_other(lab, elsewhere, session):
    register(lab, "orders", "invoices")
    request(lab, "orders", 2)
    request(lab, "invoices", 2)
    claiming = elsewhere(start)
    claiming.wait_until_acted()
    also = elsewhere(start)
    also.wait_until_acted()
    claiming.commit()
    also.commit()
    assert sorted(session.scalars(select(Gap.dag_id))) == ["invoices", "orders"]


@pytest.mark.parametrize("dags_a_turn", [1, 20])
def test_dag_whose_canaries_cannot_be_read_keeps_no_other_from_its_turn(dags_a_turn, lab, session, monkeypatch):
    monkeypatch.setattr(turns, "DAGS_A_TURN", dags_a_turn)
    turns._undecidable.clear()
    register(lab, "orders", "invoices")
    [unreadable], [readable] = request(lab, "orders"), request(lab, "invoices")
    session.execute(update(RoutedRun).where(RoutedRun.dag_id == "orders").values(isolation=["unreadable"]))
    # Dags with a gap come first.
    session.add(Gap(dag_id="orders", run_id=unreadable))
    session.commit()
    for _ in range(3):
        start(session)
        session.commit()
    found = session.execute(select(DagRun.dag_id, DagRun.state).where(DagRun.run_id.in_((unreadable, readable))))
    assert dict(found.all()) == {"orders": "queued", "invoices": "running"}


def test_runs_of_other_dags_are_not_read_to_find_how_long_those_of_a_dag_took(lab, server, airflow_database, session):
    register(lab, "orders", "invoices")
    for dag_id, runs in (("orders", 2000), ("invoices", 20000)):
        server.execute(
            "INSERT INTO dag_run (dag_id, run_id, run_type, run_after, logical_date, start_date, end_date, state, "
            "clear_number, log_template_id) "
            f"SELECT '{dag_id}', 'run_' || n, 'scheduled', now(), now() + n * interval '1 minute', now(), "
            "now() + n * interval '1 second', 'success', 0, 1 "
            f"FROM generate_series(1, {runs}) n",
            database=airflow_database,
        )
    server.execute("ANALYZE dag_run", database=airflow_database)
    asked = []

    def keep(connection, cursor, statement, *_):
        asked.append(cursor.query.decode())

    event.listen(settings.engine, "after_cursor_execute", keep)
    try:
        took = longest_recent_run("orders", None, session=session)
    finally:
        event.remove(settings.engine, "after_cursor_execute", keep)

    [statement] = asked
    connection = session.connection().execution_options(no_parameters=True)
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
    assert took == timedelta(seconds=2000)
    assert "dag_run_dag_id_logical_date_key" in plan, plan
    assert "dag_run_pkey" not in plan, plan
    assert "Seq Scan on dag_run" not in plan, plan


def test_canary_whose_note_leaves_no_room_is_ended_too(lab, session):
    """What the database refuses in this turn ends the scheduler."""
    register(lab, "orders")
    [run_id] = request(lab, note="x" * 1000)
    for _ in range(2):
        start(session)
        session.commit()
    trigger(session, "live")
    start(session)
    session.commit()
    assert states(session) == {"canary": "failed", "live": "queued"}
    note = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one().note
    assert (len(note), note.endswith("; overran its gap")) == (1000, True)


class Beside:
    """
    Something that is done again and again in a thread with a session of its own.

    :param turn: called with the session
    :param stop: when to stop, on the monotonic clock
    """

    def __init__(self, turn, stop):
        self._turn = turn
        self._stop = stop
        self.error = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        session = settings.NonScopedSession()
        try:
            turn = self._turn(session)
            while time.monotonic() < self._stop:
                turn()
        except Exception as error:
            self.error = error
        finally:
            session.close()

    def end(self):
        self._thread.join()
        if self.error:
            raise self.error


def scheduling(session):
    scheduler = Scheduler(session)

    def turn():
        scheduler.create_due_runs()
        scheduler.start_and_decide()

    return turn


def working(session):
    def turn():
        now = timezone.utcnow()
        for ti in session.scalars(select(TaskInstance).with_for_update(skip_locked=True, of=TaskInstance)).unique():
            if ti.state == "scheduled":
                ti.state, ti.start_date = "running", now
            elif ti.state == "running" and now > ti.start_date + timedelta(seconds=0.2):
                ti.state, ti.end_date = "success", now
        session.commit()
        session.expunge_all()
        time.sleep(0.05)

    return turn


def overlap(one, other):
    now = timezone.utcnow()
    return one.start_date < (other.end_date or now) and other.start_date < (one.end_date or now)


def test_two_schedulers_let_no_run_overlap_with_a_canary(lab, session):
    register(lab, "orders")
    stop = time.monotonic() + SECONDS
    beside = [Beside(what, stop + 10) for what in (scheduling, scheduling, working)]
    number = 0
    while time.monotonic() < stop:
        number += 1
        request(lab)
        time.sleep(random.random())
        trigger(session, f"live_{number}")
        time.sleep(random.random())
    for one in beside:
        one.end()
    session.rollback()
    runs = session.scalars(select(DagRun).where(DagRun.start_date.is_not(None))).all()
    canaries = [run for run in runs if run.run_id.startswith("canary")]
    live = [run for run in runs if not run.run_id.startswith("canary")]
    assert [(one.run_id, other.run_id) for one in canaries for other in live if overlap(one, other)] == []
    assert [(one.run_id, other.run_id) for one, other in combinations(canaries, 2) if overlap(one, other)] == []
    assert len(live) == number
    assert {run.state for run in live} == {"success"}
    assert canaries


@pytest.mark.parametrize("many", [1, 6])
def test_dags_without_canaries_cost_no_statement_more(lab, session, many):
    register(lab, *(f"dag_{number}" for number in range(many)), limit=5)
    scheduler = Scheduler(session)
    sent = []
    for turn, stock in (("first", False), ("second", True), ("third", False)):
        for number in range(many):
            trigger(session, turn, f"dag_{number}")
        session.commit()
        session.expunge_all()
        with counted_parameters(session) as statements:
            if stock:
                with without_enforcement():
                    scheduler.runner._start_queued_dagruns(session)
            else:
                scheduler.runner._start_queued_dagruns(session)
            session.commit()
        sent.append(len(statements))
    assert sent[2] <= sent[1]


@pytest.mark.parametrize("limit", [1, 5])
def test_canaries_that_wait_cost_a_number_that_does_not_grow_with_them(lab, session, limit):
    sent = []
    scheduler = Scheduler(session)
    for number in range(4):
        dag_id = f"dag_{number}"
        register(lab, dag_id, limit=limit)
        for run in range(limit + 1):
            trigger(session, f"live_{run}", dag_id)
        request(lab, dag_id, 2)
        session.execute(update(DagRun).where(DagRun.run_id.startswith("live")).values(state="running"))
        session.execute(update(DagRun).where(DagRun.run_id == "live_0").values(state="queued"))
        session.commit()
        session.expunge_all()
        with counted_parameters(session) as statements:
            scheduler.runner._start_queued_dagruns(session)
            session.commit()
        sent.append(len(statements))
    assert sent[0] == sent[-1]
    assert "running" not in session.scalars(select(DagRun.state).where(DagRun.run_id.startswith("canary"))).all()
