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

from datetime import timedelta

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.remembered import remembered
from tests.support.replays import DAY, TASKS


@pytest.fixture
@remembered
def two_versions(lab):
    lab.commit("sha1", orders=dag_with_tasks(TASKS))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_with_tasks({**TASKS, "check": "all_success"}))


@pytest.fixture
def canaries(two_versions, scheduler):
    return Canaries(two_versions, scheduler)


@pytest.fixture
def live(canaries, session):
    """Return a function that makes a finished live run of the pinned version, and returns its id."""

    def make(day=DAY, *, state="success", conf=None, version=1, dag_id="orders", name=None, **values):
        dag_version = canaries.lab.version(dag_id, version)
        run = trigger_dag(
            dag_id,
            run_id=name or f"live__{day:%Y-%m-%d}",
            logical_date=day,
            conf=conf,
            triggered_by=DagRunTriggeredByType.TIMETABLE,
            session=session,
        )
        run.run_type, run.created_dag_version_id = DagRunType.SCHEDULED, dag_version.id
        run.data_interval_start, run.data_interval_end = day, day + timedelta(days=1)
        run.state, run.start_date, run.end_date = state, day + timedelta(days=1), day + timedelta(days=1, hours=1)
        for ti in run.task_instances:
            ti.state, ti.try_number, ti.duration = "success", 1, 30
        for name, value in values.items():
            setattr(run, name, value)
        run_id = run.run_id
        session.commit()
        return run_id

    return make
