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
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded


def limited(limit, tasks="extract"):
    return dag_file("orders", f"schedule=None, max_consecutive_failed_dag_runs={limit}", tasks)


@pytest.fixture
@remembered
def pinned(lab):
    """Pin a version that may fail twice in a row; the next one may fail but once."""
    lab.commit("sha1", orders=limited(2))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=limited(1, "extract load"))
    return lab


def canary(lab):
    created = create_canary_runs("orders", CanaryRequest(version_number=2), lab.change(), session=lab.session)
    lab.session.commit()
    return lab.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0])).one()


def live(lab, number=0):
    run = trigger_dag(
        "orders", run_id=f"live{number}", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session
    )
    lab.session.commit()
    return run


def end(run, state, session):
    """End a run, as the scheduler finds it when its tasks are through."""
    run.state = DagRunState.RUNNING
    for ti in run.task_instances:
        ti.state = state
    session.flush()
    run.dag = DBDagBag().get_dag_for_run(run, session=session)
    run.update_state(session=session)
    session.commit()
    session.expire_all()


def fail(run, session):
    end(run, TaskInstanceState.FAILED, session)


def is_paused(lab):
    return lab.dag_model("orders").is_paused


def test_failed_canary_runs_do_not_pause_the_dag(pinned, session):
    for _ in range(3):
        fail(canary(pinned), session)

    assert not is_paused(pinned)


def test_failed_canary_runs_do_not_count_among_the_live_ones(pinned, session):
    fail(canary(pinned), session)
    fail(live(pinned), session)

    assert not is_paused(pinned)


def test_live_runs_that_fail_pause_the_dag_although_a_canary_run_succeeds_between_them(pinned, session):
    fail(live(pinned, 1), session)
    end(canary(pinned), TaskInstanceState.SUCCESS, session)
    fail(live(pinned, 2), session)

    assert is_paused(pinned)


def test_a_dag_without_canary_runs_is_paused_as_ever_with_the_statements_of_airflow(lab, session):
    lab.commit("sha1", orders=limited(1))
    run = live(lab)

    with recorded(Session) as statements:
        fail(run, session)

    assert is_paused(lab)
    assert not any("FROM pinning_run" in statement.split("WHERE", 1)[0] for statement in statements)
