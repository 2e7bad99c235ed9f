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

from types import SimpleNamespace
from uuid import uuid4

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.execution_api.datamodels.dagrun import TriggerDAGRunPayload
from airflow.api_fastapi.execution_api.routes import dag_runs
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.vocabulary import Triggers
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file


@pytest.fixture
@remembered
def registered(lab):
    lab.commit("sha1", orders=STABLE, billing=dag_file("billing", "schedule=None"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED, billing=dag_file("billing", "schedule=None"))
    return lab


def ask_to_trigger(run_id, session):
    """Trigger a run as a task of another run asks the Execution API to."""
    ti_id = session.scalars(select(TaskInstance.id).where(TaskInstance.run_id == run_id)).first()
    dag_runs.trigger_dag_run(
        dag_id="billing",
        run_id="called",
        payload=TriggerDAGRunPayload(),
        session=session,
        token=SimpleNamespace(id=ti_id or uuid4()),
    )
    session.commit()


def canary(lab, **isolation):
    request = CanaryRequest(2, isolation=Isolation(**isolation))
    created = create_canary_runs("orders", request, lab.change(), session=lab.session)
    lab.session.commit()
    return created.run_ids[0]


def test_task_of_a_canary_run_triggers_nothing_and_is_told_why(registered, session):
    run_id = canary(registered)

    with pytest.raises(HTTPException) as refused:
        ask_to_trigger(run_id, session)

    assert (refused.value.status_code, refused.value.detail["reason"]) == (403, "canary_triggers_no_run")
    for part in (run_id, "'billing'", "skip_in_canary", "{'triggers': 'allow'}"):
        assert part in refused.value.detail["message"]
    assert registered.runs("billing") == []


def test_task_of_a_canary_run_that_may_trigger_does(registered, session):
    ask_to_trigger(canary(registered, triggers=Triggers.ALLOW), session)

    assert [run.run_id for run in registered.runs("billing")] == ["called"]


@pytest.mark.parametrize("run_id", ["live", "canary__of_a_person"])
def test_task_of_a_live_run_triggers_as_ever(registered, session, run_id):
    trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()

    ask_to_trigger(run_id, session)

    assert [run.run_id for run in registered.runs("billing")] == ["called"]


def test_task_that_is_gone_triggers_as_it_did(registered, session):
    ask_to_trigger("nothing", session)

    assert [run.run_id for run in registered.runs("billing")] == ["called"]
