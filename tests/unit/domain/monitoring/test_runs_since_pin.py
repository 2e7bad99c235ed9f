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
"""Whether the runs of a pinned version fail since it was pinned, told apart from its enforcement."""

from __future__ import annotations

from uuid import uuid4

import pytest
from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import insert, select

from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.monitoring.failing import tell_failing
from airflow_providers_pinning.domain.monitoring.health import HealthStatus
from airflow_providers_pinning.domain.monitoring.metrics import measure
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import PinOrder
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import sent


@pytest.fixture
def run(lab, session):
    """Return a function that writes runs of a version, each with a task of the same state."""

    def write(*states, dag_id="orders", number=1, **values):
        version_id = lab.version(dag_id, number).id
        rows = [
            {
                "dag_id": dag_id,
                "run_id": f"scheduled__{uuid4()}",
                "run_type": DagRunType.SCHEDULED,
                "triggered_by": DagRunTriggeredByType.TIMETABLE,
                "state": state,
                "run_after": timezone.utcnow(),
                "created_at": timezone.utcnow(),
                "clear_number": 0,
                "created_dag_version_id": version_id,
                **values,
            }
            for state in states
        ]
        session.execute(insert(DagRun.__table__), rows)
        tasks = [
            {
                "id": uuid4(),
                "task_id": "extract",
                "dag_id": dag_id,
                "run_id": row["run_id"],
                "map_index": -1,
                "pool": "default_pool",
                "pool_slots": 1,
                "try_number": 1,
                "state": row["state"],
                "dag_version_id": version_id,
            }
            for row in rows
        ]
        session.execute(insert(TaskInstance.__table__), tasks)
        session.commit()

    return write


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"), billing=dag_file("billing"))
    lab.pin("orders", 1)
    lab.pin("billing", 1)
    return lab


def state(session, dag_id="orders"):
    return release_state(dag_id, thorough=True, session=session)


def test_enforced_pin_whose_runs_fail_says_both(pinned, run, session):
    run("success", "failed", "failed", "running")
    found = state(session)
    assert found.health.status is HealthStatus.HEALTHY
    assert (found.runs.finished, found.runs.failed, found.runs.unfinished, found.runs.failing) == (3, 2, 1, True)
    assert found.runs.failed_tasks == {"extract": 2}


def test_dag_whose_newest_run_succeeded_is_not_failing(pinned, run, session):
    run("failed", "failed", "success")
    assert (state(session).runs.failed, state(session).runs.failing) == (2, False)


def test_only_live_runs_of_the_pinned_version_since_the_pin_count(pinned, run, lab, session):
    run("failed")
    lab.unpin("orders")
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    run("failed", number=2)
    lab.pin("orders", 2)
    assert state(session).runs.finished == 0
    run("failed", number=1)
    run("failed", number=2, run_type=DagRunType.BACKFILL_JOB)
    run("failed", number=2, triggered_by=DagRunTriggeredByType.TEST)
    started = canary.create_canary_runs("orders", canary.CanaryRequest(2), lab.change(), session=session)
    session.scalar(select(DagRun).where(DagRun.run_id == started.run_ids[0])).state = "failed"
    session.commit()
    assert state(session).runs.finished == 0


def test_dag_that_is_not_pinned_has_none(pinned, lab, session):
    lab.unpin("orders")
    assert state(session).runs is None


def test_list_shows_filters_and_sorts_by_them(pinned, run, session):
    run("failed", "failed", dag_id="billing")
    run("failed", "success", "success")

    def listed(*, order=PinOrder.DAG_ID, **which):
        found, _ = list_pins(PinFilter(**which), order=order, limit=9, offset=0, session=session)
        return [(pin.dag_id, pin.runs.failed) for pin in found]

    assert listed(failing=True) == [("billing", 2)]
    assert listed(failing=False) == [("orders", 1)]
    assert listed(order=PinOrder.FAILED_RUNS) == [("orders", 1), ("billing", 2)]
    assert measure([], session=session)["pinning.failing_pins"] == 1


def test_list_sends_as_many_statements_for_many_runs(pinned, run, session):
    def statements():
        with sent(session) as found:
            assert list_pins(PinFilter(failing=True), limit=9, offset=0, session=session)[1] == 2
        return len(found)

    run("failed")
    run("failed", dag_id="billing")
    few = statements()
    run(*["failed"] * 50)
    run(*["failed"] * 50, dag_id="billing")
    assert statements() == few


class TestEvent:
    def test_is_told_once_for_each_pin(self, pinned, run, lab, session):
        run("failed", "failed")
        for _ in range(2):
            tell_failing(session=session)
        [event] = session.scalars(select(Event).where(Event.kind == "failing"))
        assert (event.dag_id, event.actor_kind, event.evidence["failed"]) == ("orders", "system", 2)
        assert event.evidence["failed_tasks"] == {"extract": 2}
        lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
        lab.pin("orders", 2)
        tell_failing(session=session)
        run("failed", number=2)
        tell_failing(session=session)
        assert len(session.scalars(select(Event).where(Event.kind == "failing")).all()) == 2

    def test_is_not_told_of_a_dag_that_succeeds_again(self, pinned, run, session):
        run("failed", "success")
        tell_failing(session=session)
        assert session.scalars(select(Event).where(Event.kind == "failing")).all() == []
