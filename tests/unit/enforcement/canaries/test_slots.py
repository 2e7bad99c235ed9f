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
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, update

from airflow_providers_pinning.domain.canaries import gaps
from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag
from airflow_providers_pinning.domain.errors import InvalidIsolationError
from airflow_providers_pinning.models import Gap, RoutedRun
from airflow_providers_pinning.vocabulary import Slots
from tests.support.backfills import backfill
from tests.support.canaries import dag_with_tasks
from tests.support.clock import stopped
from tests.support.stock import without_enforcement
from tests.support.world import World, clear

START = datetime(2026, 2, 1, tzinfo=timezone.utc)


@pytest.fixture
def clock():
    gaps._followed.clear()
    gaps._needed.clear()
    with stopped(START) as clock:
        yield clock


def source(seconds, limit, *, catchup=False, tasks=("load",)):
    rules = dict.fromkeys(tasks, "all_success")
    text = dag_with_tasks(rules, f"schedule=timedelta(seconds={seconds}), max_active_runs={limit}")
    return text.replace("catchup=False", f"catchup={catchup}").replace(
        "datetime(2026, 1, 1, tzinfo=timezone.utc)", "datetime(2026, 1, 31, 23, 59, tzinfo=timezone.utc)"
    )


@pytest.fixture
def world(lab, scheduler, clock):
    """Return a function that registers version 1, which is pinned, and version 2 of Dag ``orders``."""

    def register(seconds, limit, **options):
        lab.commit("sha1", orders=source(seconds, limit, **options))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=source(seconds, limit, tasks=("load", "check"), **options))
        return World(lab, scheduler, clock)

    return register


def every(seconds, count, start):
    return [start + timedelta(seconds=seconds * number) for number in range(count)]


def test_stock_loses_the_ticks_of_a_dag_whose_only_slot_a_canary_has(world):
    """What all this is about; if Airflow mends it, less is needed."""
    orders = world(15, 1)
    orders.seconds = lambda run_id: 90 if run_id.startswith("canary") else 2
    orders.live_on(31)
    with without_enforcement():
        orders.request()
        orders.live_on(90)
    assert len(orders.ticks()) < 5


@pytest.mark.parametrize("catchup", [False, True])
def test_no_tick_is_lost_to_a_canary_that_takes_longer_than_the_schedule(world, catchup):
    orders = world(15, 1, catchup=catchup)
    orders.check = orders.assert_no_overlap
    orders.seconds = lambda run_id: 90 if run_id.startswith("canary") else 2
    orders.live_on(31)
    before = len(orders.ticks())
    orders.request()
    orders.live_on(90)
    assert orders.ticks()[before:] == every(15, 6, START + timedelta(seconds=45))
    assert {run.state for run in orders.live()[:-1]} == {"success"}
    assert orders.states() == ["failed"]


def test_canary_that_overruns_its_gap_is_ended_and_counts_as_failed(world, session):
    orders = world(15, 1)
    orders.seconds = lambda run_id: 90 if run_id.startswith("canary") else 2
    orders.live_on(31)
    [run_id] = orders.request()
    orders.live_on(20)
    [canary] = orders.canaries()
    assert (canary.state, canary.note) == ("failed", "overran its gap")
    record = session.get(RoutedRun, ("orders", run_id), populate_existing=True)
    assert (record.state, record.counts_as, record.outcome["reason"]) == ("failed", "failed", "overran_gap")
    assert {ti.task_id: ti.state for ti in canary.task_instances} == {"load": "failed", "check": "skipped"}
    assert session.scalars(select(Gap)).all() == []


def test_canary_that_fits_its_gap_succeeds(world, session):
    orders = world(15, 1)
    orders.check = orders.assert_no_overlap
    orders.live_on(31)
    orders.request(count=3)
    orders.live_on(60)
    assert orders.states() == ["success"] * 3
    assert orders.ticks()[-4:] == every(15, 4, START + timedelta(seconds=45))
    # Each had a gap of its own.
    starts = sorted(run.start_date for run in orders.canaries())
    assert all(later - earlier >= timedelta(seconds=5) for earlier, later in pairwise(starts))


def test_canary_whose_length_is_known_waits_for_a_gap_that_is_long_enough(world):
    orders = world(60, 1)
    orders.check = orders.assert_no_overlap
    orders.seconds = lambda run_id: 8 if run_id.startswith("canary") else 20
    orders.live_on(61)
    orders.live_on(24)
    [first] = orders.live()[-1:]
    took = first.end_date - first.start_date
    assert first.state == "success"
    # Less is left until the next tick than live runs take.
    orders.live_on(60 - 24 - took.total_seconds())
    orders.request()
    orders.live_on(took.total_seconds() - 1)
    assert orders.states() == ["queued"]
    orders.live_on(60)
    [canary] = orders.canaries()
    assert canary.state in ("running", "success")
    assert canary.start_date > START + timedelta(seconds=120) + took


def test_canary_of_a_dag_that_never_ran_takes_half_of_the_time_between_two_ticks(world):
    orders = world(600, 1)
    orders.live_on(1)
    # Nothing has run: the first tick is at once.
    assert [run.state for run in orders.live()] == ["running"]
    orders.session.execute(update(TaskInstance).values(state="success"))
    orders.live_on(2)
    orders.session.execute(update(DagRun).values(start_date=None, end_date=None))
    warned = orders.request_with_warnings()
    assert warned.warnings == ()
    orders.live_on(3)
    assert orders.states() == ["running"]


def test_live_run_triggered_by_hand_makes_a_canary_give_way(world):
    orders = world(3600, 1)
    orders.check = orders.assert_no_overlap
    orders.live_on(10)
    orders.seconds = lambda run_id: 1000 if run_id.startswith("canary") else 2
    orders.request()
    orders.live_on(5)
    assert orders.states() == ["running"]
    run_id = orders.trigger()
    orders.live_on(10)
    assert orders.states() == ["failed"]
    assert {run.run_id: run.state for run in orders.live()}[run_id] == "success"


def test_canary_of_a_dag_without_a_schedule_starts_when_nothing_runs(lab, scheduler, clock):
    text = dag_with_tasks({"load": "all_success"}, "schedule=None, max_active_runs=1")
    lab.commit("sha1", orders=text)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=text.replace("'load'", "'check'"))
    orders = World(lab, scheduler, clock)
    orders.check = orders.assert_no_overlap
    orders.trigger()
    orders.live_on(1)
    warned = orders.request_with_warnings(count=2).warnings
    assert "start one at a time, when no live run is active or waits." in warned[0]
    orders.live_on(20)
    assert orders.states() == ["success", "success"]


def test_live_run_starts_only_when_the_processes_of_the_canary_have_ended(world, scheduler):
    orders = world(3600, 1)
    orders.live_on(10)
    orders.seconds = lambda run_id: 1000 if run_id.startswith("canary") else 2
    orders.request()
    orders.live_on(5)
    runner = scheduler.runner
    runner.job.id = 7
    [ti] = orders.canaries()[0].get_task_instances(state=["running"], session=orders.session)
    ti.pid, ti.queued_by_job_id = 4711, 7
    orders.session.commit()
    key = ti.key
    runner.executors[0].running.add(key)
    orders.trigger()
    orders.live_on(20)
    assert (orders.states(), orders.live()[-1].state) == (["failed"], "queued")
    # As LocalExecutor does as soon as a task has begun.
    runner.executors[0].running.discard(key)
    orders.live_on(3)
    assert orders.live()[-1].state == "queued"
    runner.executors[0].change_state(key, "failed")
    runner._process_executor_events(runner.executors[0], orders.session)
    orders.session.commit()
    orders.live_on(3)
    assert orders.live()[-1].state == "running"


@pytest.fixture
def few_heartbeats(monkeypatch):
    """Let a task process end itself after three failed heartbeats, which are 30 by default since 3.4."""
    monkeypatch.setenv("AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS", "3")


def test_process_of_which_no_scheduler_knows_is_given_the_time_that_it_has_at_most(world, scheduler, few_heartbeats):
    orders = world(3600, 1)
    orders.live_on(10)
    orders.seconds = lambda run_id: 1000 if run_id.startswith("canary") else 2
    orders.request()
    orders.live_on(5)
    scheduler.runner.job.id = 7
    orders.session.execute(
        update(TaskInstance).where(TaskInstance.state == "running").values(pid=4711, queued_by_job_id=6)
    )
    orders.session.commit()
    orders.trigger()
    orders.live_on(40)
    assert orders.live()[-1].state == "queued"
    orders.live_on(5)
    assert orders.live()[-1].state == "success"


def test_canary_that_is_deleted_gives_its_gap_back(world, session, few_heartbeats):
    orders = world(3600, 1)
    orders.live_on(10)
    orders.seconds = lambda run_id: 1000
    orders.request()
    orders.live_on(5)
    session.delete(orders.canaries()[0])
    session.commit()
    orders.trigger()
    orders.live_on(30)
    assert orders.live()[-1].state == "queued"
    orders.live_on(20)
    assert orders.live()[-1].state == "running"
    assert session.scalars(select(Gap)).all() == []


def test_canary_that_is_cleared_waits_for_another_gap(world, session):
    orders = world(60, 1)
    orders.check = orders.assert_no_overlap
    orders.live_on(70)
    orders.request()
    orders.live_on(20)
    [canary] = orders.canaries()
    assert canary.state == "success"
    clear(canary, session)
    orders.live_on(60)
    [canary] = orders.canaries()
    assert (canary.state, canary.clear_number) == ("success", 1)
    assert orders.ticks() == every(60, 3, START)


def test_canary_of_a_paused_dag_waits_and_keeps_nothing_from_starting(world, session):
    orders = world(60, 1)
    orders.live_on(70)
    pause(session, True)
    warned = orders.request_with_warnings().warnings
    assert "is paused" in warned[0]
    orders.live_on(20)
    assert orders.states() == ["queued"]
    assert session.scalars(select(Gap)).all() == []
    pause(session, False)
    orders.live_on(25)
    assert orders.states() == ["success"]


def test_dag_that_is_paused_as_a_canary_is_about_to_start_gives_the_gap_back(world, session):
    orders = world(600, 1)
    orders.live_on(20)
    orders.request()
    orders.live_on(1)
    assert (orders.states(), len(session.scalars(select(Gap)).all())) == (["queued"], 1)
    pause(session, True)
    orders.live_on(2)
    assert (orders.states(), session.scalars(select(Gap)).all()) == (["queued"], [])


def pause(session, is_paused):
    session.execute(update(DagModel).values(is_paused=is_paused))
    session.commit()


def test_live_run_that_comes_as_a_canary_is_about_to_start_starts_first(world, session):
    orders = world(600, 1)
    orders.check = orders.assert_no_overlap
    orders.live_on(20)
    orders.request()
    orders.live_on(1)
    assert len(session.scalars(select(Gap)).all()) == 1
    orders.trigger()
    orders.live_on(2)
    assert (orders.states(), orders.live()[-1].state) == (["queued"], "running")
    orders.live_on(20)
    assert orders.states() == ["success"]


def test_canary_that_runs_when_the_limit_is_lowered_to_one_gives_way_from_then_on(lab, scheduler, clock, session):
    lab.commit("sha1", orders=source(30, 1))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source(30, 5))
    lab.pin("orders", 2)
    orders = World(lab, scheduler, clock)
    orders.seconds = lambda run_id: 300 if run_id.startswith("canary") else 2
    orders.live_on(10)
    orders.request()
    orders.live_on(10)
    assert session.get(RoutedRun, ("orders", orders.canaries()[0].run_id)).isolation["slots"] == "behind"
    orders.live_on(31)
    assert orders.states() == ["running"]
    lab.pin("orders", 1)
    orders.check = orders.assert_no_overlap
    orders.live_on(31)
    assert orders.states() == ["failed"]


def test_deleting_a_dag_forgets_its_gap(world, session):
    from airflow.api.common.delete_dag import delete_dag

    orders = world(600, 1)
    orders.live_on(20)
    orders.request()
    orders.live_on(1)
    delete_dag("orders", session=session)
    session.commit()
    assert session.scalars(select(Gap)).all() == []


@pytest.mark.parametrize(
    ("seconds", "limit", "told"),
    [
        (15, 1, "waits for a gap of 19 s, which the schedule 0:00:15 does not have: at most 0 s lie between"),
        (60, 1, "when no live run is active or waits, and the next one is more than 19 s away (as long as"),
    ],
)
def test_gap_that_is_waited_for_is_told(world, seconds, limit, told):
    orders = world(seconds, limit)
    orders.seconds = lambda run_id: 18
    orders.live_on(21)
    orders.live_on(1)
    warned = orders.request_with_warnings(count=2).warnings
    assert told in warned[0]


def test_time_since_an_overdue_tick_is_no_gap(world, session):
    """Else a canary run would be said to wait for a gap that never comes."""
    orders = world(120, 1)
    orders.live_on(140)
    # Nothing was scheduled meanwhile.
    orders.clock.advance(1200)
    dag_model = session.get(DagModel, "orders")
    assert timedelta(seconds=100) < gaps.longest_gap(active_dag("orders", session=session), dag_model, session=session)
    assert gaps.longest_gap(active_dag("orders", session=session), dag_model, session=session) < timedelta(seconds=120)


def test_continuous_dag_has_no_gap(lab, scheduler, clock):
    text = dag_with_tasks({"load": "all_success"}, "schedule='@continuous', max_active_runs=1")
    lab.commit("sha1", orders=text)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=text.replace("'load'", "'check'"))
    orders = World(lab, scheduler, clock)
    orders.check = orders.assert_no_overlap
    orders.live_on(10)
    assert "does not have" in orders.request_with_warnings().warnings[0]
    before = len(orders.live())
    orders.live_on(20)
    assert orders.states() == ["queued"]
    assert len(orders.live()) > before + 3


def test_version_that_must_not_overlap_makes_its_canaries_wait_for_a_gap(lab, scheduler, clock, session):
    lab.commit("sha1", orders=source(30, 5))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source(30, 1))
    orders = World(lab, scheduler, clock)
    orders.check = orders.assert_no_overlap
    orders.live_on(10)
    [run_id] = orders.request()
    assert session.get(RoutedRun, ("orders", run_id)).isolation["slots"] == "gap"
    orders.live_on(15)
    assert orders.states() == ["success"]


def test_canaries_that_wait_or_run_take_no_slots_of_a_dag_with_several(world):
    orders = world(15, 3)
    orders.seconds = lambda run_id: 100 if run_id.startswith("canary") else 2
    orders.live_on(31)
    before = len(orders.ticks())
    orders.request(count=5)
    orders.live_on(90)
    assert orders.ticks()[before:] == every(15, 6, START + timedelta(seconds=45))
    # As many at once as there may be live runs.
    assert orders.states() == ["running"] * 3 + ["queued"] * 2
    orders.live_on(150)
    assert orders.states() == ["success"] * 3 + ["running"] * 2


def test_canary_starts_behind_live_runs_that_wait(world):
    orders = world(3600, 2)
    orders.live_on(10)
    orders.seconds = lambda run_id: 20
    orders.trigger()
    orders.clock.advance(0.1)
    orders.trigger()
    orders.clock.advance(0.1)
    orders.trigger()
    assert "3 live runs of Dag 'orders' wait to start" in orders.request_with_warnings().warnings[0]
    orders.live_on(10)
    assert (orders.states(), [run.state for run in orders.live()[1:]]) == (["queued"], ["running", "running", "queued"])
    orders.live_on(20)
    assert orders.states() == ["running"]


def test_limit_of_active_canaries_is_told(world):
    orders = world(3600, 2)
    orders.live_on(10)
    orders.seconds = lambda run_id: 100
    assert orders.request_with_warnings(count=2).warnings == ()
    orders.live_on(5)
    warned = orders.request_with_warnings().warnings
    assert "has 2 active canary runs, which is as many as its limit of active runs allows" in warned[0]


def test_run_of_a_backfill_that_waits_for_its_own_limit_holds_no_canary_back(world, session):
    orders = world(3600, 2, catchup=True)
    orders.live_on(10)
    backfill_hours(session, max_active_runs=1)
    orders.seconds = lambda run_id: 20
    orders.request()
    orders.live_on(5)
    running = [run.run_type for run in orders.live() if run.state == "running"]
    assert (orders.states(), running) == (["running"], ["backfill"])


def test_canary_gives_way_to_a_backfill_of_a_dag_that_must_not_overlap(world, session):
    orders = world(3600, 1, catchup=True)
    orders.check = orders.assert_no_overlap
    orders.live_on(10)
    orders.seconds = lambda run_id: 1000 if run_id.startswith("canary") else 2
    orders.request()
    orders.live_on(5)
    assert orders.states() == ["running"]
    backfill_hours(session, max_active_runs=1)
    orders.live_on(60)
    assert orders.states() == ["failed"]
    assert [run.state for run in orders.live() if run.run_type == "backfill"] == ["success"] * 3


def backfill_hours(session, max_active_runs):
    start, end = START - timedelta(hours=3), START - timedelta(hours=1)
    backfill(start, end, max_active_runs=max_active_runs, run_on_latest_version=False)
    session.commit()


def test_asset_triggered_run_is_created_while_canaries_have_the_slots(lab, scheduler, clock, session):
    text = dag_with_tasks({"load": "all_success"}, "schedule=[Asset('raw')], max_active_runs=2")
    lab.commit("sha1", orders=text)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=text.replace("'load'", "'check'"))
    orders = World(lab, scheduler, clock)
    orders.seconds = lambda run_id: 1000 if run_id.startswith("canary") else 2
    orders.request(count=4)
    orders.live_on(5)
    lab.publish("raw")
    orders.live_on(10)
    assert [run.state for run in orders.live()] == ["success"]


def test_end_of_a_canary_does_not_count_live_runs_anew(world, session):
    """Without canary runs, a live run that was triggered by hand is counted when the next one is created or ends."""
    orders = world(60, 2)
    orders.live_on(50)
    orders.seconds = lambda run_id: 1 if run_id.startswith("canary") else 100
    orders.request()
    orders.live_on(2)
    orders.trigger()
    orders.clock.advance(0.1)
    orders.trigger()
    orders.live_on(20)
    assert orders.states() == ["success"]
    # Stock creates the tick at 60 s, which waits, as it would have without the canary.
    assert len(orders.ticks()) == 2


class TestSharedSlots:
    """A canary run that is asked to count as a live run."""

    def test_counts_against_the_limit_of_live_runs(self, world):
        orders = world(15, 1, catchup=True)
        orders.check = orders.assert_no_overlap
        orders.seconds = lambda run_id: 60 if run_id.startswith("canary") else 2
        orders.live_on(31)
        before = len(orders.ticks())
        orders.request(isolation=Isolation(slots=Slots.SHARED))
        orders.live_on(125)
        assert orders.states() == ["success"]
        # What fell due meanwhile waited.
        assert len(orders.ticks()) <= before + 2
        orders.live_on(60)
        assert [run.run_after for run in orders.live()] == every(15, len(orders.live()), orders.live()[0].run_after)

    def test_request_says_what_live_runs_it_may_cost(self, world):
        orders = world(15, 1)
        orders.seconds = lambda run_id: 40
        orders.live_on(120)
        told = orders.request_with_warnings(isolation=Isolation(slots=Slots.SHARED)).warnings[-1]
        assert "count as live runs (slots is 'shared'): each occupies one of 1 slot for about 4" in told
        assert "live runs may fall due in that time" in told
        assert "all but the last of them are skipped (catchup is off)" in told

    def test_starts_as_a_live_run_does_beside_others(self, world):
        orders = world(15, 2)
        orders.seconds = lambda run_id: 30
        orders.live_on(31)
        [run_id] = orders.request(isolation=Isolation(slots=Slots.SHARED))
        orders.live_on(120)
        assert orders.states() == ["success"]
        assert orders.session.get(RoutedRun, ("orders", run_id)).shares_slots is True


def test_canary_may_not_overlap_runs_that_must_never_overlap(world):
    orders = world(15, 1)
    with pytest.raises(InvalidIsolationError, match=r"Use 'gap'.*or 'shared'"):
        orders.request(isolation=Isolation(slots=Slots.BEHIND))
    assert orders.canaries() == []


def test_canary_of_a_dag_whose_runs_may_overlap_can_ask_for_a_gap(world):
    orders = world(60, 3)
    orders.check = orders.assert_no_overlap
    orders.live_on(61)
    orders.request(isolation=Isolation(slots=Slots.GAP))
    orders.live_on(60)
    assert orders.states() == ["success"]
