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
"""Random live runs, canary runs, pauses and clearings: what live runs never notice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.dag import DagModel
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from airflow_providers_pinning.domain.canaries import gaps
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.errors import NothingToReplayError
from tests.support.canaries import dag_with_tasks
from tests.support.clock import stopped
from tests.support.database import empty
from tests.support.lab import Lab
from tests.support.scheduler import Scheduler
from tests.support.world import World, clear

START = datetime(2026, 2, 1, tzinfo=timezone.utc)
WAITS = st.tuples(st.just("wait"), st.integers(1, 4))
CANARIES = st.one_of(
    st.tuples(st.just("request"), st.integers(1, 3)),
    st.tuples(st.just("replay"), st.integers(1, 2)),
    st.tuples(st.just("clear canaries"), st.none()),
    st.tuples(st.just("delete canary"), st.none()),
)
LIVE = st.one_of(
    st.tuples(st.just("trigger"), st.none()),
    st.tuples(st.just("pause"), st.booleans()),
)


def actions(*kinds):
    return st.lists(st.one_of(WAITS, *kinds), min_size=4, max_size=10)


def exhausted(function):
    # Each example is a story of some seconds, too long to be told anew for each way to shorten it.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=6, phases=phases, deadline=None, suppress_health_check=list(HealthCheck))(function)


def story(tmp_path, session, taken, *, limit, catchup, with_canaries=True, check=False):
    """Tell one story from the beginning, and return its world."""
    empty(session)
    gaps._followed.clear()
    gaps._needed.clear()
    lab, scheduler = Lab(tmp_path, session), Scheduler(session)
    text = dag_with_tasks({"load": "all_success"}, f"schedule=timedelta(seconds=10), max_active_runs={limit}")
    text = text.replace("catchup=False", f"catchup={catchup}").replace("2026, 1, 1,", "2026, 2, 1,")
    with stopped(START) as clock:
        lab.commit("sha1", orders=text)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=text.replace("'load'", "'check'"))
        world = World(lab, scheduler, clock)
        world.seconds = lambda run_id: 7 if run_id.startswith("canary") else 3
        if check:
            world.check = world.assert_no_overlap
        world.live_on(4, step=2)
        for action, argument in taken:
            act(world, action, argument, with_canaries=with_canaries)
            # Nothing else can have the same time.
            clock.advance(0.01)
        session.execute(update(DagModel).values(is_paused=False))
        session.commit()
        world.live_on(30, step=2)
    return world


def act(world, action, argument, *, with_canaries):
    session = world.session
    if action == "wait":
        world.live_on(2 * argument, step=2)
    elif action == "trigger":
        world.trigger()
    elif action == "pause":
        session.execute(update(DagModel).values(is_paused=argument))
        session.commit()
    elif with_canaries and action == "request":
        world.request(count=argument)
    elif with_canaries and action == "replay":
        try:
            world.request(replay=Replay(last=argument))
        except NothingToReplayError:
            session.rollback()
    elif with_canaries and action == "clear canaries":
        for run in world.canaries():
            clear(run, session)
    elif with_canaries and world.canaries():
        session.delete(world.canaries()[0])
        session.commit()


def scheduling(session):
    dag_model = session.get(DagModel, "orders", populate_existing=True)
    return dag_model.exceeds_max_non_backfill, dag_model.next_dagrun_create_after


@pytest.mark.parametrize("catchup", [False, True])
def test_live_world_equals_one_without_the_canaries_behind_it(tmp_path, session, catchup):
    @exhausted
    @given(taken=actions(CANARIES, LIVE))
    def holds(taken):
        seen = []
        for with_canaries in (True, False):
            world = story(tmp_path, session, taken, limit=3, catchup=catchup, with_canaries=with_canaries)
            seen.append((world.history(), scheduling(session)))
        assert seen[0] == seen[1]

    holds()


@pytest.mark.parametrize(("catchup", "kinds"), [(False, (CANARIES,)), (True, (CANARIES, LIVE))])
def test_no_run_overlaps_with_a_canary_in_a_gap_and_no_tick_is_lost(tmp_path, session, catchup, kinds):
    @exhausted
    @given(taken=actions(*kinds))
    def holds(taken):
        world = story(tmp_path, session, taken, limit=1, catchup=catchup, check=True)
        due = [START + timedelta(seconds=10 * number) for number in range(100)]
        ticks = world.ticks()
        assert ticks == due[: len(ticks)]
        # The last one is still to be created if the one before has not finished.
        late = sum(run.run_type != "scheduled" for run in world.live())
        elapsed = sum(2 * argument for action, argument in taken if action == "wait") + 34
        assert len(ticks) >= elapsed // 10 - (2 * late if catchup else 0)

    holds()
