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
"""What Airflow 3.4 added to scheduling: draining, schedules that assets gate, several runs in a turn, loops."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel, DagSchedulingState
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.difference.compare import compare_versions
from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.sources import dag_file

DAILY = dag_file("orders", "schedule='@daily'")
ON_ASSET = dag_file("orders", "schedule=[Asset('raw')]", "extract")
GATED = "from airflow.sdk import AssetAndTimeSchedule, CronDataIntervalTimetable\n" + dag_file(
    "orders",
    "schedule=AssetAndTimeSchedule(assets=Asset('raw'), timetable=CronDataIntervalTimetable('@daily', 'UTC'))",
)
LOOP = """
@task_group
def refine():
    @task
    def improve():
        return 1
    improve()

refine.loop(max_iterations=3)
"""


def drain(lab, state=DagSchedulingState.DRAINING):
    lab.dag_model("orders").set_scheduling_state(state)
    lab.session.commit()


class TestDraining:
    def test_a_pinned_dag_gets_no_scheduled_run_until_it_ends(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule='@hourly'"))
        drain(lab)
        scheduler.create_due_runs()
        assert lab.runs("orders") == []

        drain(lab, DagSchedulingState.ACTIVE)
        scheduler.create_due_runs()

        [run] = lab.runs("orders")
        assert lab.used_versions(run) == {1}

    def test_lasts_when_a_version_is_registered_pinned_or_unpinned(self, lab):
        lab.commit("sha1", orders=DAILY)
        drain(lab)

        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule='@hourly'"))
        lab.pin("orders", 2)
        lab.unpin("orders")

        assert lab.dag_model("orders").is_draining

    @pytest.mark.parametrize("max_active_runs", [1, 2], ids=["in a gap", "behind live runs"])
    def test_canary_runs_start_although_a_scheduled_run_is_overdue(self, lab, scheduler, max_active_runs):
        arguments = f"schedule='@daily', max_active_runs={max_active_runs}"
        lab.commit("sha1", orders=dag_with_tasks({"extract": "all_success"}, arguments))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_with_tasks({"extract": "all_success", "load": "all_success"}, arguments))
        drain(lab)
        overdue = timezone.utcnow() - timedelta(hours=1)
        lab.session.execute(update(DagModel).values(next_dagrun_create_after=overdue))
        lab.session.commit()
        canaries = Canaries(lab, scheduler)

        run_id = canaries.start()

        assert canaries.finish(run_id) == DagRunState.SUCCESS

    def test_is_told_beside_the_next_runs(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule='@hourly'"))
        drain(lab)

        assert "The Dag is draining" in compare_versions("orders", session=lab.session).schedule.note


class TestScheduleThatAssetsGate:
    def test_of_the_pinned_version_holds_although_head_has_none(self, lab, scheduler):
        lab.commit("sha1", orders=GATED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=DAILY)
        assert lab.dag_model("orders").timetable_asset_gated

        scheduler.create_due_runs()
        assert lab.runs("orders") == []
        lab.publish("raw")
        scheduler.create_due_runs()

        [run] = lab.runs("orders")
        assert lab.used_versions(run) == {1}
        assert len(run.consumed_asset_events) == 1

    def test_of_head_does_not_hold_runs_of_the_pinned_version_up(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=GATED)
        assert not lab.dag_model("orders").timetable_asset_gated

        scheduler.create_due_runs()

        [run] = lab.runs("orders")
        assert lab.used_versions(run) == {1}


def test_several_runs_of_a_turn_are_all_of_the_pinned_version(lab, scheduler):
    lab.commit("sha1", orders=ON_ASSET)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('raw')]", "extract load"))
    for _ in range(3):
        lab.publish("raw")

    scheduler.create_due_runs()

    assert [lab.used_versions(run) for run in lab.runs("orders")] == [{1}, {1}, {1}]
    assert all(lab.task_ids(run) == {"extract"} for run in lab.runs("orders"))


@pytest.mark.parametrize("with_canary", [False, True], ids=["stock", "with a canary run"])
def test_an_event_whose_live_run_was_deleted_is_consumed_again(lab, scheduler, session, with_canary):
    # With catchup, events that no run has consumed are looked for, not only those that are queued.
    source = dag_file("orders", "schedule=[Asset('raw')]", "extract").replace("catchup=False", "catchup=True")
    lab.commit("sha1", orders=source)
    lab.pin("orders", 1)
    lab.publish("raw")
    scheduler.create_due_runs()
    [live] = lab.runs("orders")
    live.state = DagRunState.SUCCESS
    session.commit()
    if with_canary:
        lab.commit("sha2", orders=source + "    EmptyOperator(task_id='load')\n")
        [canary_id] = create_canary_runs("orders", CanaryRequest(2), lab.change(), session=session).run_ids
        [canary] = [run for run in lab.runs("orders") if run.run_id == canary_id]
        assert len(canary.consumed_asset_events) == 1
    session.delete(live)
    session.commit()

    lab.publish("raw")
    scheduler.create_due_runs()

    live = [run for run in lab.runs("orders") if run.run_type == "asset_triggered"]
    assert sorted(len(run.consumed_asset_events) for run in live) == [1, 1]


@pytest.fixture
def looping(lab, scheduler, session):
    """Return a run of a pinned Dag whose loop goes on to another pass, of which another version is the latest."""
    lab.commit("sha1", orders=dag_file("orders", "schedule='@daily'", "", LOOP))
    lab.pin("orders", 1)
    scheduler.create_due_runs()
    lab.commit("sha2", orders=dag_file("orders", "schedule='@daily'", "", LOOP + "\nEmptyOperator(task_id='added')\n"))
    scheduler.start_and_decide(turns=2)
    [run] = lab.runs("orders")
    dag = lab.serialized("orders", 1).dag
    group = dag.task_group.children["refine"]
    for ti in run.task_instances:
        ti.state = TaskInstanceState.SUCCESS
    session.flush()
    [gate] = [ti for ti in run.task_instances if ti.task_id == group.gate_task_id]
    gate.task = dag.get_task(gate.task_id)
    run.complete_loop_gate(gate, group, TaskInstanceState.SUCCESS, stop=False, reason=None, session=session)
    session.commit()
    session.expire_all()
    return run


class TestLoop:
    def test_each_pass_is_of_the_version_of_its_run(self, looping, lab, scheduler):
        scheduler.start_and_decide(turns=2)

        [run] = lab.runs("orders")
        assert {ti.region_index for ti in run.task_instances} == {0, 1}
        assert lab.used_versions(run) == {1}
        assert "added" not in lab.task_ids(run)

    def test_a_pass_that_is_cleared_stays_of_the_version_of_its_run(self, looping, lab, session):
        from airflow.models.taskinstance import clear_task_instances

        clear_task_instances([ti for ti in looping.task_instances if ti.region_index == 0], session)
        session.commit()

        assert lab.used_versions(looping) == {1}


def test_a_live_run_reads_no_xcom_of_a_canary_run_in_the_new_table(lab, scheduler, session):
    lab.commit("sha1", orders=dag_with_tasks({"extract": "all_success"}))
    lab.pin("orders", 1)
    canaries = Canaries(lab, scheduler)
    of_canary = canaries.run(canaries.start(1, logical_date=timezone.datetime(2026, 1, 1, 0, 0, 0, 1)))
    scheduler.create_due_runs()
    [live] = [run for run in lab.runs("orders") if run.run_id != of_canary.run_id]
    for run, value in ((of_canary, "canary"), (live, "live")):
        [ti] = run.task_instances
        XComModel.set_for_attempt(task_instance_id=ti.id, key="watermark", value=value, session=session)
    session.commit()

    def read(run, **how):
        return [xcom.value for xcom in session.scalars(XComModel.get_many(run_id=run.run_id, dag_ids="orders", **how))]

    assert read(live, include_prior_dates=True) == read(live)
    assert len(read(live)) == len(read(of_canary)) == 1


def test_what_a_run_took_has_its_earlier_tries(lab, scheduler, session):
    lab.commit("sha1", orders=dag_with_tasks({"extract": "all_success"}, more=", retries=1"))
    lab.pin("orders", 1)
    canaries = Canaries(lab, scheduler)
    run_id = canaries.start(1)
    canaries.retry(run_id, "extract")

    table = TaskInstance.__table__
    rows = session.execute(select(table.c.working_set, table.c.dag_version_id).where(table.c.run_id == run_id)).all()

    assert sorted(bool(row.working_set) for row in rows) == [False, True]
    assert {row.dag_version_id for row in rows} == {lab.version("orders", 1).id}
    assert session.scalars(select(DagRun.state).where(DagRun.run_id == run_id)).one() == DagRunState.RUNNING
