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
"""What the process of a task does when the task of a canary run fails: it alarms nobody."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow._shared.timezones import timezone
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.execution_time import task_runner
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.enforcement.canaries import task_process
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.patch_points import RELEASE
from airflow_providers_pinning.vocabulary import Alerts, StateWrites
from tests.support.execution_api import api_of_tasks
from tests.support.sources import dag_file
from tests.unit.enforcement.canaries.test_own_processes import Supervisor

CALLBACKS = [f"on_{when}_callback" for when in ("execute", "success", "skipped", "retry", "failure")]


@pytest.fixture(scope="module")
def start(airflow_database):
    with api_of_tasks() as start:
        yield start


LOG = SimpleNamespace(**{name: (lambda *_, **__: None) for name in ("debug", "info", "warning", "error", "exception")})


class Process:
    """The process of a task that has ended; ``called`` is what it called, ``sent`` the states that it wrote of."""

    def __init__(self, ti, monkeypatch):
        self.called, self.sent = [], []
        notifier = "airflow.providers.smtp.notifications.smtp.SmtpNotifier.__call__"
        monkeypatch.setattr(notifier, lambda *_: self.sent.append(self.ti.state.value))
        emails = {"email": ["ops@example.org"], "email_on_retry": True, "email_on_failure": True}
        callbacks = {kind: [lambda _, kind=kind: self.called.append(kind)] for kind in CALLBACKS}
        task = SimpleNamespace(**emails, **callbacks, operator_extra_links=())
        self.id = ti.id
        names = {name: getattr(ti, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
        self.ti = SimpleNamespace(**names, task=task, try_number=1, max_tries=1, start_date=None, end_date=None)

    def is_to_be_retried(self, client):
        """Tell the server that the task is to be retried, as the supervisor does before the process ends."""
        client.task_instances.retry(self.id, timezone.utcnow(), None)

    def end(self, state):
        """Let it end as Airflow lets it."""
        self.ti.state, error = state, ValueError("no rows")
        context = {"ti": self.ti, "exception": error}
        task_runner._run_task_state_change_callbacks(self.ti.task, "on_execute_callback", context, LOG)
        task_runner.finalize(self.ti, state, context, LOG, error)


@pytest.fixture
def process(lab, start, session, monkeypatch):
    """Return what starts the process of a task of a canary run."""
    source = dag_file("orders", "schedule=None")
    lab.commit("sha1", orders=source)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source.replace("task_id='extract'", "task_id='extract', retries=1"))
    monkeypatch.setenv(task_process._ENVIRONMENT, "{}")

    def create(**isolation):
        request = CanaryRequest(2, isolation=Isolation(**isolation))
        [run_id] = create_canary_runs("orders", request, lab.change(), session=session).run_ids
        session.commit()
        ti = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).one()
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(start(ti)), raising=False)
        task_process.parse(SimpleNamespace(what=SimpleNamespace(ti=ti), proceed=lambda: None))
        return Process(ti, monkeypatch)

    return create


def kept(session):
    session.expire_all()
    return [(effect.task_id, effect.kind, effect.payload) for effect in session.scalars(select(WithheldEffect))]


def test_nobody_is_alarmed_by_a_failure_and_it_is_kept_who_would_have_been(process, session):
    of_canary = process()

    of_canary.end(task_runner.TaskInstanceState.FAILED)

    assert (of_canary.called, of_canary.sent) == (["on_execute_callback"], [])
    about = {"on": "failure", "reason": "no rows"}
    assert kept(session) == [
        ("extract", "callback", {"request": "TaskCallbackRequest", **about}),
        ("extract", "callback", {"request": "EmailRequest", **about}),
    ]
    assert session.scalars(select(Variable)).all() == []


def test_a_try_that_failed_alarms_nobody_either(process, session):
    of_canary = process()

    of_canary.end(task_runner.TaskInstanceState.UP_FOR_RETRY)

    assert (of_canary.called, of_canary.sent) == (["on_execute_callback"], [])
    assert [(payload["request"], payload["on"]) for _, _, payload in kept(session)] == [
        ("TaskCallbackRequest", "retry"),
        ("EmailRequest", "retry"),
    ]


def test_a_try_that_is_archived_by_then_tells_what_it_has_withheld_and_writes_nothing_else(process, session):
    of_canary = process()
    client = task_runner.SUPERVISOR_COMMS.client

    of_canary.is_to_be_retried(client)
    of_canary.end(task_runner.TaskInstanceState.UP_FOR_RETRY)

    assert [(payload["request"], payload["on"]) for _, _, payload in kept(session)] == [
        ("TaskCallbackRequest", "retry"),
        ("EmailRequest", "retry"),
    ]
    if RELEASE >= (3, 4):
        with pytest.raises(ServerResponseError, match="archived"):
            client.variables.set("watermark", "1", None)


@pytest.mark.parametrize(
    ("state", "callback"), [("SUCCESS", "on_success_callback"), ("SKIPPED", "on_skipped_callback")]
)
def test_what_a_task_calls_when_it_ends_well_is_part_of_it(process, session, state, callback):
    of_canary = process()

    of_canary.end(task_runner.TaskInstanceState[state])

    assert of_canary.called == ["on_execute_callback", callback]
    assert kept(session) == []


def test_canary_that_is_to_alert_alarms_as_a_live_run(process, session):
    of_canary = process(alerts=Alerts.SEND, state=StateWrites.WRITE)

    of_canary.end(task_runner.TaskInstanceState.FAILED)

    assert of_canary.called == ["on_execute_callback", "on_failure_callback"]
    assert of_canary.sent == ["failed"]
    assert kept(session) == []


def test_live_run_alarms_as_ever(process, session, monkeypatch):
    of_live = process()
    monkeypatch.setenv(task_process._ENVIRONMENT, "{}")

    of_live.end(task_runner.TaskInstanceState.FAILED)

    assert of_live.called == ["on_execute_callback", "on_failure_callback"]
    assert of_live.sent == ["failed"]


def test_what_cannot_be_kept_alarms_nobody(process, session, monkeypatch):
    of_canary = process()

    def unreachable(_):
        raise ConnectionError("The API server does not answer")

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=unreachable))
    of_canary.end(task_runner.TaskInstanceState.FAILED)

    assert (of_canary.called, of_canary.sent) == (["on_execute_callback"], [])
