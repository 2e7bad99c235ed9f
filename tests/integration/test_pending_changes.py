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
"""Changes that take effect at a given time, on a database with row locks and several schedulers."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from airflow.models.dag import DagModel
from sqlalchemy import func, select, update

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import due, into_effect, pins, timed
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import ActivationInPastError
from airflow_providers_pinning.domain.releases.lists import read_release
from airflow_providers_pinning.domain.releases.release import make_release
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
from airflow_providers_pinning.domain.releases.rollback import RollbackRequest, roll_back_release
from airflow_providers_pinning.models import Event, Pin, TimedChange
from tests.integration.killed import killed_at
from tests.integration.test_racing_runs import trigger, version_of
from tests.support.patience import PATIENCE
from tests.support.scheduler import Scheduler
from tests.support.sources import CHANGED, STABLE

MINUTE = timedelta(minutes=1)


def database_time(session):
    moment = session.scalar(select(func.clock_timestamp()))
    session.rollback()
    return moment


@pytest.fixture
def orders(lab, scheduler):
    """Register a Dag that is pinned to its first version, whose due runs are created, and has a second."""
    lab.pin_first_of_two()
    scheduler.create_due_runs()
    return lab


def events_of(session):
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Event.kind).order_by(Event.id)))


def put_into_effect(session):
    return due.put_due_into_effect(session=session)


class TestSeveralSchedulers:
    def test_put_a_change_into_effect_once(self, orders, session, elsewhere):
        orders.pin_from("orders", 2, database_time(session) - MINUTE)
        together = threading.Barrier(4)

        def turn(own):
            scheduler = Scheduler(own)
            together.wait(PATIENCE)
            scheduler.turn(3)

        for one in [elsewhere(turn) for _ in range(4)]:
            one.commit()

        assert events_of(session) == ["pinned", "activation_scheduled", "pinned"]
        assert orders.pin_row("orders").version_number == 2

    def test_find_a_change_done_that_another_one_made_while_they_waited(self, orders, session, elsewhere):
        orders.pin_from("orders", 2, database_time(session) - MINUTE)
        change_id = session.scalar(select(TimedChange.id))
        session.rollback()
        first = elsewhere(lambda own: into_effect.put_into_effect(change_id, "orders", session=own))
        first.wait_until_acted()
        second = elsewhere(lambda own: into_effect.put_into_effect(change_id, "orders", session=own))
        second.wait_until_locked_out()

        first.commit()
        second.commit()

        assert events_of(session) == ["pinned", "activation_scheduled", "pinned"]

    def test_put_each_dag_of_a_release_into_effect_once(self, lab, session, elsewhere, monkeypatch):
        monkeypatch.setattr(due, "_left", {})
        names = [f"dag_{number}" for number in range(8)]
        for sha, source in (("sha1", STABLE), ("sha2", CHANGED)):
            lab.commit(sha, **{name: source.replace("orders", name) for name in names})
            for name in names if sha == "sha1" else ():
                lab.pin(name, 1)
        session.execute(update(DagModel).values(is_paused=True))
        session.commit()
        moment = database_time(session) + timedelta(seconds=2)
        request = ReleaseRequest(bundle_version="sha2", effective_from=moment)
        made = commit(lambda: make_release(request, lab.change(), Access(), session=session), session=session)
        pages = session.scalars(select(Event.kind).where(Event.release_id == made.release_id)).all()
        assert pages == ["activation_scheduled"] * len(names)
        session.rollback()
        while database_time(session) <= moment:
            time.sleep(0.1)
        together = threading.Barrier(4)

        def turn(own):
            together.wait(PATIENCE)
            due.put_due_into_effect(session=own)

        for one in [elsewhere(turn) for _ in range(4)]:
            one.commit()

        due._left.clear()
        put_into_effect(session)
        session.rollback()
        kinds = session.scalars(select(Event.kind).where(Event.release_id == made.release_id)).all()
        assert sorted(kinds) == ["activation_scheduled"] * len(names) + ["pinned"] * len(names)
        read = read_release(made.release_id, Access(), session=session)
        assert (read.status.value, read.counts["changed"]) == ("released", len(names))
        back = roll_back_release(RollbackRequest(made.release_id), lab.change(), Access(), session=session)
        assert back.counts["changed"] == len(names)
        session.commit()

    def test_hardly_wait_for_a_dag_that_somebody_holds(self, orders, session, elsewhere, monkeypatch):
        monkeypatch.setattr(due, "PATIENCE", 0.5)
        monkeypatch.setattr(due, "_left", {})
        orders.commit("sha3", invoices=STABLE.replace("orders", "invoices"))
        orders.pin_from("orders", 2, database_time(session) - 2 * MINUTE)
        orders.pin_from("invoices", 1, database_time(session) - MINUTE)
        holding = elsewhere(lambda own: locks.pass_gate("orders", session=own))
        holding.wait_until_acted()

        began = time.monotonic()
        put_into_effect(session)
        first = time.monotonic() - began
        session.rollback()

        assert first < 5
        assert orders.pin_row("invoices").version_number == 1
        session.rollback()
        # It is not even tried for a while.
        assert put_into_effect(session) == 0
        session.rollback()
        assert orders.pin_row("orders").version_number == 1
        session.rollback()
        holding.commit()
        due._left.clear()
        put_into_effect(session)
        assert orders.pin_row("orders").version_number == 2

    def test_create_no_run_on_the_wrong_side_while_others_trigger(self, orders, session, elsewhere):
        moment = database_time(session) + timedelta(seconds=2)
        orders.pin_from("orders", 2, moment)
        stop = threading.Event()

        def turn(own):
            scheduler = Scheduler(own)
            while not stop.wait(0.05):
                scheduler.turn()

        def trigger_all(prefix):
            def act(own):
                ids = []
                while not stop.is_set():
                    ids.append(trigger("orders", f"{prefix}_{len(ids)}")(own))
                    own.commit()
                return ids

            return act

        turning = [elsewhere(turn) for _ in range(2)]
        triggering = [elsewhere(trigger_all(name)) for name in ("a", "b")]
        deadline = moment + timedelta(seconds=PATIENCE)
        while database_time(session) < deadline and not effect_is_seen(session):
            pass
        stop.wait(1)
        stop.set()
        ids = [run_id for one in triggering for run_id in one.commit()]
        for one in turning:
            one.commit()

        from airflow.models.dagrun import DagRun

        sides = set()
        for run_id in ids:
            number = version_of(run_id, session)
            sides.add(number)
            assert (session.get(DagRun, run_id).run_after >= moment) == (number == 2)
        assert sides == {1, 2}
        assert events_of(session).count("pinned") == 2


def effect_is_seen(session):
    seen = session.scalar(select(Pin.version_number).where(Pin.dag_id == "orders")) == 2
    session.rollback()
    return seen


class TestClock:
    @pytest.mark.parametrize("skew", [timedelta(hours=2), timedelta(hours=-2)])
    def test_of_the_database_decides_when_it_is_time(self, skew, orders, session):
        now = datetime.now(timezone.utc)
        with time_machine.travel(now + skew):
            orders.pin_from("orders", 2, database_time(session) + timedelta(hours=1))
            Scheduler(session).turn()
            assert orders.pin_row("orders").version_number == 1
            orders.pin_from("orders", 2, database_time(session) - MINUTE, supersede=True)
            Scheduler(session).turn()
            assert orders.pin_row("orders").version_number == 2

    def test_of_a_host_that_is_wrong_moves_no_run_to_the_wrong_side(self, orders, session):
        moment = database_time(session) + timedelta(hours=1)
        orders.pin_from("orders", 2, moment)

        with time_machine.travel(moment + MINUTE):
            ahead = trigger("orders", "ahead")(session)
            session.commit()
        behind = trigger("orders", "behind")(session)
        session.commit()

        assert (version_of(ahead, session), version_of(behind, session)) == (2, 1)


def test_a_change_whose_time_passes_while_it_waits_for_the_dag_is_refused(orders, session, elsewhere):
    locked = select(DagModel.dag_id).where(DagModel.dag_id == "orders").with_for_update()
    holding = elsewhere(lambda own: own.execute(locked).all())
    holding.wait_until_acted()
    moment = database_time(session) + timedelta(seconds=1)
    change = orders.change(effective_from=moment)
    target = pins.Target(version_number=2)
    asking = elsewhere(lambda own: timed.pin_version("orders", target, change, session=own))
    asking.wait_until_locked_out()
    while database_time(session) <= moment:
        pass

    holding.commit()

    with pytest.raises(ActivationInPastError):
        asking.commit()


def state(session):
    session.rollback()
    session.expire_all()
    pin, dag = session.get_one(Pin, "orders"), session.get_one(DagModel, "orders")
    return {
        "pin": (pin.revision, pin.version_number, pin.pending_from, pin.effective_from),
        "events": session.execute(select(Event.kind, Event.revision).order_by(Event.id)).all(),
        "status": session.scalars(select(TimedChange.status)).all(),
        "dag": (dag.bundle_version, dag.timetable_summary, dag.max_active_runs),
    }


def test_a_scheduler_that_is_killed_leaves_a_change_pending_or_in_effect(orders, session):
    orders.pin_from("orders", 2, database_time(session) - MINUTE)
    old = state(session)
    session.close()
    for number in range(1, 150):
        if not killed_at(number, put_into_effect):
            break
        now = state(session)
        session.close()
        if now != old:
            # Killed after the commit of the change, by what follows it.
            break
    assert number > 20, "Hardly any statement was seen"
    new = state(session)
    assert new["status"] == ["in_effect"]
    assert new["pin"][1] == 2
    assert new["events"][:-1] == old["events"]
    assert new["dag"][0] == "sha2"
