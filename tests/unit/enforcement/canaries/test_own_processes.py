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

import asyncio
import json
from types import SimpleNamespace
from uuid import uuid4

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.connection import Connection
from airflow.models.taskinstance import TaskInstance
from airflow.models.variable import Variable
from airflow.sdk import BaseHook
from airflow.sdk import Variable as TaskVariable
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.execution_time import comms, context, request_handlers, task_runner
from airflow.sdk.execution_time.context import AssetStateStoreAccessor
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.canaries.withheld import count_withheld
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.enforcement.canaries import task_process, trigger_process
from tests.support.execution_api import api_of_tasks, execution_api
from tests.support.sources import dag_file

LOADING = dag_file("orders", "schedule=None", "begin", "EmptyOperator(task_id='load', outlets=[Asset('sales')])")
CHANGED = LOADING.replace("task_id='load'", "task_id='load_all'")
HANDLERS = {
    "GetConnection": request_handlers.handle_get_connection,
    "GetVariable": request_handlers.handle_get_variable,
    "PutVariable": request_handlers.handle_put_variable,
    "DeleteVariable": request_handlers.handle_delete_variable,
    "GetVariableKeys": request_handlers.handle_get_variable_keys,
    "SetAssetStateStoreByName": request_handlers.handle_set_asset_state_store_by_name,
    "DeleteAssetStateStoreByName": request_handlers.handle_delete_asset_state_store_by_name,
    "GetAssetStateStoreByName": request_handlers.handle_get_asset_state_store_by_name,
}


class Supervisor:
    """Answers a process as its supervisor does, with a client of the Execution API."""

    def __init__(self, client):
        self.client = client

    def send(self, message):
        # The server is in this process too, and would take itself for one of a task.
        del task_runner.SUPERVISOR_COMMS
        try:
            answer = HANDLERS[type(message).__name__](self.client, message)
        finally:
            task_runner.SUPERVISOR_COMMS = self
        return answer[0] if isinstance(answer, tuple) else answer

    async def asend(self, message):
        return self.send(message)


class TriggerSupervisor(Supervisor):
    """The same for triggers: what they send is marked with their run."""

    async def asend(self, message):
        async def proceed(msg=message):
            return super(TriggerSupervisor, self).send(msg)

        return await trigger_process.asend(SimpleNamespace(msg=message, proceed=proceed))

    def send(self, message):
        return asyncio.run(self.asend(message))


@pytest.fixture(scope="module")
def start(airflow_database):
    with api_of_tasks() as start:
        yield start


@pytest.fixture(scope="module")
def in_process(airflow_database):
    with execution_api() as client:
        yield client


@pytest.fixture(autouse=True)
def worker(monkeypatch):
    """Let this process be one of a worker that has connections and Variables in its environment."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "http://live")
    monkeypatch.setenv("AIRFLOW_VAR_BUCKET", "live")
    monkeypatch.setenv(task_process._ENVIRONMENT, "{}")


@pytest.fixture
def canary(lab, session):
    """Create a canary run with substitutes and return the instance of one of its tasks."""
    lab.commit("sha1", orders=LOADING)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    session.add_all([Connection(conn_id="trial", conn_type="http", host="trial"), Variable(key="trial", val="trial")])
    session.commit()

    def create(connections=None, variables=None):
        isolation = Isolation(
            connections={"warehouse": "trial"} if connections is None else connections,
            variables={"bucket": "trial"} if variables is None else variables,
        )
        request = CanaryRequest(2, isolation=isolation)
        [run_id] = create_canary_runs("orders", request, lab.change(), session=session).run_ids
        session.commit()
        return session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).first()

    return create


@pytest.fixture
def parse(start, monkeypatch):
    """Return what lets this process be one of a task, as far as the parse of its Dag file."""

    def parse(ti):
        supervisor = Supervisor(start(ti))
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
        call = SimpleNamespace(what=SimpleNamespace(ti=ti), proceed=lambda: "parsed")
        assert task_process.parse(call) == "parsed"
        return supervisor

    return parse


def test_a_task_process_asks_its_environment_for_the_substitutes(canary, parse, monkeypatch):
    parse(canary())
    monkeypatch.setenv("AIRFLOW_CONN_TRIAL", "http://trial-of-the-worker")

    connection = BaseHook.get_connection("warehouse")
    assert (connection.conn_id, connection.host) == ("warehouse", "trial-of-the-worker")
    assert asyncio.run(BaseHook.aget_connection("warehouse")).host == "trial-of-the-worker"


def test_a_task_process_gets_from_the_server_what_its_environment_has_not(canary, parse):
    parse(canary())

    assert BaseHook.get_connection("warehouse").host == "trial"
    assert asyncio.run(BaseHook.aget_connection("warehouse")).host == "trial"
    assert TaskVariable.get("bucket") == "trial"


def test_what_is_not_substituted_comes_from_the_environment(canary, parse):
    parse(canary(connections={}, variables={}))

    assert BaseHook.get_connection("warehouse").host == "live"
    assert TaskVariable.get("bucket") == "live"


def test_a_substitute_that_is_gone_is_not_made_up_for_by_the_environment(canary, parse, session):
    parse(canary())
    session.delete(session.scalars(select(Connection)).one())
    session.commit()

    with pytest.raises(AirflowNotFoundException):
        BaseHook.get_connection("warehouse")


def test_a_task_whose_server_tells_nothing_does_not_run(monkeypatch):
    unknown = comms.ErrorResponse(error="VARIABLE_NOT_FOUND")
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=lambda _: unknown), raising=False)
    call = SimpleNamespace(what=SimpleNamespace(ti=SimpleNamespace(run_id="canary__v1__x")), proceed=pytest.fail)

    with pytest.raises(RuntimeError, match="Install the same version of airflow-providers-pinning"):
        task_process.parse(call)


def test_a_task_of_a_live_run_asks_nothing(monkeypatch):
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=pytest.fail), raising=False)
    call = SimpleNamespace(what=SimpleNamespace(ti=SimpleNamespace(run_id="scheduled__x")), proceed=lambda: "parsed")

    assert task_process.parse(call) == "parsed"
    assert BaseHook.get_connection("warehouse").host == "live"


def test_a_run_that_only_looks_like_a_canary_run_gets_what_live_runs_get(lab, parse, session):
    lab.commit("sha1", orders=LOADING)
    how = {"run_id": "canary__of_a_person", "triggered_by": DagRunTriggeredByType.REST_API}
    trigger_dag("orders", **how, session=session)
    session.commit()
    parse(session.scalars(select(TaskInstance)).first())

    assert BaseHook.get_connection("warehouse").host == "live"


class WorkerState:
    """A state store of a worker, which keeps values by asset and key."""

    def __init__(self):
        self.values = {}

    def serialize_asset_state_store_to_ref(self, *, value, key, scope):
        self.values[(scope.name, key)] = value
        return json.dumps([scope.name, key])

    def deserialize_asset_state_store_from_ref(self, ref):
        return self.values[tuple(json.loads(ref))]

    def delete(self, scope, key):
        self.values.pop((scope.name, key))

    async def adelete(self, scope, key):
        self.delete(scope, key)


@pytest.fixture
def worker_state(monkeypatch):
    store = WorkerState()
    backend = SimpleNamespace(proceed=lambda: store)
    monkeypatch.setattr(
        context, "_get_worker_state_store_backend", lambda: task_process.get_worker_state_store_backend(backend)
    )
    return store


def test_a_canary_run_leaves_what_live_runs_have_in_the_state_store_of_a_worker(canary, parse, worker_state):
    worker_state.values[("sales", "watermark")] = 1
    ti = canary()
    parse(ti)
    state = AssetStateStoreAccessor(name="sales")

    state.set("watermark", 9)
    assert state.get("watermark") == 9
    state.delete("watermark")
    asyncio.run(state.adelete("watermark"))

    assert state.get("watermark") is None
    own = ("sales", f"orders/{ti.run_id}/watermark")
    assert worker_state.values == {("sales", "watermark"): 1, own: 9}


def test_a_live_run_uses_the_state_store_of_its_worker(worker_state):
    assert context._get_worker_state_store_backend() is worker_state


def run_trigger(ti, act, client, monkeypatch):
    """Do something as a trigger of a task does, in a triggerer."""
    supervisor = TriggerSupervisor(client)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)

    async def run():
        call = SimpleNamespace(
            trigger=SimpleNamespace(task_instance=ti),
            instance=SimpleNamespace(comms_decoder=supervisor),
            proceed=act,
        )
        return await trigger_process.run_trigger(call)

    return asyncio.run(run())


async def use_all():
    in_thread = asyncio.to_thread
    await in_thread(TaskVariable.set, "written", "9")
    store = AssetStateStoreAccessor(name="sales")
    await in_thread(store.set, "watermark", 9)
    return {
        "later": (await BaseHook.aget_connection("warehouse")).host,
        "in a thread": (await in_thread(BaseHook.get_connection, "warehouse")).host,
        "variable": await in_thread(TaskVariable.get, "bucket"),
        "written": await in_thread(TaskVariable.get, "written"),
        "keys": await in_thread(lambda: list(TaskVariable.keys())),
        "watermark": await in_thread(store.get, "watermark"),
    }


def test_a_trigger_of_a_canary_run_has_what_its_run_has(canary, in_process, monkeypatch, session):
    ti = canary()

    told = run_trigger(ti, use_all, in_process, monkeypatch)

    assert told == {
        "later": "trial",
        "in a thread": "trial",
        "variable": "trial",
        "written": "9",
        "keys": ["trial", "written"],
        "watermark": 9,
    }
    assert session.scalars(select(Variable.key)).all() == ["trial"]
    assert session.scalars(select(AssetStateStoreModel)).all() == []
    withheld = count_withheld("orders", [ti.run_id], session=session)
    assert withheld == {ti.run_id: {"asset_state": 1, "variable": 1}}


def test_a_trigger_of_a_live_run_has_what_live_runs_have(canary, in_process, monkeypatch, session):
    canary()

    told = run_trigger(SimpleNamespace(run_id="scheduled__x"), use_all, in_process, monkeypatch)

    assert (told["later"], told["in a thread"], told["variable"]) == ("live", "live", "live")
    assert told["keys"] == ["trial", "written"]
    assert session.scalars(select(Variable.key).order_by(Variable.key)).all() == ["trial", "written"]
    assert json.loads(session.scalars(select(AssetStateStoreModel)).one().value) == 9


def test_triggers_that_run_side_by_side_do_not_share_substitutes(canary, in_process, monkeypatch):
    ti = canary()
    supervisor = TriggerSupervisor(in_process)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)

    async def ask():
        await asyncio.sleep(0.1)
        return (await BaseHook.aget_connection("warehouse")).host

    async def run():
        def trigger(of):
            call = SimpleNamespace(
                trigger=SimpleNamespace(task_instance=of),
                instance=SimpleNamespace(comms_decoder=supervisor),
                proceed=ask,
            )
            return asyncio.create_task(trigger_process.run_trigger(call))

        return await asyncio.gather(trigger(ti), trigger(None), trigger(ti))

    assert asyncio.run(run()) == ["trial", "live", "trial"]


class Queue(BaseEventTrigger):
    """Waits for a message; all that wait for one of the same connection share a poll."""

    def serialize(self):
        return "tests.unit.enforcement.canaries.test_own_processes.Queue", {}

    def shared_stream_key(self):
        return "warehouse"

    @classmethod
    async def open_shared_stream(cls, kwargs):
        while True:
            await asyncio.sleep(0.01)
            yield (await BaseHook.aget_connection("warehouse")).host

    async def filter_shared_stream(self, stream):
        async for host in stream:
            yield TriggerEvent(f"{host}, shared")
            return

    async def run(self):
        yield TriggerEvent((await BaseHook.aget_connection("warehouse")).host)


@pytest.mark.parametrize("first", ["canary", "live"])
def test_a_trigger_of_a_canary_shares_no_poll_with_those_of_live_runs(canary, in_process, monkeypatch, first):
    monkeypatch.setenv("AIRFLOW_DISABLE_GREENBACK_PORTAL", "true")
    supervisor = TriggerSupervisor(in_process)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    trial = canary()
    names = {name: getattr(trial, name) for name in ("dag_id", "task_id", "try_number", "map_index", "context_carrier")}
    live = SimpleNamespace(**names, id=uuid4(), run_id="scheduled__x", queued_dttm=None)
    tis = [trial, live] if first == "canary" else [live, trial]

    async def run():
        runner = TriggerRunner()
        runner.comms_decoder = supervisor
        tasks = []
        for number, ti in enumerate(tis):
            trigger = Queue()
            trigger.task_instance = ti
            runner.triggers[number] = {"task": None, "is_watcher": False, "name": ti.run_id, "events": 0}
            tasks.append(asyncio.create_task(runner.run_trigger(number, trigger)))
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*tasks), 10)
        return {tis[event.trigger_id].run_id: event.event.payload for event in runner.events}

    told = asyncio.run(run())

    assert (told[trial.run_id], told[live.run_id]) == ("trial", "live, shared")
