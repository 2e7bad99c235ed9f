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
"""A pin that commits while a run is being created: the run is wholly of the one version or of the other."""

from __future__ import annotations

import threading

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes.pin_row import lock_pins
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.models import Pin
from tests.support.patience import PATIENCE
from tests.support.sources import CHANGED, STABLE

TASKS = {1: {"extract", "load"}, 2: {"extract", "transform", "load"}}
BUNDLE_VERSIONS = {1: "sha1", 2: "sha2"}
ROUNDS = 15


def pin(dag_id, number):
    change = Change(Caller("alice"), "because")
    return lambda session: pin_version(dag_id, Target(version_number=number), change, session=session)


def trigger(dag_id, run_id="triggered"):
    return lambda session: (
        trigger_dag(dag_id, triggered_by=DagRunTriggeredByType.REST_API, run_id=run_id, session=session).id
    )


def client(prefix, together, runs=3):
    """Return an action that creates runs of Dag ``orders`` one by one, once everybody is ready."""

    def act(own):
        together.wait(PATIENCE)
        for number in range(runs):
            trigger("orders", f"{prefix}_{number}")(own)
            own.commit()

    return act


@pytest.fixture
def two_versions(lab, scheduler):
    """Return a function that registers two versions of a Dag that was never pinned; the second is the latest."""

    def register(dag_id="orders"):
        lab.commit("sha1", **{dag_id: STABLE.replace('"orders"', f'"{dag_id}"')})
        # Stock keeps a version only if a run has used it.
        trigger(dag_id, "first")(lab.session)
        lab.session.commit()
        lab.commit("sha2", **{dag_id: CHANGED.replace('"orders"', f'"{dag_id}"')})
        assert lab.numbers(dag_id) == [1, 2]

    return register


def version_of(run_id, session):
    """Check that a run is wholly of one version, and return which."""
    session.rollback()
    run = session.get(DagRun, run_id, populate_existing=True)
    number = session.scalar(select(DagVersion.version_number).where(DagVersion.id == run.created_dag_version_id))
    assert run.bundle_version == BUNDLE_VERSIONS[number]
    instances = session.execute(
        select(TaskInstance.task_id, TaskInstance.dag_version_id).where(
            TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id
        )
    ).all()
    assert {instance.task_id for instance in instances} == TASKS[number]
    assert {instance.dag_version_id for instance in instances} == {run.created_dag_version_id}
    return number


def clear_on_latest(dag_id):
    def clear(session):
        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id)).first()
        clear_task_instances(list(run.task_instances), session, run_on_latest_version=True)

    return clear


@pytest.mark.parametrize("act", [trigger("orders"), clear_on_latest("orders")], ids=["trigger", "clear"])
def test_change_of_more_dags_than_the_server_has_locks_for_is_waited_for_too(act, two_versions, elsewhere, monkeypatch):
    monkeypatch.setattr(locks, "GATES_AT_ONCE", 0)
    two_versions()
    releasing = elsewhere(lambda session: len(lock_pins(["orders"], session=session)))
    releasing.wait_until_acted()
    acting = elsewhere(act)
    acting.wait_until_locked_out()
    releasing.commit()
    acting.commit()


class TestFirstPinOfADag:
    def test_a_run_that_waits_for_it_is_of_the_pinned_version(self, two_versions, elsewhere, session):
        two_versions()
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_acted()
        triggering = elsewhere(trigger("orders"))
        triggering.wait_until_locked_out()
        pinning.commit()
        assert version_of(triggering.commit(), session) == 1

    def test_waits_for_a_run_that_began_before(self, two_versions, elsewhere, session):
        two_versions()
        triggering = elsewhere(trigger("orders"))
        triggering.wait_until_acted()
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_locked_out()
        run_id = triggering.commit()
        pinning.commit()
        assert version_of(run_id, session) == 2
        assert session.get(Pin, "orders").last_run_before >= run_id
        assert escaped_runs(session=session) == []

    def test_a_run_whose_dag_was_read_before_it_is_of_the_pinned_version(self, two_versions, lab, elsewhere, session):
        two_versions()
        read, pinned = threading.Event(), threading.Event()

        def create(own):
            dag = own.scalar(SerializedDagModel.latest_item_select_object("orders")).dag
            assert set(dag.task_ids) == TASKS[2]
            read.set()
            assert pinned.wait(PATIENCE)
            return trigger_with(dag, own)

        creating = elsewhere(create)
        assert read.wait(PATIENCE)
        lab.pin("orders", 1)
        pinned.set()
        assert version_of(creating.commit(), session) == 1

    def test_the_scheduler_leaves_a_dag_alone_while_it_is_pinned(self, two_versions, elsewhere, scheduler, session):
        two_versions()
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_acted()
        scheduler.create_due_runs()
        scheduled = select(DagRun.id).where(DagRun.run_type == "scheduled")
        assert session.scalars(scheduled).all() == []
        pinning.commit()
        scheduler.create_due_runs()
        [run_id] = session.scalars(scheduled)
        assert version_of(run_id, session) == 1

    def test_races_triggers_at_full_speed(self, two_versions, elsewhere, session):
        for turn in range(ROUNDS):
            dag_id = f"orders_{turn}"
            two_versions(dag_id)
            start = threading.Barrier(3)

            def pinning(own, dag_id=dag_id, start=start):
                start.wait(PATIENCE)
                pin(dag_id, 1)(own)

            def triggering(own, dag_id=dag_id, start=start):
                start.wait(PATIENCE)
                run_ids = []
                for number in range(4):
                    run_ids.append(trigger(dag_id, f"{threading.get_ident()}_{number}")(own))
                    own.commit()
                return run_ids

            actions = [elsewhere(pinning), elsewhere(triggering), elsewhere(triggering)]
            _, *created = [action.commit() for action in actions]
            last_run_before = session.get(Pin, dag_id, populate_existing=True).last_run_before
            for run_ids in created:
                versions = [version_of(run_id, session) for run_id in run_ids]
                # Once a client got the pinned version, it never gets another.
                assert versions == sorted(versions, reverse=True)
                assert all(
                    number == 1 for number, run_id in zip(versions, run_ids, strict=True) if run_id > last_run_before
                )
        assert escaped_runs(session=session) == []


def test_a_moving_pin_never_mixes_versions(two_versions, elsewhere, lab, session):
    two_versions()
    lab.pin("orders", 1)

    def flip(own):
        for turn in range(40):
            pin("orders", 1 + turn % 2)(own)
            own.commit()

    def triggering(own):
        run_ids = []
        for number in range(25):
            run_ids.append(trigger("orders", f"{threading.get_ident()}_{number}")(own))
            own.commit()
        return run_ids

    flipping, *clients = [elsewhere(flip), elsewhere(triggering), elsewhere(triggering), elsewhere(triggering)]
    created = [run_id for client in clients for run_id in client.commit()]
    flipping.commit()
    assert {version_of(run_id, session) for run_id in created} <= {1, 2}
    assert escaped_runs(session=session) == []


def trigger_with(dag, session):
    from airflow._shared.timezones import timezone
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    return dag.create_dagrun(
        run_id="read_before",
        run_after=timezone.utcnow(),
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.REST_API,
        state=DagRunState.QUEUED,
        session=session,
    ).id
