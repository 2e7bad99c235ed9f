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
"""Random live runs, canary runs, replays, clearings and deletions of two Dags, one of which assets trigger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.asset import AssetDagRunQueue, AssetEvent
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.sdk.api.datamodels._generated import AssetProfile
from airflow.utils.state import DagRunState, State, TaskInstanceState
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries import gaps
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.models import RoutedRun
from tests.support.clock import Clock, stopped
from tests.support.database import empty
from tests.support.execution_api import execution_api
from tests.support.lab import Lab
from tests.support.scheduler import Scheduler
from tests.support.sources import dag_file

START = datetime(2026, 2, 1, tzinfo=timezone.utc)
DAGS = {"orders": "schedule=timedelta(seconds=8), max_active_runs=3", "reports": "schedule=Asset('loaded')"}
TASK = "@task(outlets=[Asset({!r})])\ndef load():\n    pass\nload()\n"
OUTLETS = {"orders": "loaded", "reports": "reported"}
PINNED, CANDIDATE = 1, 2

WHICH = st.sampled_from(sorted(DAGS))
LIVE = st.one_of(
    st.tuples(st.just("wait"), st.integers(2, 4)),
    st.tuples(st.just("clear live"), WHICH),
    st.tuples(st.just("clear by dates"), WHICH),
    st.tuples(st.just("delete live"), WHICH),
    st.tuples(st.just("fail next"), WHICH),
)
CANARIES = st.one_of(
    st.tuples(st.just("canary"), WHICH),
    st.tuples(st.just("replay"), WHICH),
    st.tuples(st.just("replay by both"), WHICH),
    st.tuples(st.just("clear canaries"), WHICH),
    st.tuples(st.just("delete canary"), WHICH),
)


def source(dag_id, tasks):
    text = dag_file(dag_id, DAGS[dag_id], tasks, TASK.format(OUTLETS[dag_id]))
    return text.replace("2026, 1, 1,", "2026, 2, 1,").replace("catchup=False", "catchup=True")


@dataclass
class Story:
    """A world with or without canary runs, second by second."""

    lab: Lab
    scheduler: Scheduler
    clock: Clock
    client: object
    with_canaries: bool
    loaded: list = field(default_factory=list)
    """What the live runs of ``orders`` took for their range."""
    failing: dict[str, int] = field(default_factory=dict)

    @property
    def session(self):
        return self.lab.session

    def runs(self, dag_id, *, canaries=False):
        recorded = set(self.session.scalars(select(RoutedRun.run_id).where(RoutedRun.dag_id == dag_id)))
        return [run for run in self.lab.runs(dag_id) if (run.run_id in recorded) == canaries]

    def act(self, action, argument):
        if action == "wait":
            for _ in range(argument):
                self.turn()
        elif action in ("clear live", "delete live"):
            finished = [run for run in self.runs(argument) if run.state in State.finished_dr_states]
            for run in finished[-1:]:
                self._delete(run) if action == "delete live" else self._clear(run)
        elif action == "clear by dates":
            dag = DBDagBag().get_latest_version_of_dag(argument, session=self.session)
            dag.clear(start_date=START, end_date=self.clock.now, only_failed=True, session=self.session)
        elif action == "fail next":
            self.failing[argument] = self.failing.get(argument, 0) + 1
        elif self.with_canaries:
            self._try(action, argument)
        self.session.commit()
        # Nothing else can have the same time.
        self.clock.advance(0.01)

    def _try(self, action, dag_id):
        canaries = self.runs(dag_id, canaries=True)
        if action == "clear canaries":
            for run in canaries:
                self._clear(run)
        elif action == "delete canary":
            for run in canaries[:1]:
                self._delete(run)
        else:
            replay = None if action == "canary" else Replay(last=2, baseline=action == "replay by both")
            try:
                request = CanaryRequest(CANDIDATE, replay=replay)
                create_canary_runs(dag_id, request, self.lab.change(), session=self.session)
            except NothingToReplayError:
                self.session.rollback()

    def _clear(self, run):
        clear_task_instances(run.get_task_instances(session=self.session), self.session)

    def _delete(self, run):
        self.session.delete(run)

    def turn(self):
        """Let two seconds go by, workers do their work, and the scheduler decide."""
        self.clock.advance(2)
        self.work()
        self.scheduler.create_due_runs()
        self.scheduler.start_and_decide()

    def work(self):
        now = self.clock.now
        at_work = TaskInstance.state.in_((TaskInstanceState.SCHEDULED, TaskInstanceState.RUNNING))
        query = select(TaskInstance).where(at_work).order_by(TaskInstance.id)
        for ti in self.session.scalars(query.execution_options(populate_existing=True)).all():
            canary = self.session.get(RoutedRun, (ti.dag_id, ti.run_id)) is not None
            if ti.state == TaskInstanceState.SCHEDULED:
                ti.state, ti.start_date, ti.try_number = TaskInstanceState.RUNNING, now, ti.try_number + 1
                self.session.commit()
                if ti.dag_id == "orders" and not canary and ti.task_id == "load":
                    self.load(ti)
            elif ti.state == TaskInstanceState.RUNNING and now >= ti.start_date + timedelta(seconds=5 if canary else 2):
                self.end(ti, now, canary)
        self.session.commit()

    def load(self, ti):
        """Load what the run before has not, as a task does."""
        before = self.client.task_instances.get_previous_successful_dagrun(ti.id)
        self.loaded.append((before.data_interval_end or START, ti.dag_run.data_interval_end))

    def end(self, ti, now, canary):
        failing = not canary and ti.task_id == "load" and self.failing.get(ti.dag_id, 0)
        if failing:
            self.failing[ti.dag_id] -= 1
        ti.state = TaskInstanceState.FAILED if failing else TaskInstanceState.SUCCESS
        ti.end_date, ti.duration = now, (now - ti.start_date).total_seconds()
        if ti.task_id == "load" and not failing:
            name = OUTLETS[ti.dag_id]
            outlets = [AssetProfile(name=name, uri=name, type="Asset")]
            TaskInstance.register_asset_changes_in_db(ti, outlets, [], session=self.session)

    def seen(self):
        """Return all that is to be seen of the live world."""
        session = self.session
        session.expire_all()
        world = {"loaded": self.loaded}
        name = {}
        for dag_id in DAGS:
            for number, run in enumerate(self.runs(dag_id)):
                name[run.id] = (dag_id, number)
        for dag_id in DAGS:
            for run in self.runs(dag_id):
                before = DagRun.get_previous_dagrun(run, session=session)
                scheduled = DagRun.get_previous_scheduled_dagrun(run.id, session=session)
                world[name[run.id]] = (
                    run.run_type,
                    run.state,
                    run.run_after,
                    run.start_date,
                    run.end_date,
                    before and name[before.id],
                    scheduled and name[scheduled.id],
                    sorted(event.timestamp for event in run.consumed_asset_events),
                    [
                        (ti.task_id, ti.state, ti.try_number)
                        for ti in sorted(run.task_instances, key=lambda t: t.task_id)
                    ],
                )
            dag_model = self.lab.dag_model(dag_id)
            world[dag_id] = (dag_model.next_dagrun_create_after, dag_model.exceeds_max_non_backfill)
        events = session.scalars(select(AssetEvent).order_by(AssetEvent.timestamp)).all()
        world["events"] = [(event.asset.name, event.source_dag_id, event.timestamp) for event in events]
        queue = session.scalars(select(AssetDagRunQueue)).all()
        world["queue"] = [(row.target_dag_id, row.created_at) for row in queue]
        return world


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


def tell(tmp_path, session, client, taken, *, with_canaries):
    """Tell one story from the beginning to its end, and return it."""
    empty(session)
    gaps._followed.clear()
    gaps._needed.clear()
    with stopped(START) as clock:
        story = Story(Lab(tmp_path, session), Scheduler(session), clock, client, with_canaries)
        story.lab.commit("sha1", **{dag_id: source(dag_id, "extract") for dag_id in DAGS})
        for dag_id in DAGS:
            story.lab.pin(dag_id, PINNED)
        story.lab.commit("sha2", **{dag_id: source(dag_id, "extract check") for dag_id in DAGS})
        for _ in range(4):
            story.turn()
        for action, argument in taken:
            story.act(action, argument)
        for _ in range(6):
            story.turn()
    return story


def test_equals_one_in_which_the_canaries_and_replays_never_were(tmp_path, session, client):
    @settings(
        max_examples=4,
        # Each example is a story of some seconds, too long to be told again for each way to shorten it.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(taken=st.lists(st.one_of(LIVE, CANARIES, CANARIES), min_size=6, max_size=10))
    def holds(taken):
        with_canaries = tell(tmp_path, session, client, taken, with_canaries=True).seen()
        assert with_canaries == tell(tmp_path, session, client, taken, with_canaries=False).seen()

    holds()


def test_story_with_everything_in_it(tmp_path, session, client):
    everything = [
        ("replay by both", "orders"),
        ("wait", 3),
        ("canary", "reports"),
        ("replay", "reports"),
        ("fail next", "orders"),
        ("wait", 4),
        ("clear by dates", "orders"),
        ("clear canaries", "orders"),
        ("wait", 4),
        ("delete canary", "reports"),
        ("clear live", "orders"),
        ("wait", 2),
        ("delete live", "reports"),
        ("wait", 2),
    ]
    story = tell(tmp_path, session, client, everything, with_canaries=True)
    seen, states = story.seen(), [run.state for dag_id in DAGS for run in story.runs(dag_id, canaries=True)]

    assert states.count(DagRunState.SUCCESS) >= 3
    assert seen == tell(tmp_path, session, client, everything, with_canaries=False).seen()
    assert len(seen["loaded"]) >= 5
    assert {
        kind for kind, *_ in (value for key, value in seen.items() if key[0] == "reports" and key != "reports")
    } == {"asset_triggered"}
