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
from airflow.callbacks.callback_requests import EmailRequest
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.models.deadline import Deadline
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import handle_event_submit
from airflow.triggers.base import TaskFailedEvent
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.vocabulary import Alerts, StateWrites
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file

ALARMING = (
    "schedule=None, on_failure_callback=print, on_success_callback=print, "
    "deadline=DeadlineAlert(name='late', reference=DeadlineReference.DAGRUN_QUEUED_AT, "
    "interval=timedelta(hours=1), callback=AsyncCallback('asyncio.sleep'))"
)


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders", ALARMING))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", ALARMING, "extract load"))
    return lab


@pytest.fixture
def runner(scheduler):
    """Return a scheduler whose executor hands callbacks over as it does when it runs."""
    for executor in scheduler.runner.executors:
        executor.callback_sink = DatabaseCallbackSink()
    return scheduler.runner


def canary(lab, **request):
    created = create_canary_runs("orders", CanaryRequest(2, **request), lab.change(), session=lab.session)
    lab.session.commit()
    return lab.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0])).one()


def live(lab, run_id="live"):
    run = trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()
    return run


def withheld(session, kind):
    session.commit()
    rows = session.scalars(select(WithheldEffect).where(WithheldEffect.kind == kind).order_by(WithheldEffect.id))
    return [(row.run_id, row.task_id, row.payload) for row in rows]


def rows(session, model):
    session.commit()
    return session.scalar(select(func.count()).select_from(model))


def end(run, state, runner, session):
    """End a run as the scheduler does, and let it send the callbacks."""
    run_id = run.run_id
    run.state = DagRunState.RUNNING
    for ti in run.task_instances:
        ti.state = state
    session.flush()
    run.dag = dag = DBDagBag().get_dag_for_run(run, session=session)
    _, callback = run.update_state(session=session, execute_callbacks=False)
    session.commit()
    runner._send_dag_callbacks_to_processor(dag, callback)
    return run_id


def test_a_canary_has_no_deadline_and_it_is_kept_what_it_would_be(pinned, session):
    run_id = canary(pinned).run_id

    assert rows(session, Deadline) == 0
    [(kept, task_id, payload)] = withheld(session, "deadline")
    assert (kept, task_id, payload["name"]) == (run_id, None, "late")
    assert payload["reference"]["reference_type"] == "DagRunQueuedAtDeadline"
    live(pinned)
    assert rows(session, Deadline) == 1


@pytest.mark.parametrize(
    ("state", "on"), [(TaskInstanceState.FAILED, "failure"), (TaskInstanceState.SUCCESS, "success")]
)
def test_callbacks_of_the_dag_are_not_run_for_a_canary(pinned, runner, session, state, on):
    run_id = end(canary(pinned), state, runner, session)

    assert rows(session, DbCallbackRequest) == 0
    [(kept, task_id, payload)] = withheld(session, "callback")
    assert (kept, task_id) == (run_id, None)
    assert (payload["request"], payload["on"]) == ("DagCallbackRequest", on)
    end(live(pinned), state, runner, session)
    assert (rows(session, DbCallbackRequest), len(withheld(session, "callback"))) == (1, 1)


def first_task(run, session):
    return session.scalars(
        select(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.task_id == "extract")
    ).one()


def lose_heartbeat(ti, runner, session):
    ti.state = TaskInstanceState.RUNNING
    session.commit()
    runner._purge_task_instances_without_heartbeats([ti], session=session)


def end_by_trigger(ti, runner, session):
    handle_event_submit(TaskFailedEvent(), task_instance=ti, session=session)


@pytest.mark.parametrize("lose", [lose_heartbeat, end_by_trigger])
def test_callbacks_of_tasks_that_airflow_ends_itself_are_not_run_for_a_canary(pinned, runner, session, lose):
    trial = canary(pinned)
    run_id = trial.run_id
    lose(first_task(trial, session), runner, session)

    assert rows(session, DbCallbackRequest) == 0
    [(kept, task_id, payload)] = withheld(session, "callback")
    assert (kept, task_id) == (run_id, "extract")
    assert (payload["request"], payload["on"]) == ("TaskCallbackRequest", "failed")
    lose(first_task(live(pinned), session), runner, session)
    assert rows(session, DbCallbackRequest) == 1


def email(run, session):
    from airflow.api_fastapi.execution_api.datamodels.taskinstance import DagRun as RunModel
    from airflow.api_fastapi.execution_api.datamodels.taskinstance import TaskInstance as TaskInstanceModel
    from airflow.api_fastapi.execution_api.datamodels.taskinstance import TIRunContext

    ti = first_task(run, session)
    context = TIRunContext(
        dag_run=RunModel.model_validate(run, from_attributes=True),
        max_tries=0,
        variables=[],
        connections=[],
        xcom_keys_to_clear=[],
    )
    return EmailRequest(
        filepath="orders.py",
        bundle_name=BUNDLE,
        bundle_version=run.bundle_version,
        ti=TaskInstanceModel.model_validate(ti, from_attributes=True),
        context_from_server=context,
    )


def test_no_email_of_a_canary_is_sent_by_airflow(pinned, session):
    DatabaseCallbackSink().send(email(canary(pinned), session))

    assert rows(session, DbCallbackRequest) == 0
    assert [payload["on"] for _, _, payload in withheld(session, "callback")] == ["failure"]


def test_a_run_whose_id_only_looks_like_a_canarys_alarms(pinned, runner, session):
    end(live(pinned, "canary__mine"), TaskInstanceState.FAILED, runner, session)

    assert (rows(session, Deadline), rows(session, DbCallbackRequest)) == (1, 1)
    assert rows(session, WithheldEffect) == 0


def test_canary_that_is_to_alert_is_like_a_live_run(pinned, session, runner):
    run = canary(pinned, isolation=Isolation(alerts=Alerts.SEND, state=StateWrites.WRITE))
    assert rows(session, Deadline) == 1

    end(run, TaskInstanceState.FAILED, runner, session)

    assert rows(session, DbCallbackRequest) == 1
    assert rows(session, WithheldEffect) == 0
