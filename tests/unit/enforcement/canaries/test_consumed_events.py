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
"""What is to be seen of canary runs at the asset events that they work on."""

from __future__ import annotations

import pytest
from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import RoutedRun
from tests.support.execution_api import execution_api
from tests.support.remembered import remembered
from tests.support.sources import dag_file

SCHEDULE = "schedule=Asset('raw')"


@pytest.fixture
@remembered
def runs(lab, scheduler):
    """Return the ids of a live run, of a replay of it, and of a canary run on its events."""
    lab.commit("sha1", orders=dag_file("orders", SCHEDULE))
    lab.pin("orders", 1)
    lab.publish("raw")
    scheduler.create_due_runs()
    [live] = lab.runs("orders")
    live.state, live.start_date = "success", timezone.utcnow()
    lab.session.commit()
    lab.commit("sha2", orders=dag_file("orders", SCHEDULE, "extract load"))
    requests = (CanaryRequest(2, replay=Replay(last=1)), CanaryRequest(2))
    created = [create_canary_runs("orders", wanted, lab.change(), session=lab.session) for wanted in requests]
    lab.session.commit()
    return [live.run_id, *(run_id for canaries in created for run_id in canaries.run_ids)]


@pytest.fixture(scope="module")
def tasks(airflow_database):
    with execution_api() as client:
        yield client


def created_by(event):
    return [run["run_id"] for run in event["created_dagruns"]]


def test_event_shows_the_live_run_that_it_created(runs, api, tasks):
    [event] = api().get("/api/v2/assets/events").json()["asset_events"]
    [seen_by_task] = tasks.asset_events.get(name="raw", uri=None).asset_events

    assert created_by(event) == runs[:1]
    assert [run.run_id for run in seen_by_task.created_dagruns] == runs[:1]


@pytest.mark.parametrize("number", range(3))
def test_each_run_has_its_events_and_shows_no_canary_at_them(runs, api, number):
    answer = api().get(f"/api/v2/dags/orders/dagRuns/{runs[number]}/upstreamAssetEvents").json()

    [event] = answer["asset_events"]
    assert created_by(event) == runs[:1]


def test_nothing_of_it_is_written(runs, api, session):
    api().get("/api/v2/assets/events")
    session.expire_all()

    for run in session.scalars(select(DagRun)):
        assert len(run.consumed_asset_events) == 1


def test_live_run_that_is_named_like_a_canary_is_shown(runs, api, session):
    session.execute(delete(RoutedRun))
    session.execute(update(DagRun).values(start_date=timezone.utcnow()))
    session.commit()

    [event] = api().get("/api/v2/assets/events").json()["asset_events"]

    assert sorted(created_by(event)) == sorted(runs)
