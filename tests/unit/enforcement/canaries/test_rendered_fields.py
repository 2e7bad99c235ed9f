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
"""Rendered templates of live runs, which stay however many canary runs came since."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs


@pytest.fixture
def runs(lab, session):
    """Three live runs and then three canary runs, one an hour, whose templates were rendered."""
    lab.pin_first_of_two()
    by = {"triggered_by": DagRunTriggeredByType.REST_API, "session": session}
    created = [trigger_dag("orders", run_id=f"live{number}", **by).run_id for number in range(3)]
    created += create_canary_runs("orders", CanaryRequest(2, count=3), lab.change(), session=session).run_ids
    for hour, run_id in enumerate(created):
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        run.run_after = timezone.utcnow() + timedelta(hours=hour)
        for ti in run.task_instances:
            fields = RenderedTaskInstanceFields(ti, render_templates=False, rendered_fields={"sql": "SELECT 1"})
            session.add(fields)
    session.commit()
    return created


def kept(session):
    """Return the ids of the runs of which those of a task are there."""
    session.commit()
    fields, task = RenderedTaskInstanceFields, TaskInstance
    if hasattr(fields, "run_id"):
        return set(session.scalars(select(fields.run_id).where(fields.task_id == "extract")))
    query = select(task.run_id).join(fields, fields.task_instance_id == task.id).where(task.task_id == "extract")
    return set(session.scalars(query))


def test_those_of_the_newest_live_runs_stay(runs, session):
    RenderedTaskInstanceFields.delete_old_records("extract", "orders", num_to_keep=2, session=session)

    assert kept(session) == {"live1", "live2", *runs[-2:]}


def test_without_a_limit_all_stay(runs, session):
    RenderedTaskInstanceFields.delete_old_records("extract", "orders", num_to_keep=0, session=session)

    assert kept(session) == set(runs)
