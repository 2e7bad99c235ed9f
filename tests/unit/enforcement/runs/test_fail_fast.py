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
from airflow.api_fastapi.execution_api.routes.task_instances import _handle_fail_fast_for_dag
from airflow.models.dagbag import DBDagBag
from airflow.utils.state import TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType

from tests.support.sources import dag_file


def source(fail_fast, tasks="failing"):
    return dag_file("orders", f"schedule=None, fail_fast={fail_fast}", tasks, "EmptyOperator(task_id='beside')")


def beside_after_failure(run, session):
    """Let a task of the run fail, and return the state of the one that runs beside it."""
    failing, beside = (run.get_task_instance(task_id, session=session) for task_id in ("failing", "beside"))
    failing.state, beside.state = TaskInstanceState.FAILED, TaskInstanceState.RUNNING
    session.flush()
    _handle_fail_fast_for_dag(ti=failing, dag_id="orders", session=session, dag_bag=DBDagBag())
    return beside.state


@pytest.fixture
def run(lab, session):
    """Return a function that creates a run with a version which says one thing, and pins one that says the other."""

    def create(fail_fast):
        lab.commit("sha1", orders=source(fail_fast))
        lab.pin("orders", 1)
        created = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
        session.commit()
        lab.commit("sha2", orders=source(not fail_fast, "failing other"))
        lab.pin("orders", 2)
        return created

    return create


@pytest.mark.parametrize(("fail_fast", "state"), [(True, TaskInstanceState.FAILED), (False, TaskInstanceState.RUNNING)])
def test_a_run_is_stopped_at_its_first_failure_if_its_own_version_says_so(fail_fast, state, run, session):
    assert beside_after_failure(run(fail_fast), session) == state


def test_a_version_that_cannot_be_read_leaves_it_to_the_active_one(run, lab, session):
    created = run(True)
    lab.remove_plugin("orders", 1)

    assert beside_after_failure(created, session) == TaskInstanceState.RUNNING


def test_a_run_of_a_dag_without_managed_versions_follows_the_dag_as_ever(lab, session):
    lab.commit("sha1", orders=source(True))
    created = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    lab.commit("sha2", orders=source(False, "failing other"))

    assert beside_after_failure(created, session) == TaskInstanceState.RUNNING


def test_a_run_of_the_active_version_does_not_have_its_dag_deserialized_once_more(run, lab, session, monkeypatch):
    run(True)
    created = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    read = []
    monkeypatch.setattr(DBDagBag, "get_dag_for_run", lambda self, **options: read.append(options))

    assert beside_after_failure(created, session) == TaskInstanceState.RUNNING
    assert read == []
