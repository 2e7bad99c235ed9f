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
A task process of a canary run also requests substitutes from its own secrets backends.

A worker looks in its environment variables, and perhaps a secrets backend, before it asks the API server, which
replaces the names of connections and Variables. They would return the live ones. So on workers with the package, a
process of a canary run gets the substitutes before it parses the Dag file, and looks those up instead. If it cannot
get them, the task fails. Its child processes, such as another Python, inherit the substitutes.

Shown by ``tests/unit/enforcement/canaries/test_own_processes.py`` and, with real processes,
``tests/system/test_every_path.py``.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import SUBSTITUTES

_ENVIRONMENT = "AIRFLOW_PROVIDERS_PINNING_SUBSTITUTES"
"""Environment variable with the substitutes of a task process."""

Names = Mapping[str, Any]
"""
Substitutes by field and name; ``own_state`` is the run that keeps the state of assets to itself, and
``withhold_alerts`` whether nobody is to be alarmed.
"""

names_in_context: ContextVar[Names | None] = ContextVar("pinning_substitutes", default=None)
"""Substitutes of the running code, in a process that runs code of several runs."""

_ASKED_FOR_BY = {
    "get_connection": ("connections", "conn_id"),
    "aget_connection": ("connections", "conn_id"),
    "get_variable": ("variables", "key"),
    "aget_variable": ("variables", "key"),
}


def parse(call: Call) -> Any:
    """Parse the Dag file of a task; for a canary run, after getting the substitutes."""
    ti = call.what.ti
    if may_be_canary(ti.run_id):
        from airflow.sdk.execution_time import task_runner
        from airflow.sdk.execution_time.comms import GetVariable

        answer = task_runner.SUPERVISOR_COMMS.send(GetVariable(key=SUBSTITUTES))
        os.environ[_ENVIRONMENT] = json.dumps(learned(answer, ti.run_id))
    return call.proceed()


def ensure_secrets_backend_loaded(call: Call) -> Any:
    """Return the secrets backends of the process, which look up substitutes for code of a canary run."""
    backends = call.proceed()
    names = _names()
    if not (names.get("connections") or names.get("variables")):
        return backends
    from airflow.sdk.execution_time.secrets.execution_api import ExecutionAPISecretsBackend

    # The API server replaces names itself, and would treat a substitute as an original name.
    return [
        backend if isinstance(backend, ExecutionAPISecretsBackend) else _Substituting(backend, names)
        for backend in backends
    ]


def get_worker_state_store_backend(call: Call) -> Any:
    """Return the state store of the worker; for a canary run, one that does not touch live state."""
    backend = call.proceed()
    run = _names().get("own_state")
    return backend if backend is None or run is None else _OwnWorkerState(backend, run)


def withholds_alerts() -> bool:
    """Return whether the process is one of a canary run of which nobody is to be alarmed."""
    return bool(_names().get("withhold_alerts"))


def _names() -> Names:
    names: Names = names_in_context.get() or json.loads(os.environ.get(_ENVIRONMENT, "{}"))
    return names


def learned(answer: Any, run_id: str) -> Names:
    """
    Return the substitutes from the server.

    :raises RuntimeError: if it sent none
    """
    names = json.loads(getattr(answer, "value", None) or "null")
    if not isinstance(names, dict):
        raise RuntimeError(
            f"Run {run_id!r} looks like a canary run, but the server did not send its substitutes for connections "
            f"and Variables: {answer!r}. Install the same version of airflow-providers-pinning in every component, "
            "and restart them."
        )
    return names


class _Substituting:
    """A secrets backend that looks up substitutes."""

    def __init__(self, backend: Any, names: Names) -> None:
        self._backend = backend
        self._names = names

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._backend, attribute)
        if attribute not in _ASKED_FOR_BY:
            return found
        field, parameter = _ASKED_FOR_BY[attribute]
        names = self._names.get(field, {})

        def ask(*args: Any, **kwargs: Any) -> Any:
            name = args[0] if args else kwargs[parameter]
            kwargs = {**kwargs, parameter: names.get(name, name)}
            answer = found(**kwargs) if not args else found(kwargs.pop(parameter), *args[1:], **kwargs)
            return _named_later(answer, name) if inspect.isawaitable(answer) else _named(answer, name)

        return ask


class _OwnWorkerState:
    """
    The state store of a worker, for a canary run.

    The server stores references to the run's data with the run. Data of live runs is not deleted.
    """

    def __init__(self, backend: Any, run: str) -> None:
        self._backend = backend
        self._run = run

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._backend, attribute)
        if attribute in ("delete", "clear"):
            return lambda scope, *args: None if _is_asset(scope) else found(scope, *args)
        if attribute in ("adelete", "aclear"):
            return lambda scope, *args: _nothing() if _is_asset(scope) else found(scope, *args)
        return found

    def serialize_asset_state_store_to_ref(self, *, value: Any, key: str, scope: Any) -> Any:
        """Store a value under a key that only this run uses."""
        return self._backend.serialize_asset_state_store_to_ref(value=value, key=f"{self._run}/{key}", scope=scope)


def _is_asset(scope: Any) -> bool:
    from airflow.sdk._shared.state import AssetScope

    return isinstance(scope, AssetScope)


async def _nothing() -> None:
    """Do nothing, asynchronously."""


def _named(answer: Any, name: str) -> Any:
    """Give a connection the ID that was requested."""
    if hasattr(answer, "conn_id") and answer.conn_id != name:
        answer = copy.copy(answer)
        answer.conn_id = name
    return answer


async def _named_later(answer: Awaitable[Any], name: str) -> Any:
    return _named(await answer, name)
