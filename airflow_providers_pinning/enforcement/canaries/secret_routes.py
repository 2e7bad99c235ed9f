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
A canary run gets substitutes for connections and Variables, and cannot write Variables of live runs.

Airflow's Execution API returns any connection and Variable by name, and sets and deletes Variables. A candidate would
work on the systems of live runs, and change their Variables. So a name with a substitute refers to the substitute,
and the live one is never returned. Writes stay inside the run, which reads them back.

Shown by ``tests/unit/enforcement/canaries/test_secrets.py``.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import (
    SUBSTITUTES,
    WITHHELD,
    Asking,
    asking_for,
    asking_task,
    isolation_of_asking,
    refusal,
    refused_clearly,
)
from airflow_providers_pinning.vocabulary import TaskRefusal


def get_connection(call: Call) -> Any:
    """Return a connection, or its substitute."""
    asking, conn_id = asking_for(call.connection_id)
    isolation = _isolation(asking)
    if isolation is None:
        return call.proceed(connection_id=conn_id)
    connection = call.proceed(connection_id=_substitute("connections", isolation, conn_id))
    connection.conn_id = conn_id
    return connection


def get_variable(call: Call) -> Any:
    """Return a Variable: the run's own value, its substitute, or the live one."""
    asking, key = asking_for(call.variable_key)
    if key == SUBSTITUTES:
        return _told(asking)
    isolation = _isolation(asking)
    if asking is None or isolation is None:
        return call.proceed(variable_key=key)
    from airflow.api_fastapi.execution_api.datamodels.variable import VariableResponse

    meant = _substitute("variables", isolation, key)
    if _withholds(isolation):
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.canaries import run_state

        with create_session(scoped=False) as session:
            written = run_state.variable(asking.dag_id, asking.run_id, meant, session=session)
        if written is not None:
            if written.value is None:
                from fastapi import HTTPException, status

                gone = {"reason": "not_found", "message": f"Variable with key '{key}' not found"}
                raise HTTPException(status.HTTP_404_NOT_FOUND, detail=gone)
            return VariableResponse(key=key, value=written.value)
    variable = call.proceed(variable_key=meant)
    variable.key = key
    return variable


def _told(asking: Asking | None) -> Any:
    """Tell a process whether its run is a canary run, and its substitutes."""
    from airflow.api_fastapi.execution_api.datamodels.variable import VariableResponse
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.canaries.isolation import ALERTS, WITHHOLD, is_recorded_canary, isolation_of

    told: dict[str, Any] = {"is_canary": False, "connections": {}, "variables": {}}
    with create_session(scoped=False) as session:
        if asking is None:
            # The ID of a live run may look like that of a canary run. A canary run's token names it, unless an API
            # server without the package started the task.
            ti = session.get(TaskInstance, asking_task()) if asking_task() is not None else None
            if ti is not None and is_recorded_canary(ti.dag_id, ti.run_id, session=session):
                raise refusal(
                    TaskRefusal.FORGOTTEN,
                    f"Task {ti.task_id!r} of canary run {ti.run_id!r} was started by an API server without "
                    "airflow-providers-pinning, or by an older one. Restart the API servers and clear the task.",
                )
        elif (isolation := isolation_of(asking.dag_id, asking.run_id, session=session)) is not None:
            told |= {"is_canary": True, **{field: isolation.get(field, {}) for field in ("connections", "variables")}}
            if _withholds(isolation):
                told["own_state"] = f"{asking.dag_id}/{asking.run_id}"
            told["withhold_alerts"] = isolation[ALERTS] == WITHHOLD
    return VariableResponse(key=SUBSTITUTES, value=json.dumps(told))


def put_variable(call: Call) -> Any:
    """Set a Variable, or store it inside the run."""
    asking, key = asking_for(call.variable_key)
    isolation = _isolation(asking)
    if asking is None or isolation is None:
        return call.proceed(variable_key=key)
    if key == WITHHELD:
        return _keep_alarm(asking, json.loads(str(call.body.value)))
    meant = _substitute("variables", isolation, key)
    if not _withholds(isolation):
        return call.proceed(variable_key=meant)
    # As Airflow stores values that are not strings.
    _keep(asking, meant, str(call.body.value))
    return {"message": "Variable successfully set"}


def delete_variable(call: Call) -> Any:
    """Delete a Variable, or record its deletion inside the run."""
    asking, key = asking_for(call.variable_key)
    isolation = _isolation(asking)
    if asking is None or isolation is None:
        return call.proceed(variable_key=key)
    meant = _substitute("variables", isolation, key)
    if not _withholds(isolation):
        return call.proceed(variable_key=meant)
    return _keep(asking, meant, None)


def get_variable_keys(call: Call) -> Any:
    """List the keys of Variables, with the run's own writes."""
    asking, prefix = asking_for(call.prefix or "")
    if asking is None:
        return call.proceed()
    return _listed(call, asking, prefix, session=call.session)


async def get_variable_keys_later(call: Call) -> Any:
    """List the keys of Variables, with an async session."""
    asking, prefix = asking_for(call.prefix or "")
    if asking is None:
        return await call.proceed()
    return await call.session.run_sync(lambda session: _listed(call, asking, prefix, session=session))


def _listed(call: Call, asking: Asking, prefix: str, *, session: Any) -> Any:
    from airflow.api_fastapi.execution_api.datamodels.variable import VariableKeysResponse
    from airflow.models.variable import Variable
    from sqlalchemy import select

    from airflow_providers_pinning.domain.canaries import run_state

    query = select(Variable.key).where(Variable.key.startswith(prefix, autoescape=True))
    if call.team_name is not None:
        query = query.where(Variable.team_name == call.team_name)
    keys = set(session.scalars(query))
    if _withholds(isolation_of_asking(asking)):
        for key, exists in run_state.variable_keys(asking.dag_id, asking.run_id, session=session).items():
            if not exists:
                keys.discard(key)
            elif key.startswith(prefix):
                keys.add(key)
    shown = sorted(keys)[call.offset : call.offset + call.limit]
    return VariableKeysResponse(keys=shown, total_entries=len(keys))


def _isolation(asking: Asking | None) -> dict[str, Any] | None:
    """Return the isolation of the requesting run; ``None`` for a live run."""
    return None if asking is None else isolation_of_asking(asking)


def _substitute(field: str, isolation: dict[str, Any], name: str) -> str:
    substitutes: dict[str, str] = isolation.get(field, {})
    return substitutes.get(name, name)


def _withholds(isolation: dict[str, Any]) -> bool:
    from airflow_providers_pinning.domain.canaries.isolation import STATE, WITHHOLD

    return bool(isolation[STATE] == WITHHOLD)


def _keep(asking: Asking, key: str, value: str | None) -> None:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.canaries import run_state

    with create_session(scoped=False) as session, refused_clearly():
        run_state.write_variable(
            asking.dag_id, asking.run_id, key, value, task_instance_id=asking.task_instance_id, session=session
        )


def _keep_alarm(asking: Asking, effect: dict[str, Any]) -> Any:
    """Keep a callback or an e-mail that the process of a task has left out."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.canaries.withheld import EffectKind, withhold

    with create_session(scoped=False) as session:
        withhold(
            EffectKind.CALLBACK,
            [effect["payload"]],
            dag_id=asking.dag_id,
            run_id=asking.run_id,
            task_id=effect["task_id"],
            map_index=effect["map_index"],
            session=session,
        )
    return {"message": "Withheld"}
