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
"""Clearing while a host without the enforcement has written HEAD's commit into Airflow's row of a pinned Dag."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.taskinstance import clear_task_instances
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import update

from tests.support.sources import CHANGED, STABLE


@pytest.fixture(params=[DagRunState.RUNNING, DagRunState.FAILED])
def run(lab, session, request):
    """Create a run of HEAD's version before version 1 is pinned; then a host without the enforcement parses."""
    lab.commit("sha1", orders=CHANGED)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=STABLE)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    run.state = request.param
    for ti in run.task_instances:
        ti.state = TaskInstanceState.FAILED
    session.commit()
    lab.pin("orders", 1)
    session.execute(update(DagModel).where(DagModel.dag_id == "orders").values(bundle_version="sha2"))
    session.commit()
    session.expire_all()
    return run


def test_a_run_that_is_cleared_on_the_latest_version_gets_the_pinned_code(run, lab, session):
    clear_task_instances(list(run.task_instances), session, run_on_latest_version=True)
    session.commit()

    assert (lab.used_versions(run), run.bundle_version) == ({1}, "sha1")


def test_a_run_that_gets_only_the_new_tasks_gets_the_pinned_code(run, lab, session):
    lab.serialized("orders", 1).dag.clear(run_id=run.run_id, only_new=True, session=session)
    session.commit()

    assert (lab.used_versions(run), run.bundle_version) == ({1}, "sha1")


def test_what_airflow_reads_is_not_written(run, lab, session):
    clear_task_instances(list(run.task_instances), session, run_on_latest_version=True)
    session.commit()

    assert lab.dag_model("orders").bundle_version == "sha2"
