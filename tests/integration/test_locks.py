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
"""What a change of a pin locks: nothing that Airflow waits for while it holds what the change wants."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from airflow.models.asset import AssetActive, AssetDagRunQueue, AssetEvent, AssetModel
from airflow.models.dag import DagModel, DagOwnerAttributes
from airflow.models.dag_favorite import DagFavorite
from airflow.models.dagrun import DagRun
from airflow.models.dagwarning import DagWarning, DagWarningType
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from airflow_providers_pinning.domain.changes.pins import Target, pin_version, unpin
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.patch_points import RELEASE
from tests.integration.test_concurrent_writes import dedented, parse
from tests.integration.test_racing_runs import trigger
from tests.support.patience import PATIENCE
from tests.support.sources import CHANGED, STABLE

CHANGE = Change(Caller("alice"), "because")

PLAIN = """
    from airflow.sdk import DAG, task

    with DAG("orders", schedule=None):
        @task
        def make(): ...
        make()
"""
WITH_ASSET = """
    from airflow.sdk import DAG, Asset, task

    with DAG("orders", schedule=None):
        @task(outlets=[Asset("stock", uri="s3://stock"), Asset("clash", uri="s3://clash")])
        def make(): ...
        make()
"""
CLASHING = """
    from airflow.sdk import DAG, Asset, task

    with DAG("billing", schedule=None):
        @task(outlets=[Asset("clash", uri="s3://another")])
        def make(): ...
        make()
"""


def pin(number, dag_id="orders"):
    return lambda session: pin_version(dag_id, Target(version_number=number), CHANGE, session=session)


@contextmanager
def stopped_before(statement):
    """Stop the statement that begins so in one session, and give how to learn of it and how to let it go on."""
    from airflow import settings

    reached, may_go_on = threading.Event(), threading.Event()
    mine = threading.local()

    def wait(connection, cursor, sent, parameters, context, executemany):
        if getattr(mine, "stops", False) and sent.startswith(statement):
            reached.set()
            assert may_go_on.wait(PATIENCE)

    def stopping(action):
        def act(session):
            mine.stops = True
            return action(session)

        return act

    event.listen(settings.engine, "before_cursor_execute", wait)
    try:
        yield stopping, reached, may_go_on
    finally:
        may_go_on.set()
        event.remove(settings.engine, "before_cursor_execute", wait)


@pytest.fixture
def registered(lab):
    """Register a Dag in two versions; no run used the first, which a candidate keeps."""
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    return lab


class TestAssetOrphanage:
    """The scheduler's ``_update_asset_orphanage``, whose failure ends the scheduler."""

    @pytest.fixture
    def clashing(self, lab):
        """
        Register what makes the orphanage write two things at once: what the pin will write, and a warning of its Dag.

        The pinned version and the latest one have assets; another Dag has one of the same name, so it cannot be
        activated, of which the Dag is warned.
        """
        lab.commit("sha1", orders=WITH_ASSET)
        lab.candidate("orders", 1)
        lab.commit("sha2", billing=CLASHING, orders=WITH_ASSET.replace("make", "make_more"))
        lab.session.execute(delete(AssetActive))
        of_billing = select(AssetModel).where(AssetModel.name == "clash", AssetModel.uri.contains("another"))
        lab.session.add(AssetActive.for_asset(lab.session.scalars(of_billing).one()))
        lab.session.commit()
        return lab

    def test_and_a_pin_never_wait_for_each_other(self, clashing, elsewhere, scheduler):
        with stopped_before("INSERT INTO asset_active") as (stopping, reached, may_go_on):
            pinning = elsewhere(stopping(pin(1)))
            assert reached.wait(PATIENCE)
            # It activates the asset and warns of the one that clashes, which refers to the pinned Dag.
            cleaning = elsewhere(lambda session: scheduler.runner._update_asset_orphanage(session=session))
            cleaning.wait_until_acted_or_locked_out()
            may_go_on.set()
            cleaning.commit()
            pinning.commit()
        warned = select(DagWarning.dag_id).where(DagWarning.warning_type == DagWarningType.ASSET_CONFLICT)
        assert set(clashing.session.scalars(warned)) == {"orders"}
        assert clashing.pin_row("orders").version_number == 1

    @pytest.mark.parametrize("error", [OperationalError, IntegrityError])
    def test_that_loses_a_race_is_made_at_its_next_turn(self, error, clashing, scheduler, monkeypatch, caplog):
        class Lost(Exception):
            pgcode = "40P01" if error is OperationalError else "23505"

        def lose(*args, **kwargs):
            raise error("INSERT INTO asset_active", {}, Lost("deadlock detected"))

        with monkeypatch.context() as patched:
            patched.setattr(type(scheduler.runner), "_orphan_unreferenced_assets", staticmethod(lose))
            scheduler.runner._update_asset_orphanage()
        assert "is retried in the next loop" in caplog.text
        scheduler.runner._update_asset_orphanage()
        assert set(clashing.session.scalars(select(AssetActive.name))) == {"stock", "clash"}

    def test_that_meets_an_asset_which_a_pin_activated_meanwhile_is_made_at_its_next_turn(
        self, clashing, elsewhere, scheduler
    ):
        with stopped_before("INSERT INTO asset_active") as (stopping, reached, may_go_on):
            cleaning = elsewhere(stopping(lambda session: scheduler.runner._update_asset_orphanage()))
            assert reached.wait(PATIENCE)
            clashing.pin("orders", 1)
            may_go_on.set()
            cleaning.commit()


# Since Airflow 3.4 a queued event names the event; before, one row stood for all events of an asset.
OF_EVENT = {"asset_event_id": 1} if RELEASE >= (3, 4) else {}
REFERENCES = {
    "warning": lambda: DagWarning("orders", DagWarningType.NONEXISTENT_POOL, "no such pool"),
    "favorite": lambda: DagFavorite(user_id="bob", dag_id="orders"),
    "owner": lambda: DagOwnerAttributes(dag_id="orders", owner="bob", link="https://example.com"),
    "queued event": lambda: AssetDagRunQueue(asset_id=1, target_dag_id="orders", **OF_EVENT),
}


class TestWhileAPinIsUnderWay:
    @pytest.mark.parametrize("what", REFERENCES)
    def test_what_merely_refers_to_the_dag_does_not_wait(self, what, registered, elsewhere, session):
        session.add_all([AssetModel(id=1, name="stock", uri="s3://stock"), AssetEvent(id=1, asset_id=1)])
        session.commit()
        pinning = elsewhere(pin(1))
        pinning.wait_until_acted()
        session.execute(text("SET LOCAL lock_timeout = '5s'"))
        session.add(REFERENCES[what]())
        session.commit()
        pinning.commit()

    def test_other_writers_of_its_row_wait(self, registered, elsewhere, session):
        pinning = elsewhere(pin(1))
        pinning.wait_until_acted()
        pausing = elsewhere(lambda own: own.execute(update(DagModel).values(is_paused=True)).rowcount)
        pausing.wait_until_locked_out()
        pinning.commit()
        assert pausing.commit() == 1

    def test_another_dag_gets_its_runs(self, registered, lab, elsewhere):
        lab.commit("sha2", other=STABLE.replace("orders", "other"))
        pinning = elsewhere(pin(1))
        pinning.wait_until_acted()
        triggering = elsewhere(trigger("other"))
        triggering.wait_until_acted()
        triggering.commit()
        pinning.commit()


@pytest.mark.parametrize("was_pinned", [False, True], ids=["never pinned", "pinned before"])
class TestClearing:
    """A Dag that was never pinned has no row of ours that could be locked."""

    @pytest.fixture
    def cleared(self, lab, was_pinned):
        """Return an action that clears a run on the latest version."""
        lab.commit("sha1", orders=STABLE)
        trigger("orders")(lab.session)
        lab.session.commit()
        if was_pinned:
            lab.pin("orders", 1)
            lab.unpin("orders")
        lab.commit("sha2", orders=CHANGED)

        def clear(own):
            instances = own.scalars(select(TaskInstance).where(TaskInstance.dag_id == "orders")).all()
            clear_task_instances(instances, own, run_on_latest_version=True)
            own.flush()
            return set(own.scalars(select(DagRun.bundle_version)))

        return clear

    def test_is_waited_for_by_a_pin(self, cleared, lab, elsewhere):
        clearing = elsewhere(cleared)
        clearing.wait_until_acted()
        pinning = elsewhere(pin(1))
        pinning.wait_until_locked_out()
        assert clearing.commit() == {"sha2"}
        pinning.commit()
        assert lab.pin_row("orders").version_number == 1

    def test_waits_for_a_pin_and_goes_by_it(self, cleared, elsewhere):
        pinning = elsewhere(pin(1))
        pinning.wait_until_acted()
        clearing = elsewhere(cleared)
        clearing.wait_until_locked_out()
        pinning.commit()
        assert clearing.commit() == {"sha1"}


class TestBrokenPinInTheScheduler:
    """The scheduler holds the Dag's row, so it may not wait for a change that waits for the row."""

    def test_and_a_repair_of_the_pin_never_wait_for_each_other(self, registered, elsewhere):
        from airflow_providers_pinning.domain.errors import PinUnavailableError
        from airflow_providers_pinning.domain.resolution.locked_pin import lock_active_pin
        from airflow_providers_pinning.domain.resolution.locked_rows import rows_locked

        registered.pin("orders", 1)
        registered.break_pin("orders")
        holding, may_create = threading.Event(), threading.Event()

        def schedule(own):
            own.execute(select(DagModel.dag_id).where(DagModel.dag_id == "orders").with_for_update(key_share=True))
            with rows_locked(["orders"], session=own):
                holding.set()
                assert may_create.wait(PATIENCE)
                with pytest.raises(PinUnavailableError):
                    lock_active_pin("orders", session=own)

        scheduling = elsewhere(schedule)
        assert holding.wait(PATIENCE)
        repairing = elsewhere(pin(2))
        repairing.wait_until_locked_out()
        may_create.set()
        scheduling.commit()
        repairing.commit()
        assert registered.pin_row("orders").version_number == 2


class Crowd:
    """Everything that takes locks, on two Dags that share assets."""

    FIRST = {"orders": WITH_ASSET, "invoices": WITH_ASSET.replace("orders", "invoices")}
    SECOND = {name: source.replace("make", "make_more") for name, source in FIRST.items()}

    def __init__(self, lab, scheduler):
        self.lab, self.scheduler, self.done = lab, scheduler, threading.Event()
        lab.commit("sha1", **self.FIRST)
        for dag_id in self.FIRST:
            lab.candidate(dag_id, 1)
        lab.commit("sha2", **self.SECOND)

    def until_done(self, act):
        """Return an action that is repeated until all are done, and gives how often."""

        def repeat(session):
            rounds = 0
            while not self.done.is_set():
                act(session, rounds)
                session.commit()
                rounds += 1
            return rounds

        return repeat

    def clean(self, session, number):
        session.execute(delete(AssetActive).where(AssetActive.name == "stock"))
        session.commit()
        self.scheduler.runner._update_asset_orphanage()

    def create(self, session, number):
        for dag_id in sorted(self.FIRST, reverse=bool(number % 2)):
            trigger(dag_id, f"{threading.get_ident()}_{number}")(session)

    def parse(self, session, number):
        sources = {name: dedented(source) for name, source in self.SECOND.items()}
        parse(self.lab, "sha2", **sources)(session)

    @staticmethod
    def flip(dag_id):
        def act(session):
            for turn in range(25):
                (unpin(dag_id, CHANGE, session=session) if turn % 3 == 2 else pin(1 + turn % 3, dag_id)(session))
                session.commit()

        return act


def test_pins_runs_parses_and_the_scheduler_at_full_speed_never_deadlock(lab, elsewhere, scheduler):
    """The fixture asks the server for deadlocks."""
    crowd = Crowd(lab, scheduler)
    beside = [elsewhere(crowd.until_done(act)) for act in (crowd.clean, crowd.create, crowd.create, crowd.parse)]
    try:
        flipping = [elsewhere(crowd.flip(dag_id)) for dag_id in crowd.FIRST]
        for one in flipping:
            one.commit()
    finally:
        # Else the others would go on for ever where this fails.
        crowd.done.set()
    assert all(one.commit() for one in beside)
