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
"""What live runs do with a partition that a canary run has too."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from airflow.models.backfill import BackfillDagRun, ReprocessBehavior, _create_backfill, _do_dry_run
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from tests.support.sources import dag_file

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=timezone.utc)
DAY = datetime(2026, 2, 1, tzinfo=timezone.utc)
KEY = "2026-02-01"
PARTITIONED = "from airflow.sdk import CronPartitionTimetable\n" + dag_file(
    "orders", "schedule=CronPartitionTimetable('@daily', timezone='UTC', key_format='%Y-%m-%d')", "extract"
)


@pytest.fixture
def partitioned(lab, time_machine):
    time_machine.move_to(NOW, tick=True)
    lab.commit("sha1", orders=PARTITIONED)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=PARTITIONED.replace("extract", "load"))
    return lab


def backfill(lab, behavior=ReprocessBehavior.NONE, day=DAY):
    """Backfill a day; return why there is no run of it, or ``None``."""
    which = {"dag_id": "orders", "from_date": day, "to_date": day, "reverse": False, "reprocess_behavior": behavior}
    foreseen = list(_do_dry_run(**which, session=lab.session))
    more = {"max_active_runs": 3, "dag_run_conf": {}, "triggering_user_name": "alice", "run_on_latest_version": False}
    _create_backfill(**which, **more)
    lab.session.commit()
    [of_day] = lab.session.scalars(select(BackfillDagRun)).all()
    assert bool(foreseen) == (of_day.exception_reason is None) == (of_day.dag_run_id is not None)
    return of_day.exception_reason


def run_of(run_id, session):
    return session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()


def ended(lab, run, state, hour):
    run.state, run.start_date = state, NOW.replace(hour=hour)
    for ti in run.task_instances:
        ti.state = TaskInstanceState(state)
    lab.session.commit()
    return run


def canary(lab, key=KEY):
    created = create_canary_runs("orders", CanaryRequest(2, partition_key=key), lab.change(), session=lab.session)
    lab.session.commit()
    return run_of(created.run_ids[0], lab.session)


@pytest.fixture
def live(partitioned, scheduler):
    """Let the scheduler create a live run, which fails."""
    scheduler.create_due_runs()
    [run] = partitioned.runs("orders")
    return ended(partitioned, run, DagRunState.FAILED, 16)


@pytest.mark.parametrize("state", [DagRunState.QUEUED, DagRunState.SUCCESS])
def test_a_backfill_creates_the_run_of_a_partition_that_only_a_canary_has(partitioned, state):
    run = canary(partitioned)
    if state != run.state:
        ended(partitioned, run, state, 17)

    assert backfill(partitioned) is None


def test_a_backfill_repeats_a_failed_run_although_a_newer_canary_was_successful(partitioned, live):
    ended(partitioned, canary(partitioned, live.partition_key), DagRunState.SUCCESS, 17)

    assert backfill(partitioned, ReprocessBehavior.FAILED, live.partition_date) is None


def test_a_backfill_skips_the_partition_that_a_live_run_has(partitioned, live):
    assert backfill(partitioned, day=live.partition_date) == "already exists"


def selectors(run):
    date = run.partition_date.isoformat()
    return {
        "key": {"partition_key": run.partition_key},
        "dates": {"partition_date_start": date, "partition_date_end": date},
    }


@pytest.mark.parametrize("by", ["key", "dates"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_clearing_the_runs_of_a_partition_leaves_canaries_alone(partitioned, live, api, by, dry_run):
    trial = ended(partitioned, canary(partitioned, live.partition_key), DagRunState.FAILED, 17)
    body = {**selectors(live)[by], "only_failed": False, "dry_run": dry_run}

    answer = api().post("/api/v2/dags/orders/clearDagRuns", json=body)

    assert answer.status_code == 200, answer.text
    cleared = answer.json()["task_instances" if dry_run else "dag_runs"]
    assert {of["dag_run_id"] for of in cleared} == {live.run_id}
    partitioned.session.expire_all()
    assert (trial.state, trial.clear_number) == (DagRunState.FAILED, 0)


def test_a_canary_of_a_partition_that_is_named_is_cleared(partitioned, live, api):
    trial = ended(partitioned, canary(partitioned, live.partition_key), DagRunState.FAILED, 17)
    body = {"dag_runs": [{"dag_run_id": trial.run_id}], "dry_run": False}

    assert api().post("/api/v2/dags/orders/clearDagRuns", json=body).status_code == 200

    partitioned.session.expire_all()
    assert (trial.state, live.state) == (DagRunState.QUEUED, DagRunState.FAILED)


@pytest.mark.parametrize("by", ["key", "dates"])
def test_a_canary_keeps_its_partition_when_that_of_live_runs_is_taken(partitioned, live, api, by):
    trial = ended(partitioned, canary(partitioned, live.partition_key), DagRunState.FAILED, 17)
    key = live.partition_key
    body = {**selectors(live)[by], "clear_task_instances": True, "dry_run": False}

    answer = api().post("/api/v2/dags/orders/clearPartitions", json=body)

    assert answer.status_code == 200, answer.text
    partitioned.session.expire_all()
    assert (live.partition_key, live.state) == (None, DagRunState.QUEUED)
    assert (trial.partition_key, trial.state) == (key, DagRunState.FAILED)
