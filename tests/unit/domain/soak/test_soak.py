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
"""Evidence is counted in the database; here it is compared with a plain reading of the runs, one by one."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from statistics import median
from uuid import uuid4

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import insert, select

from airflow_providers_pinning.domain.soak import evidence, soak
from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import RunKind, Verdict
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE
from tests.support.statements import counted_rows

BEGAN = datetime(2026, 10, 25, tzinfo=timezone.utc)
FINISHED = ("success", "failed")


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)


@pytest.fixture
def runs(pinned, lab, session):
    """Return a function that makes live runs of version 1 by their states, and returns them in that order."""

    def make(states, *, seconds=(10,), ends=None, number=1, cleared=1):
        version_id = lab.version("orders", number).id
        rows = [
            {
                "dag_id": "orders",
                "run_id": f"run_{number}_{n}",
                "run_type": "scheduled",
                "state": state,
                "run_after": BEGAN,
                "created_at": BEGAN,
                "start_date": (end := BEGAN + timedelta(minutes=ends[n] if ends else n))
                - timedelta(seconds=seconds[n % len(seconds)]),
                "end_date": end if state in FINISHED else None,
                "clear_number": cleared * (n % 3),
                "created_dag_version_id": version_id,
            }
            for n, state in enumerate(states)
        ]
        session.execute(insert(DagRun.__table__), rows)
        session.execute(insert(TaskInstance.__table__), [task_of(row) for row in rows])
        session.commit()
        return rows

    return make


def task_of(run):
    """Return the values of the one task instance of a run, which took as long as the run."""
    return {
        "id": uuid4(),
        "task_id": "extract",
        "dag_id": "orders",
        "run_id": run["run_id"],
        "map_index": -1,
        "pool": "default_pool",
        "pool_slots": 1,
        "try_number": 1,
        "state": run["state"],
        "duration": (run["end_date"] - run["start_date"]).total_seconds() if run["end_date"] else None,
        "dag_version_id": run["created_dag_version_id"],
    }


def judge(session, number=1, *, compare=False, **criteria):
    question = SoakQuestion(
        Criteria(**criteria),
        run_kinds=RunKind.LIVE,
        since=BEGAN - timedelta(days=1),
        tolerance=Tolerance() if compare else None,
    )
    return soak.soak("orders", number, question, session=session)


@pytest.mark.parametrize("seed", range(20))
def test_evidence_is_that_of_the_runs_one_by_one(runs, session, seed):
    dice = random.Random(seed)
    states = dice.choices(["success", "failed", "running", "queued"], [20, seed % 4, 1, 1], k=dice.randrange(40))
    ends = [dice.randrange(10) for _ in states]
    rows = runs(states, ends=ends)

    found = judge(session).evidence

    finished = [row for row in sorted(rows, key=lambda row: row["end_date"] or BEGAN) if row["state"] in FINISHED]
    in_a_row = 0
    for row in finished:
        in_a_row = in_a_row + 1 if row["state"] == "success" else 0
    assert found.runs == len(finished)
    assert found.failures == states.count("failed")
    assert found.successes == states.count("success")
    assert found.consecutive_successes == in_a_row
    assert found.running == len(rows) - len(finished)
    assert found.cleared == sum(row["clear_number"] > 0 for row in rows)
    assert found.first_run_at == min((row["start_date"] for row in rows), default=None)
    assert found.last_run_at == max((row["end_date"] for row in finished), default=None)


def test_very_many_runs_are_counted_instead_of_read(runs, session):
    runs(["success"] * 2000 + ["failed"] + ["success"] * 3000)

    with counted_rows(session) as read:
        judged = judge(session, max_failures=1, consecutive_successes=3000)

    assert judged.judgement.verdict is Verdict.SUCCESSFUL
    assert (judged.evidence.runs, judged.evidence.consecutive_successes) == (5001, 3000)
    assert len(read) < 10
    assert sum(read) < 10


def test_a_failed_bake_of_very_many_runs_is_answered(runs, session, api):
    """A rollback waits for this answer."""
    runs(["success"] * 15_860 + ["failed"] * 140)

    answer = api().get(
        "/pinning/api/v1/dags/orders/versions/1/soak", params={"run_kinds": "live", "since": "2020-01-01T00:00:00Z"}
    )

    assert answer.status_code == 200
    assert (answer.json()["verdict"], answer.json()["evidence"]["failures"]) == ("failed", 140)


def test_durations_of_the_newest_runs_are_compared(runs, lab, session, monkeypatch):
    monkeypatch.setattr(evidence, "TIMED_RUNS", 50)
    runs(["success"] * 20)
    lab.commit("sha2", orders=CHANGED)
    lab.candidate("orders", 2)
    slow_at_first = [1000] * 30 + list(range(1, 51))
    runs(["success"] * 80, seconds=slow_at_first, number=2, cleared=0)

    with counted_rows(session) as read:
        comparison = judge(session, 2, compare=True).comparison

    assert comparison.median_duration == median(range(1, 51))
    assert comparison.runs == 80
    assert comparison.baseline_median_duration == 10
    assert sum(read) < 100


def test_what_a_version_replaced_is_found_in_one_row_of_a_long_history(lab, session):
    lab.pin_first_of_two()
    lab.pin("orders", 2)
    pinned = session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()
    session.add_all(
        Event(
            dag_id="orders",
            revision=number,
            kind="pinned",
            from_version=pinned.from_version,
            to_version=pinned.from_version,
            actor="somebody",
            actor_kind="user",
            reason="again",
        )
        for number in range(500)
    )
    session.commit()

    with counted_rows(session) as read:
        baseline = judge(session, 2, compare=True).baseline

    assert baseline.version_number == 1
    assert len(read) < 15
    assert sum(read) < 20
