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
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select

from airflow_providers_pinning.domain.soak.judged_runs import retried_tasks_of_run, seconds_of_run
from airflow_providers_pinning.domain.tries import earlier_tries, of_current_tries
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def run(lab, session):
    """Return a run whose only task failed after 30 seconds, and succeeded after 10 more."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, run_id="retried", session=session)
    [ti] = run.get_task_instances(session=session)
    ti.state, ti.try_number, ti.duration = TaskInstanceState.FAILED, 1, 30.0
    session.flush()
    following = ti.prepare_db_for_next_try(session) or ti
    following.state, following.try_number, following.duration = TaskInstanceState.SUCCESS, 2, 10.0
    session.commit()
    return run


def test_only_the_last_try_is_current(run, session):
    table = TaskInstance.__table__
    states = select(table.c.state).where(table.c.run_id == run.run_id, *of_current_tries())

    assert session.scalars(states).all() == ["success"]


def test_all_tries_before_it_are_earlier_ones(run, session):
    table, are_earlier = earlier_tries()
    seconds = select(func.sum(table.c.duration)).where(table.c.run_id == run.run_id, *are_earlier)

    assert session.scalar(seconds) == 30


def test_a_run_took_the_seconds_of_all_tries(run, session):
    from airflow.models.dagrun import DagRun

    of_run = DagRun.run_id == run.run_id
    assert session.scalar(select(seconds_of_run()).select_from(DagRun).where(of_run)) == 40
    assert session.scalar(select(retried_tasks_of_run()).select_from(DagRun).where(of_run)) == 1
