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
"""What a task of a canary run may not do to other runs, and what it gets when its own run is gone."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.models.xcom import XComModel
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.monitoring.maintenance import forget_gone_runs
from airflow_providers_pinning.vocabulary import Triggers
from tests.unit.enforcement.canaries.test_secrets import SUBSTITUTES, live, registered, start, task, value

__all__ = ["live", "registered", "start", "task"]


@pytest.fixture
def other(registered, session):
    """A live run that ended well, and one of its tasks, which has an XCom."""
    run = trigger_dag("orders", run_id="live1", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    run.state = "success"
    session.commit()
    ti = session.scalars(select(TaskInstance).where(TaskInstance.run_id == "live1")).first()
    XComModel.set("watermark", "live", dag_id="orders", task_id=ti.task_id, run_id="live1", session=session)
    session.commit()
    return ti


def xcoms(session):
    session.expire_all()
    return {(xcom.run_id, xcom.key): xcom.value for xcom in session.scalars(select(XComModel))}


def test_it_writes_no_xcom_of_a_live_run(task, other, session):
    with pytest.raises(ServerResponseError) as refused:
        task().xcoms.set("orders", "live1", other.task_id, "watermark", '"canary"')

    assert refused.value.response.status_code == 403
    assert "canary_writes_elsewhere" in refused.value.response.text
    assert xcoms(session)["live1", "watermark"] == '"live"'


def test_it_deletes_no_xcom_of_a_live_run(task, other, session):
    with pytest.raises(ServerResponseError):
        task().xcoms.delete("orders", "live1", other.task_id, "watermark")

    assert ("live1", "watermark") in xcoms(session)


def test_it_writes_and_deletes_xcoms_of_its_own(task, session):
    client = task()
    client.xcoms.set("orders", client.run_id, "extract", "watermark", '"canary"')
    assert (client.run_id, "watermark") in xcoms(session)

    client.xcoms.delete("orders", client.run_id, "extract", "watermark")

    assert (client.run_id, "watermark") not in xcoms(session)


def test_a_live_run_writes_xcoms_of_any_run(live, other, session):
    live.xcoms.set("orders", "live1", other.task_id, "watermark", '"newer"')

    assert xcoms(session)["live1", "watermark"] == '"newer"'


def test_it_clears_no_run_as_it_may_trigger_none(task, other, session):
    with pytest.raises(ServerResponseError) as refused:
        task().dag_runs.clear("orders", "live1")

    assert "canary_triggers_no_run" in refused.value.response.text
    session.expire_all()
    assert session.scalar(select(DagRun.state).where(DagRun.run_id == "live1")) == "success"


def test_it_clears_runs_if_it_may_trigger_them(task, other, session):
    task(triggers=Triggers.ALLOW).dag_runs.clear("orders", "live1")

    session.expire_all()
    assert session.scalar(select(DagRun.state).where(DagRun.run_id == "live1")) == "queued"


def test_a_run_that_nobody_knows_any_more_gets_nothing_of_live_runs(task, session):
    client = task(**SUBSTITUTES)
    session.delete(session.scalar(select(DagRun).where(DagRun.run_id == client.run_id)))
    session.commit()
    forget_gone_runs(session=session)
    session.commit()

    def refused(ask):
        try:
            answer = ask()
        except ServerResponseError as error:
            # Airflow 3.4 looks for the task of a run that writes, and finds none before this package is asked.
            return error.response.status_code in (403, 404)
        return isinstance(answer, ErrorResponse)

    assert refused(lambda: client.connections.get("warehouse"))
    assert refused(lambda: client.variables.get("bucket"))
    assert refused(lambda: client.variables.set("bucket", "by a canary", None))
    session.expire_all()
    assert session.scalar(select(Variable).where(Variable.key == "bucket")).val == "live"


def test_a_live_run_that_is_named_like_a_canary_is_told_that_it_is_none(live):
    told = live.variables.get("airflow_providers_pinning.substitutes")

    assert '"is_canary": false' in told.value
    assert value(live, "bucket") == "live"
