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
"""A canary run neither keeps a draining Dag from pausing nor goes on when it has paused, since Airflow 3.4."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagSchedulingState
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.domain.canaries.delays import delays_of_queued
from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.vocabulary import Slots
from tests.support.canaries import Canaries, dag_with_tasks


@pytest.fixture
def canaries(lab, scheduler):
    return Canaries(lab, scheduler)


def state_of_dag(lab):
    return lab.dag_model("orders").scheduling_state


def unfinished_canary(lab, canaries, state, **request):
    """Return the id of a canary run of a draining Dag, which waits or has begun."""
    lab.commit("sha1", orders=dag_with_tasks({"extract": "all_success"}, "schedule=None"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_with_tasks({"extract": "all_success", "load": "all_success"}, "schedule=None"))
    wanted = CanaryRequest(2, **request)
    [run_id] = create_canary_runs("orders", wanted, lab.change(), session=lab.session).run_ids
    lab.session.commit()
    if state == DagRunState.RUNNING:
        canaries.let_start(run_id)
    assert canaries.run(run_id).state == state
    lab.dag_model("orders").set_scheduling_state(DagSchedulingState.DRAINING)
    lab.session.commit()
    return run_id


def finish_draining(scheduler):
    """Let the scheduler pause what has drained, as it does every five seconds."""
    scheduler.runner._finalize_draining_dags()
    scheduler.session.expire_all()


@pytest.mark.parametrize("state", [DagRunState.QUEUED, DagRunState.RUNNING])
def test_ends_although_a_canary_run_is_unfinished_which_goes_on_with_the_dag(lab, scheduler, canaries, state):
    run_id = unfinished_canary(lab, canaries, state)

    finish_draining(scheduler)

    assert state_of_dag(lab) == DagSchedulingState.PAUSED
    assert canaries.run(run_id).state == state
    lab.dag_model("orders").set_scheduling_state(DagSchedulingState.ACTIVE)
    canaries.let_start(run_id)
    assert canaries.finish(run_id) == DagRunState.SUCCESS


def test_lasts_until_a_canary_run_that_takes_slots_of_live_runs_is_finished(lab, scheduler, canaries):
    run_id = unfinished_canary(lab, canaries, DagRunState.RUNNING, isolation=Isolation(slots=Slots.SHARED))

    finish_draining(scheduler)
    assert state_of_dag(lab) == DagSchedulingState.DRAINING

    canaries.finish(run_id)
    finish_draining(scheduler)
    assert state_of_dag(lab) == DagSchedulingState.PAUSED


def test_lasts_until_each_live_run_is_finished(lab, scheduler, canaries):
    unfinished_canary(lab, canaries, DagRunState.RUNNING)
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.TEST, session=lab.session)
    lab.session.commit()

    finish_draining(scheduler)

    assert state_of_dag(lab) == DagSchedulingState.DRAINING


@pytest.mark.parametrize("slots", [None, Slots.SHARED])
def test_who_asks_for_one_is_told_that_it_will_wait(lab, canaries, slots):
    unfinished_canary(lab, canaries, DagRunState.QUEUED, isolation=Isolation(slots=slots))

    delays = delays_of_queued("orders", session=lab.session)

    assert any("is draining" in delay for delay in delays) is (slots is None)
