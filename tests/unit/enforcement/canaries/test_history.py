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

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.serialization.definitions.deadline import SerializedReferenceModels
from airflow.utils.state import DagRunState, TaskInstanceState
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import RoutedRun
from tests.support.execution_api import execution_api
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement

OF_ORDERS = SimpleNamespace(dag_id="orders")
"""What Airflow 3.4 takes the Dag of a deadline from."""

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def daily(tasks="extract load", body="", *, catchup=True):
    source = dag_file("orders", "schedule='@daily', max_active_runs=50", tasks, body)
    return source.replace("catchup=False", f"catchup={catchup}")


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


class History:
    """A Dag's runs, one a day, and canary runs between them."""

    def __init__(self, lab, scheduler, time_machine, client):
        self.lab, self.scheduler, self.clock, self.client = lab, scheduler, time_machine, client
        self.session = lab.session
        self.days = 0

    def live(self):
        """Let the scheduler create the run of the next day."""
        self.days += 1
        self.clock.move_to(FIRST + (self.days - 1) * DAY + timedelta(seconds=5), tick=True)
        before = {run.run_id for run in self.lab.runs("orders")}
        self.scheduler.create_due_runs()
        [run] = [run for run in self.lab.runs("orders") if run.run_id not in before]
        assert run.logical_date == FIRST + (self.days - 1) * DAY
        return run

    def canary(self):
        """Create a canary run between the last live run and the next."""
        self.clock.shift(timedelta(hours=1))
        created = create_canary_runs("orders", CanaryRequest(2), self.lab.change(), session=self.session)
        self.session.commit()
        return self.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0])).one()

    def replay(self):
        """Replay the last live run that was successful."""
        self.clock.shift(timedelta(hours=1))
        request = CanaryRequest(2, replay=Replay(last=1))
        created = create_canary_runs("orders", request, self.lab.change(), session=self.session)
        self.session.commit()
        return self.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0])).one()

    def end(self, run, state=TaskInstanceState.SUCCESS):
        """End a run as the scheduler does once its tasks are through."""
        run.state = DagRunState.RUNNING
        for ti in run.task_instances:
            ti.state, ti.end_date = state, ti.end_date or datetime.now(timezone.utc)
        self.session.flush()
        run.dag = DBDagBag().get_dag_for_run(run, session=self.session)
        run.update_state(session=self.session, execute_callbacks=False)
        self.session.commit()
        assert run.state == state

    def ti(self, run, task_id="extract"):
        self.session.commit()
        return self.session.scalars(
            select(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id)
        ).one()

    def ready(self, run):
        """Return the ids of the tasks that the scheduler would start now."""
        run.state = DagRunState.RUNNING
        run.dag = DBDagBag().get_dag_for_run(run, session=self.session)
        ready = {ti.task_id for ti in run.task_instance_scheduling_decisions(session=self.session).schedulable_tis}
        self.session.commit()
        return ready

    def previous_end(self, run):
        """Ask for ``prev_data_interval_end_success`` as a task does."""
        found = self.client.task_instances.get_previous_successful_dagrun(self.ti(run).id)
        return found.data_interval_end


@pytest.fixture
def begin(lab, scheduler, time_machine, client):
    """Return a function that pins one version of the Dag and registers another."""

    def register(old, new):
        time_machine.move_to(FIRST)
        lab.commit("sha1", orders=old)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=new)
        return History(lab, scheduler, time_machine, client)

    return register


@pytest.fixture
def history(begin):
    return begin(daily(), daily("extract load check"))


@pytest.mark.parametrize("outcome", [TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])
def test_an_incremental_load_has_no_gap_and_no_overlap_with_canary_runs_between_all_its_runs(history, outcome):
    loaded = []
    for _ in range(4):
        run = history.live()
        history.end(history.canary(), outcome)
        loaded.append((history.previous_end(run) or FIRST, run.data_interval_end))
        history.end(run)
        trial = history.canary()
        assert history.previous_end(trial) == run.data_interval_end
        history.end(trial, outcome)

    assert loaded == [(FIRST, FIRST), *((FIRST + day * DAY, FIRST + (day + 1) * DAY) for day in range(3))]


@pytest.mark.parametrize("outcome", [TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])
def test_each_replay_loads_what_its_original_did_and_no_live_run_anything_else(history, outcome):
    def range_of(run):
        return (history.previous_end(run) or FIRST, run.data_interval_end)

    loaded, replayed = [], []
    for day in range(4):
        run = history.live()
        if day:
            trial = history.replay()
            replayed.append(range_of(trial))
            history.end(trial, outcome)
            history.end(history.canary(), outcome)
        loaded.append(range_of(run))
        history.end(run)
        history.end(history.replay(), outcome)

    assert loaded == [(FIRST, FIRST), *((FIRST + day * DAY, FIRST + (day + 1) * DAY) for day in range(3))]
    assert replayed == loaded[:3]


def test_a_replay_whose_tasks_depend_on_the_past_waits_for_no_run_that_its_original_did_not(begin):
    history = begin(*(daily(tasks, depending("extract"), catchup=False) for tasks in ("load", "load check")))
    history.end(history.live())
    history.end(history.live())
    trial = history.replay()
    history.end(history.live(), TaskInstanceState.FAILED)

    assert history.ready(trial) == {"extract", "load"}


def test_without_the_enforcement_the_load_skips_what_lay_before_the_canary(history):
    history.end(history.live())
    history.end(history.canary())
    run = history.live()

    assert history.previous_end(run) == FIRST
    with without_enforcement("get_previous_successful_dagrun"):
        assert history.previous_end(run) > FIRST


def test_a_run_whose_id_only_looks_like_a_canarys_is_a_live_run(history):
    history.end(history.live())
    mine = history.canary()
    history.session.execute(delete(RoutedRun))
    history.end(mine)

    assert history.previous_end(history.live()) == mine.data_interval_end


def depending(name):
    return f"EmptyOperator(task_id={name!r}, depends_on_past=True, ignore_first_depends_on_past=True)\n"


@pytest.mark.parametrize("catchup", [True, False])
def test_tasks_that_depend_on_the_past_wait_for_live_runs_only(begin, catchup):
    old, new = (daily(tasks, depending("extract"), catchup=catchup) for tasks in ("", "check"))
    history = begin(old, new)
    first = history.live()
    trial = history.canary()
    assert history.ready(first) == {"extract"}
    history.end(first)
    history.end(trial, TaskInstanceState.FAILED)

    assert history.ready(history.live()) == {"extract"}


def test_a_canary_whose_tasks_depend_on_the_past_waits_for_the_live_run_before_it(begin):
    history = begin(*(daily(tasks, depending("extract"), catchup=False) for tasks in ("load", "load check")))
    run = history.live()
    trial = history.canary()
    assert history.ready(trial) == {"load"}

    history.end(run)

    assert history.ready(trial) == {"extract", "load"}


def test_the_first_live_run_of_a_task_does_not_wait_because_a_canary_had_it(begin):
    history = begin(daily("extract"), daily("extract", depending("check")))
    history.end(history.live())
    history.end(history.canary(), TaskInstanceState.FAILED)
    history.lab.pin("orders", 2, override_reason="the canary failed for want of data")

    assert history.ready(history.live()) == {"extract", "check"}


def push(history, run, value):
    XComModel.set("key", value, dag_id="orders", task_id="extract", run_id=run.run_id, session=history.session)
    history.session.commit()


def pull(history, run):
    found = history.client.xcoms.get("orders", run.run_id, "extract", "key", map_index=-1, include_prior_dates=True)
    return found.value and json.loads(found.value)


def test_an_xcom_of_a_prior_date_is_never_a_canarys_except_for_itself(history):
    first = history.live()
    push(history, first, "live")
    history.end(first)
    trial = history.canary()
    assert pull(history, trial) == "live"
    push(history, trial, "canary")
    history.end(trial)

    assert pull(history, history.live()) == "live"
    assert pull(history, trial) == "canary"
    assert pull(history, history.canary()) == "live"


def test_deadlines_by_average_runtime_go_by_live_runs(history):
    reference = SerializedReferenceModels.AverageRuntimeDeadline(max_runs=5, min_runs=1)
    for run, seconds in ((history.live(), 60), (history.canary(), 6000)):
        history.end(run)
        run.end_date = run.start_date + timedelta(seconds=seconds)
    history.session.commit()
    history.clock.move_to(FIRST + 9 * DAY, tick=False)

    due = reference.evaluate_with(session=history.session, interval=timedelta(0), dag_id="orders", dagrun=OF_ORDERS)

    assert round((due - (FIRST + 9 * DAY)).total_seconds()) == 60


def test_counts_and_states_that_tasks_ask_for_are_of_live_runs_unless_a_canary_is_named(history):
    run, trial = history.live(), history.canary()
    ask = history.client

    assert ask.dag_runs.get_count("orders").count == 1
    assert ask.task_instances.get_count("orders").count == 2
    assert set(ask.task_instances.get_task_states("orders").task_states) == {run.run_id}
    assert ask.dag_runs.get_count("orders", run_ids=[trial.run_id]).count == 1
    assert ask.dag_runs.get_count("orders", logical_dates=[trial.logical_date]).count == 1
    assert ask.task_instances.get_count("orders", run_ids=[trial.run_id]).count == 3
    assert set(ask.task_instances.get_task_states("orders", run_ids=[trial.run_id]).task_states) == {trial.run_id}


def test_counts_and_states_of_a_task_group_are_of_live_runs(begin):
    group = "@task_group\ndef work():\n    EmptyOperator(task_id='part')\nwork()\n"
    history = begin(*(daily(tasks, group) for tasks in ("extract", "extract load")))
    run, _ = history.live(), history.canary()

    assert history.client.task_instances.get_count("orders", task_group_id="work").count == 1
    states = history.client.task_instances.get_task_states("orders", task_group_id="work")
    assert set(states.task_states) == {run.run_id}


def answers(history, runs):
    """Ask everything that a live run can ask of other runs, and that the scheduler asks for it."""
    found = {}
    for run in runs:
        ti = history.ti(run)
        ti.task = DBDagBag().get_dag_for_run(run, session=history.session).get_task("extract")
        previous = history.client.task_instances.get_previous("orders", "extract", run.logical_date)
        before = [
            history.client.dag_runs.get_previous("orders", run.logical_date, state)
            for state in (None, "success", "failed")
        ]
        found[run.run_id] = (
            history.previous_end(run),
            previous.task_instance and previous.task_instance.run_id,
            [answer.dag_run and answer.dag_run.run_id for answer in before],
            (earlier := DagRun.get_previous_dagrun(run, session=history.session)) and earlier.run_id,
            (earlier := ti.get_previous_ti(session=history.session)) and earlier.run_id,
            pull(history, run),
        )
    average = SerializedReferenceModels.AverageRuntimeDeadline(max_runs=3, min_runs=1)
    now = datetime.now(timezone.utc)
    due = average.evaluate_with(session=history.session, interval=timedelta(0), dag_id="orders", dagrun=OF_ORDERS)
    latest = history.client.task_instances.get_previous("orders", "extract").task_instance
    found["all"] = (
        history.client.dag_runs.get_count("orders").count,
        history.client.dag_runs.get_count("orders", states=["failed"]).count,
        history.client.task_instances.get_count("orders", task_ids=["extract"]).count,
        sorted(history.client.task_instances.get_task_states("orders").task_states),
        latest and latest.run_id,
        due and round((due - now).total_seconds()),
    )
    return found


STATES = st.sampled_from([TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])


@given(runs=st.lists(st.tuples(st.booleans(), STATES, st.booleans(), st.integers(1, 500)), min_size=1, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_live_world_is_the_one_in_which_the_canary_runs_never_were(history, runs):
    history.session.execute(delete(DagRun))
    history.session.execute(delete(RoutedRun))
    dag_model = history.lab.dag_model("orders")
    dag_model.next_dagrun = dag_model.next_dagrun_create_after = FIRST
    dag_model.next_dagrun_data_interval = (FIRST, FIRST)
    history.session.commit()
    history.days = 0
    live, canaries = [], []
    for is_live, state, pushes, seconds in runs:
        run = history.live() if is_live else history.canary()
        (live if is_live else canaries).append(run)
        if pushes:
            push(history, run, run.run_id)
        history.end(run, state)
        run.end_date = run.start_date + timedelta(seconds=seconds)
        history.session.commit()
    history.clock.move_to(FIRST + 30 * DAY, tick=False)

    with_canaries = answers(history, live)
    history.session.execute(delete(DagRun).where(DagRun.id.in_([run.id for run in canaries])))
    history.session.execute(delete(RoutedRun))
    history.session.commit()

    assert answers(history, live) == with_canaries
