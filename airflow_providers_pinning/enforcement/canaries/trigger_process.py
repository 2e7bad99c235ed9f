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
"""
The trigger of a deferred task is isolated like its canary run.

Airflow's triggerer runs the triggers of all runs in one process, and their requests reach the Execution API inside
its parent without a token. A trigger of a canary run would get the live connections and write the live Variables. So
the run is stored in the context of the trigger's asyncio task, and sent with its requests.

Triggers with the same ``shared_stream_key`` share one poll, with the connections of the first one. A trigger of a
canary run polls alone, so live runs never get data from a substitute, nor the reverse.

Shown by ``tests/unit/enforcement/canaries/test_own_processes.py`` and, with real processes,
``tests/system/test_every_path.py``.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import SUBSTITUTES, Asking, marked, refuse_elsewhere
from airflow_providers_pinning.enforcement.canaries.task_process import learned, names_in_context

_run_in_context: ContextVar[Asking | None] = ContextVar("pinning_run", default=None)
"""The canary run of the current trigger."""

_NAMED_BY = {
    "GetConnection": "conn_id",
    "GetVariable": "key",
    "GetVariableKeys": "prefix",
    "PutVariable": "key",
    "DeleteVariable": "key",
    "GetDRCount": "dag_id",
    "GetTICount": "dag_id",
    "GetTaskStates": "dag_id",
    **{f"{what}AssetStateStoreByName": "name" for what in ("Get", "Set", "Delete", "Clear")},
    **{f"{what}AssetStateStoreByUri": "uri" for what in ("Get", "Set", "Delete", "Clear")},
}
"""Field of a message with its subject."""


async def run_trigger(call: Call) -> Any:
    """Run a trigger; for a canary run, with its substitutes."""
    ti = call.trigger.task_instance
    if ti is None or not may_be_canary(ti.run_id):
        return await call.proceed()
    from airflow.sdk.execution_time.comms import GetVariable

    _run_in_context.set(Asking(ti.dag_id, ti.run_id, str(ti.id)))
    answer = await call.instance.comms_decoder.asend(GetVariable(key=SUBSTITUTES))
    names = learned(answer, ti.run_id)
    if names["is_canary"]:
        names_in_context.set(names)
        if hasattr(call.trigger, "shared_stream_key"):
            call.trigger.shared_stream_key = lambda: None
    else:
        _run_in_context.set(None)
    return await call.proceed()


async def asend(call: Call) -> Any:
    """Send a request to the parent process, with the run that it belongs to."""
    run, message = _run_in_context.get(), call.msg
    field = None if run is None else _NAMED_BY.get(type(message).__name__)
    if run is not None and type(message).__name__ in ("SetXCom", "DeleteXCom"):
        refuse_elsewhere(run, message.dag_id, message.run_id)
    if run is None or field is None:
        return await call.proceed()
    return await call.proceed(msg=message.model_copy(update={field: marked(run, getattr(message, field) or "")}))
