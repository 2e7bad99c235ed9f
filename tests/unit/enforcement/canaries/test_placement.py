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

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, select

from airflow_providers_pinning.domain.canaries.isolation import Isolation, Slots
from airflow_providers_pinning.domain.errors import InvalidIsolationError
from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.sources import dag_file

MAPPED = dag_file(
    "orders",
    "schedule=None",
    "",
    "@task(retries=1, retry_delay=timedelta())\ndef load(size):\n    pass\nload.expand(size=[1, 2])",
)
APART = Isolation(pool="canaries", queue="spare")


@pytest.fixture
def canaries(lab, scheduler, session):
    lab.commit("sha1", orders=dag_with_tasks({"load": "all_success"}, "schedule=None"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=MAPPED)
    session.add(Pool(pool="canaries", slots=2, include_deferred=False))
    session.commit()
    yield Canaries(lab, scheduler)
    session.rollback()
    session.execute(delete(Pool).where(Pool.pool == "canaries"))
    session.commit()


def places(session, run_id):
    query = select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.state.is_not(None))
    found = session.scalars(query.execution_options(populate_existing=True))
    return [(ti.map_index, ti.pool, ti.queue, ti.executor) for ti in found]


def test_all_tasks_of_a_canary_run_are_where_it_was_asked_to_be(canaries, session):
    run_id = canaries.start(isolation=APART)

    assert sorted(places(session, run_id)) == [(0, "canaries", "spare", None), (1, "canaries", "spare", None)]


def test_tries_after_the_first_are_there_too(canaries, session):
    run_id = canaries.start(isolation=APART)
    for ti in session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)):
        ti.state = "failed"
    session.commit()
    clear_task_instances(session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).all(), session)
    session.commit()
    canaries.scheduler.start_and_decide()

    assert sorted(places(session, run_id)) == [(0, "canaries", "spare", None), (1, "canaries", "spare", None)]


def test_other_canary_runs_and_live_runs_are_where_their_dag_says(canaries, session, lab):
    apart, other = canaries.start(isolation=APART), canaries.start()
    live = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    canaries.let_start(live.run_id)

    assert {place[1:] for place in places(session, apart)} == {("canaries", "spare", None)}
    assert {place[1:] for place in places(session, other)} == {("default_pool", "default", None)}
    assert {place[1:] for place in places(session, live.run_id)} == {("default_pool", "default", None)}


@pytest.mark.parametrize(
    ("isolation", "field", "remedy"),
    [
        (Isolation(pool="nowhere"), "pool", "Create it, or name another one"),
        (Isolation(executor="Nonesuch"), "executor", "add it there"),
    ],
)
def test_place_that_is_not_there_is_refused(canaries, isolation, field, remedy):
    with pytest.raises(InvalidIsolationError, match=remedy) as refused:
        canaries.start(isolation=isolation)
    assert refused.value.data["field"] == field
    assert canaries.lab.runs("orders") == []


def test_pool_that_a_task_does_not_fit_into_is_refused(canaries, lab):
    lab.commit("sha3", orders=dag_with_tasks({"load": "all_success"}, "schedule=None", ", pool_slots=3"))

    with pytest.raises(InvalidIsolationError, match=r"has 2 slots.*need more, so they would never run: load"):
        canaries.start(2, isolation=APART)


def test_tasks_of_canary_runs_come_behind_those_of_live_runs_unless_they_share_slots(canaries, session):
    behind, shared = canaries.start(), canaries.start(isolation=Isolation(slots=Slots.SHARED))

    def priorities(run_id):
        query = select(TaskInstance.priority_weight).where(TaskInstance.run_id == run_id)
        return set(session.scalars(query.where(TaskInstance.state.is_not(None))))

    assert priorities(behind) == {-1_000_000}
    assert min(priorities(shared)) >= 1
