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
"""What tasks of canary runs get that ask for runs of other Dags by their logical date, as ExternalTaskSensor does."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.execution_time import comms, request_handlers
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.enforcement.canaries import trigger_process
from tests.support.execution_api import api_of_tasks, execution_api
from tests.support.sources import dag_file

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def start(airflow_database):
    with api_of_tasks() as start:
        yield start


@pytest.fixture
def world(lab, scheduler, time_machine, session):
    """Two daily Dags with one live run each, of the same day, and a candidate of the one that waits for the other."""
    time_machine.move_to(FIRST + DAY + timedelta(seconds=5), tick=True)
    more = "from airflow.sdk import CronDataIntervalTimetable\n"
    daily = "schedule=CronDataIntervalTimetable('@daily', timezone='UTC'), max_active_runs=50"
    stable = more + dag_file("orders", daily, "wait")
    lab.commit("sha1", orders=stable, stock=more + dag_file("stock", daily, "count"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=stable.replace("task_id='wait'", "task_id='wait', retries=1"))
    scheduler.create_due_runs()
    for run in session.scalars(select(DagRun)):
        run.state = "success"
        assert run.logical_date == FIRST
        for ti in run.task_instances:
            ti.state = "success"
    session.commit()
    time_machine.shift(timedelta(hours=1))
    return lab


@pytest.fixture
def task_of(world, start, session):
    """Return what creates a canary run, and its first task instance with a client of it."""

    def create(**request):
        created = create_canary_runs("orders", CanaryRequest(2, **request), world.change(), session=session)
        session.commit()
        ti = session.scalars(select(TaskInstance).where(TaskInstance.run_id == created.run_ids[0])).first()
        return ti, start(ti)

    return create


@pytest.mark.parametrize("request_", [{}, {"replay": Replay(last=1)}], ids=["canary", "replay"])
def test_waits_for_the_run_that_the_live_one_would_wait_for(task_of, session, request_):
    ti, client = task_of(**request_)
    date = ti.dag_run.logical_date
    assert FIRST < date < FIRST + timedelta(seconds=1)

    assert client.dag_runs.get_count("stock", logical_dates=[date], states=["success"]).count == 1
    assert client.task_instances.get_count("stock", task_ids=["count"], logical_dates=[date]).count == 1
    states = client.task_instances.get_task_states("stock", task_ids=["count"], logical_dates=[date]).task_states
    assert list(states.values()) == [{"count": "success"}]
    assert client.dag_runs.get_count("stock", logical_dates=[date - DAY]).count == 0


def test_finds_itself_at_its_own_date(task_of, session):
    ti, client = task_of(replay=Replay(last=1))

    states = client.task_instances.get_task_states("orders", logical_dates=[ti.dag_run.logical_date]).task_states

    assert list(states) == [ti.run_id]


def test_live_run_gets_the_runs_of_the_very_date(task_of, start, session):
    task_of()
    live = session.scalars(
        select(TaskInstance).where(TaskInstance.dag_id == "orders", TaskInstance.run_id.startswith("scheduled"))
    ).one()
    client = start(live)

    date = live.dag_run.logical_date
    assert client.dag_runs.get_count("stock", logical_dates=[date]).count == 1
    assert client.dag_runs.get_count("stock", logical_dates=[date + timedelta(microseconds=1)]).count == 0


def test_trigger_of_a_deferred_task_waits_for_the_same(task_of, airflow_database):
    ti, _ = task_of(replay=Replay(last=1))
    date = ti.dag_run.logical_date
    messages = (
        comms.GetDRCount(dag_id="stock", logical_dates=[date]),
        comms.GetTICount(dag_id="stock", logical_dates=[date]),
    )
    handlers = {
        "GetDRCount": request_handlers.handle_get_dr_count,
        "GetTICount": request_handlers.handle_get_ti_count,
        "GetVariable": request_handlers.handle_get_variable,
    }

    with execution_api() as client:

        class Decoder:
            async def asend(self, message):
                async def proceed(msg=message):
                    answer = handlers[type(msg).__name__](client, msg)
                    return answer[0] if isinstance(answer, tuple) else answer

                return await trigger_process.asend(SimpleNamespace(msg=message, proceed=proceed))

        decoder = Decoder()

        async def count():
            return [(await decoder.asend(message)).count for message in messages]

        trigger = SimpleNamespace(task_instance=ti)
        call = SimpleNamespace(trigger=trigger, instance=SimpleNamespace(comms_decoder=decoder), proceed=count)

        assert asyncio.run(trigger_process.run_trigger(call)) == [1, 1]
