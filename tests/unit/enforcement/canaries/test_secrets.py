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
from airflow import settings
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.connection import Connection
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.utils.types import DagRunTriggeredByType
from cryptography.fernet import Fernet
from sqlalchemy import event, select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.canaries.withheld import count_withheld
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import InvalidIsolationError
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.vocabulary import Alerts, StateWrites
from tests.support.execution_api import api_of_tasks
from tests.support.remembered import remembered

SUBSTITUTES = {"connections": {"warehouse": "warehouse_canary"}, "variables": {"bucket": "bucket_canary"}}


@pytest.fixture(scope="module")
def start(airflow_database):
    with api_of_tasks() as start:
        yield start


@pytest.fixture
@remembered
def registered(lab, session):
    lab.pin_first_of_two()
    session.add_all(
        [
            Connection(conn_id="warehouse", conn_type="postgres", host="live.example"),
            Connection(conn_id="warehouse_canary", conn_type="postgres", host="trial.example"),
            Variable(key="bucket", val="live"),
            Variable(key="bucket_canary", val="trial"),
        ]
    )
    session.commit()
    return lab


@pytest.fixture
def task(registered, start, session):
    """Return what starts a canary run and returns the client of one of its tasks."""

    def canary(number=0, **isolation):
        request = CanaryRequest(2, isolation=Isolation(**isolation))
        created = create_canary_runs("orders", request, registered.change(), session=session)
        session.commit()
        return of(created.run_ids[0], number)

    def of(run_id, number=0):
        tis = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id).order_by(TaskInstance.task_id))
        client = start(tis.all()[number])
        client.run_id = run_id
        return client

    canary.of = of
    return canary


@pytest.fixture
def live(registered, task, session):
    """Return the client of a task of a live run."""
    trigger_dag("orders", run_id="canary__of_a_person", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    return task.of("canary__of_a_person")


def value(client, key):
    answer = client.variables.get(key)
    return None if isinstance(answer, ErrorResponse) else answer.value


def test_a_canary_run_gets_the_substitute_under_the_name_of_the_live_connection(task, live):
    answer = task(**SUBSTITUTES).connections.get("warehouse")

    assert (answer.conn_id, answer.host) == ("warehouse", "trial.example")
    assert live.connections.get("warehouse").host == "live.example"


def test_a_canary_run_gets_the_substitute_under_the_name_of_the_live_variable(task, live):
    assert value(task(**SUBSTITUTES), "bucket") == "trial"
    assert value(live, "bucket") == "live"


def test_a_canary_run_without_substitutes_gets_what_live_runs_get(task):
    client = task()

    assert client.connections.get("warehouse").host == "live.example"
    assert value(client, "bucket") == "live"


def test_what_is_not_substituted_is_handed_out(task):
    client = task(**SUBSTITUTES)

    assert client.connections.get("warehouse_canary").conn_id == "warehouse_canary"
    assert value(client, "bucket_canary") == "trial"


def test_a_substitute_that_is_gone_is_not_made_up_for_by_the_live_one(task, session):
    client = task(**SUBSTITUTES)
    session.delete(session.scalars(select(Connection).where(Connection.conn_id == "warehouse_canary")).one())
    session.delete(session.scalars(select(Variable).where(Variable.key == "bucket_canary")).one())
    session.commit()

    assert isinstance(client.connections.get("warehouse"), ErrorResponse)
    assert value(client, "bucket") is None


def test_the_token_names_the_run_when_it_is_renewed(task, monkeypatch):
    client = task(**SUBSTITUTES)
    monkeypatch.setattr("airflow.api_fastapi.execution_api.app.max", lambda *_: 10**9, raising=False)
    before = client.auth.token
    client.connections.get("warehouse")

    assert client.auth.token != before
    assert client.connections.get("warehouse").host == "trial.example"


@pytest.mark.parametrize(
    ("isolation", "parts"),
    [
        ({"connections": {"warehouse": "nowhere"}}, ("no connection 'nowhere'", "'warehouse'", "Create it")),
        ({"variables": {"bucket": "nothing"}}, ("no Variable 'nothing'", "'bucket'", "Create it")),
        ({"variables": {"bucket": "bucket"}}, ("itself replaced",)),
        (
            {**SUBSTITUTES, "alerts": Alerts.SEND, "state": StateWrites.WRITE},
            ("substitutes and alerts 'send'", "'withhold'"),
        ),
    ],
)
def test_substitutes_that_would_not_be_had_are_refused(task, isolation, parts):
    with pytest.raises(InvalidIsolationError) as refused:
        task(**isolation)

    for part in parts:
        assert part in str(refused.value)


def test_callbacks_are_not_called_while_what_they_write_would_be_withheld_in_name_only(registered, session):
    """They run outside the run, so that nothing keeps what they write from the live world."""
    request = CanaryRequest(2, isolation=Isolation(alerts=Alerts.SEND))

    with pytest.raises(InvalidIsolationError, match="set state to 'write' as well"):
        create_canary_runs("orders", request, registered.change(), session=session)

    session.rollback()
    both = Isolation(alerts=Alerts.SEND, state=StateWrites.WRITE)
    assert create_canary_runs("orders", CanaryRequest(2, isolation=both), registered.change(), session=session).run_ids


def test_the_answer_names_what_may_still_come_from_a_worker(registered, session):
    request = CanaryRequest(2, isolation=Isolation(**SUBSTITUTES))

    warnings = " ".join(create_canary_runs("orders", request, registered.change(), session=session).warnings)

    assert "AIRFLOW_CONN_WAREHOUSE" in warnings
    assert "AIRFLOW_VAR_BUCKET" in warnings


def test_a_canary_run_reads_back_what_it_wrote_and_live_runs_do_not(task, live, session):
    client = task()
    client.variables.set("bucket", "changed", None)

    assert value(client, "bucket") == "changed"
    assert value(task.of(client.run_id, 1), "bucket") == "changed"
    assert value(task(), "bucket") == "live"
    assert value(live, "bucket") == "live"
    assert session.scalars(select(Variable).where(Variable.key == "bucket")).one().val == "live"
    assert count_withheld("orders", [client.run_id], session=session) == {client.run_id: {"variable": 1}}


def test_a_canary_run_misses_what_it_deleted_until_it_sets_it_again(task, live):
    client = task()
    client.variables.delete("bucket")

    assert value(client, "bucket") is None
    assert value(live, "bucket") == "live"
    client.variables.set("bucket", "again", None)
    assert value(client, "bucket") == "again"


def test_a_canary_run_lists_the_variables_that_it_would_find(task, live):
    client = task()
    client.variables.set("bucket_new", "1", None)
    client.variables.set("other", "1", None)
    client.variables.delete("bucket")

    assert client.variables.keys(prefix="bucket").keys == ["bucket_canary", "bucket_new"]
    assert client.variables.keys(prefix="bucket", limit=1, offset=1).keys == ["bucket_new"]
    assert client.variables.keys().total_entries == 3
    assert live.variables.keys().keys == ["bucket", "bucket_canary"]


def test_a_canary_run_that_may_write_does(task, session):
    client = task(state=StateWrites.WRITE)
    client.variables.set("bucket", "changed", None)
    client.variables.delete("bucket_canary")

    assert dict(session.execute(select(Variable.key, Variable._val)).all()).keys() == {"bucket"}
    assert session.scalars(select(Variable)).one().val == "changed"
    assert session.scalars(select(WithheldEffect)).all() == []


def test_a_canary_run_that_may_write_writes_to_the_substitute(task, session):
    client = task(state=StateWrites.WRITE, **SUBSTITUTES)
    client.variables.set("bucket", "changed", None)

    variables = {variable.key: variable.val for variable in session.scalars(select(Variable))}
    assert variables == {"bucket": "live", "bucket_canary": "changed"}
    client.variables.delete("bucket")
    session.expire_all()
    assert session.scalars(select(Variable.key)).all() == ["bucket"]


def test_what_was_written_is_kept_without_its_value(task, session, monkeypatch):
    fernet = Fernet(Fernet.generate_key())
    monkeypatch.setattr("airflow_providers_pinning.domain.canaries.run_state.get_fernet", lambda: fernet)
    client = task()
    client.variables.set("bucket", "first", None)
    client.variables.set("bucket", "s3cret", None)
    session.expire_all()

    kept = session.scalars(select(WithheldEffect)).one()
    assert kept.payload == {"variable": "bucket", "operation": "set", "size": 6, "writes": 2}
    assert (kept.task_id, kept.map_index) == ("extract", -1)
    assert "s3cret" not in str(kept.value)
    assert value(client, "bucket") == "s3cret"


def test_what_a_live_task_asks_for_touches_no_table_of_the_package(registered, task, session):
    for _ in range(3):
        task(**SUBSTITUTES)
    trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    client, statements = task.of("live"), []

    def record(connection, cursor, statement, *_):
        statements.append(statement)

    event.listen(settings.engine, "before_cursor_execute", record)
    try:
        client.connections.get("warehouse")
        client.variables.set("bucket", "changed", None)
        client.variables.get("bucket")
        client.variables.keys()
        client.variables.delete("bucket")
    finally:
        event.remove(settings.engine, "before_cursor_execute", record)

    assert statements
    assert not [statement for statement in statements if "pinning_" in statement]


def test_what_is_too_large_to_be_kept_is_refused_with_the_remedy(task, monkeypatch):
    client = task()

    with pytest.raises(ServerResponseError) as refused:
        client.variables.set("bucket", "x" * (2**20 + 1), None)

    assert refused.value.response.status_code == 403
    for part in (client.run_id, "'bucket'", "1048577 bytes", "{'state': 'write'}"):
        assert part in str(refused.value.detail)


def test_more_names_than_are_kept_are_refused_with_the_remedy(task, monkeypatch):
    monkeypatch.setattr("airflow_providers_pinning.domain.canaries.run_state.MAX_RUN_STATE_NAMES", 1)
    client = task()
    client.variables.set("bucket", "1", None)
    client.variables.set("bucket", "2", None)

    with pytest.raises(ServerResponseError) as refused:
        client.variables.set("other", "1", None)

    assert "1 name" in str(refused.value.detail)
