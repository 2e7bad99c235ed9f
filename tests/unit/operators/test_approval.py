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
"""What a person is asked and what the answer is for. Execution API, clear and answer are Airflow's own."""

from types import SimpleNamespace

import pytest
from airflow._shared.timezones import timezone
from airflow.models.hitl import HITLDetail
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.trigger import handle_event_submit
from airflow.providers.standard.exceptions import HITLRejectException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskAwaitingInput
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import HITLDetailRequestResult
from airflow.sdk.serde import deserialize, serialize
from airflow.triggers.base import TriggerEvent
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from airflow_providers_pinning.exceptions import QuestionOutdatedError
from airflow_providers_pinning.operators.approval import ApproveDagVersionOperator
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.execution_api import execution_api

SHOWS_THE_NEW_QUESTION = RELEASE >= (3, 4)
"""Whether Airflow writes a question down again when its task asks once more, instead of showing the earlier one."""
OLD = {"version_number": 2, "bundle_name": "b", "bundle_version": "sha2", "dag_hash": "h2", "revision": 7}
NEW = {"version_number": 3, "bundle_name": "b", "bundle_version": "sha3", "dag_hash": "h3", "revision": 7}
PROMOTE = """
    from airflow.sdk import DAG
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG("promote", schedule=None):
        EmptyOperator(task_id="approval")
"""


class Question:
    """The task instance of an approval, which is executed here against Airflow's execution API."""

    def __init__(self, session, client):
        self.session = session
        self.client = client
        self.pushed = {}

    @property
    def ti(self):
        self.session.expire_all()
        return self.session.scalars(select(TaskInstance).where(TaskInstance.task_id == "approval")).one()

    def send(self, msg):
        """Answer the task as its supervisor does."""
        values = {name: getattr(msg, name) for name in type(msg).model_fields if name != "type"}
        self.session.commit()
        return HITLDetailRequestResult.from_api_response(self.client.hitl.add_response(**values))

    def context(self):
        ti = SimpleNamespace(id=self.ti.id, xcom_push=lambda key, value: self.pushed.__setitem__(key, value))
        return {"ti": ti, "task_instance": ti}

    def ask(self, operator):
        """Execute the task until it waits."""
        with pytest.raises(TaskAwaitingInput) as waiting:
            operator.execute(self.context())
        ti = self.ti
        ti.next_method = waiting.value.method_name
        ti.next_kwargs = serialize(waiting.value.kwargs or {})
        ti.state = "awaiting_input"
        self.session.commit()

    def shown(self):
        return self.session.scalars(select(HITLDetail).where(HITLDetail.ti_id == self.ti.id)).one()

    def answer(self, operator, option):
        """Have Airflow take an answer, and execute the rest of the task."""
        detail = self.shown()
        detail.chosen_options, detail.responded_at = [option], timezone.utcnow()
        self.session.commit()
        ti = self.ti
        handle_event_submit(
            TriggerEvent(self.shown().as_resume_event_payload()), task_instance=ti, session=self.session
        )
        self.session.commit()
        return getattr(operator, ti.next_method)(self.context(), **deserialize(ti.next_kwargs))

    def clear(self):
        clear_task_instances([self.ti], self.session)
        self.session.commit()


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


@pytest.fixture
def approval(lab, session, client, monkeypatch):
    lab.commit("sha1", promote=PROMOTE)
    SerializedDagModel.get_dag("promote", session=session).create_dagrun(
        run_id="manual__1",
        run_type=DagRunType.MANUAL,
        run_after=timezone.utcnow(),
        triggered_by=DagRunTriggeredByType.REST_API,
        state="running",
        session=session,
    )
    session.commit()
    question = Question(session, client)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", question, raising=False)
    return question


def operator(version=OLD, **options):
    with DAG("promote", schedule=None):
        return ApproveDagVersionOperator(task_id="approval", target_dag_id="orders", version=version, **options)


def test_airflow_itself_shows_the_old_question_after_a_clear_until_3_4(approval):
    """The operator refuses for 3.3; later on it finds the new question shown."""

    def stock(subject):
        with DAG("promote", schedule=None):
            return ApprovalOperator(task_id="approval", subject=subject)

    approval.ask(stock("Release version 2?"))
    approval.clear()
    approval.ask(stock("Release version 3?"))
    assert approval.shown().subject == ("Release version 3?" if SHOWS_THE_NEW_QUESTION else "Release version 2?")


def test_question_says_for_exactly_what_the_approval_is(approval):
    approval.ask(operator(body="Evidence."))
    assert approval.shown().subject == "Release version 2 of Dag orders?"
    assert approval.shown().body == (
        "Evidence.\n\nYour approval is for exactly version 2 of Dag `orders`: the code of commit `sha2` of bundle `b`, "
        "with structure `h2`."
    )


def ask_otherwise(approval, task, match):
    """Ask what differs from what was asked before a clear: refused if Airflow goes on showing the earlier question."""
    if SHOWS_THE_NEW_QUESTION:
        approval.ask(task)
        assert (approval.shown().subject, approval.shown().body) == (task.subject, task.body)
        return
    with pytest.raises(QuestionOutdatedError, match=match):
        task.execute(approval.context())


def test_nobody_is_asked_with_the_question_of_another_version(approval):
    approval.ask(operator())
    approval.clear()
    ask_otherwise(approval, operator(NEW), r"'Release version 2 of Dag orders\?'.*version 3 .*Trigger a new run")
    if SHOWS_THE_NEW_QUESTION:
        assert approval.shown().subject == "Release version 3 of Dag orders?"
        assert approval.answer(operator(), "Approve")["version_number"] == 3


def test_nobody_is_asked_with_other_evidence(approval):
    approval.ask(operator(body="3 runs"))
    approval.clear()
    ask_otherwise(approval, operator(body="4 runs"), "nothing is approved unseen")


def test_same_question_is_asked_again_after_a_clear(approval):
    approval.ask(operator())
    approval.answer(operator(), "Approve")
    approval.clear()
    approval.ask(operator())
    assert approval.shown().chosen_options is None
    assert approval.answer(operator(), "Approve")["version_number"] == 2


def test_answer_is_for_what_was_shown_although_another_version_was_found_meanwhile(approval):
    approval.ask(operator())
    answered = approval.answer(operator(NEW), "Approve")
    assert {name: answered[name] for name in OLD} == OLD
    assert (answered["chosen_options"], approval.pushed) == (["Approve"], {})


def test_rejection_names_the_version_that_was_shown(approval):
    approval.ask(operator(fail_on_reject=True))
    with pytest.raises(HITLRejectException):
        approval.answer(operator(NEW, fail_on_reject=True), "Reject")
    assert approval.pushed == {"rejected_version": 2}


def test_people_who_may_answer_are_those_that_were_named(approval):
    approval.ask(operator(assigned_users=[{"id": "1", "name": "alice"}]))
    assert approval.shown().assignees == [{"id": "1", "name": "alice"}]


@pytest.mark.parametrize("version", [None, {}, {**OLD, "bundle_version": None}, "None"])
def test_question_about_no_version_is_refused(version, approval):
    with pytest.raises(ValueError, match="version must be the result of a sensor"):
        operator(version).execute(approval.context())
