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
Identify the canary run behind a request to the Execution API, without a statement.

Airflow's token of a task identifies the task instance; looking up its run would cost every request a statement. So
when a task of a canary run starts, its token names the run too; Airflow keeps such a claim when it renews the token.
Tokens of live runs do not have it.

The triggerer calls the API inside its own process, without a token. There the run is part of the requested name,
which is only unpacked if a request has no token.

Shown by ``tests/unit/enforcement/canaries/test_secrets.py``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from typing import Any
from uuid import UUID

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.vocabulary import TaskRefusal

CLAIM = "pinning_run"
"""Claim of a token with the run."""

SUBSTITUTES = "airflow_providers_pinning.substitutes"
"""Name of a Variable that no database has: a process of a canary run uses it to get its substitutes."""

WITHHELD = "airflow_providers_pinning.withheld"
"""Name of a Variable that no database has: a process of a canary run tells with it which alarm it did not raise."""

_MARK = "airflow_providers_pinning.run."


@dataclass(frozen=True)
class Asking:
    """The canary run behind a request."""

    dag_id: str
    run_id: str
    task_instance_id: Any = None
    """The task instance; ``None`` if it is unknown."""


_asking: ContextVar[Asking | None] = ContextVar("pinning_asking")

_task_instance: ContextVar[Any] = ContextVar("pinning_task_instance", default=None)
"""ID of the task instance that the request's token belongs to."""


async def identify(call: Call) -> Any:
    """Validate the token of a request, and note the run that it names."""
    token = await call.proceed()
    named = getattr(token.claims, CLAIM, None) if token is not None else None
    if named:
        _admit_alarm(call.request)
    _asking.set(Asking(named[0], named[1], token.id) if named else None)
    _task_instance.set(token.id if token is not None else None)
    return token


def _admit_alarm(request: Any) -> None:
    """
    Let a try tell which alarm it has withheld, although it was archived.

    A process calls what alarms people after it has told the server that its task is to be retried. Since 3.4, Airflow
    archives the try then, and refuses it all writes that it does not take for checked.
    """
    from airflow.api_fastapi.execution_api import security

    checked = getattr(security, "_REQUEST_SCOPE_LIVE_ATTEMPT_KEY", None)
    if checked and request.method == "PUT" and request.path_params.get("variable_key") == WITHHELD:
        request.scope[checked] = True


def ti_run(call: Call) -> Any:
    """Start a task; for a canary run, issue a token that names the run."""
    context = call.proceed()
    run = context.dag_run
    if may_be_canary(run.run_id):
        from airflow.api_fastapi.auth.tokens import JWTGenerator

        from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary

        # A user may have given a live run such a name.
        if not is_recorded_canary(run.dag_id, run.run_id, session=call.session):
            return context
        claims = {"sub": str(call.task_instance_id), "scope": "execution", CLAIM: [run.dag_id, run.run_id]}
        call.response.headers["Refreshed-API-Token"] = call.services.get(JWTGenerator).generate(extras=claims)
    return context


def asking_run() -> Asking | None:
    """Return the run named by the request's token; ``None`` without a token, or if it is not a canary run."""
    return _asking.get(None)


def asking_task() -> Any:
    """Return the ID of the task instance that the request's token belongs to; ``None`` without a token."""
    return _task_instance.get()


def isolation_of_asking(asking: Asking) -> dict[str, Any]:
    """
    Return the isolation of the requesting canary run.

    A deleted canary run must not be treated as a live run.
    """
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.canaries.isolation import isolation_of

    with create_session(scoped=False) as session:
        isolation = isolation_of(asking.dag_id, asking.run_id, session=session)
    if isolation is None:
        raise refusal(
            TaskRefusal.FORGOTTEN,
            f"Canary run {asking.run_id!r} of Dag {asking.dag_id!r} no longer exists, so its tasks get no "
            "connections and Variables. Start another canary run.",
        )
    return isolation


def refuse_elsewhere(asking: Asking, dag_id: str, run_id: str) -> None:
    """Refuse to write an XCom of another run."""
    if (dag_id, run_id) != (asking.dag_id, asking.run_id):
        raise refusal(
            TaskRefusal.WRITES_ELSEWHERE,
            f"A task of canary run {asking.run_id!r} of Dag {asking.dag_id!r} may not write XComs of run {run_id!r} of "
            f"Dag {dag_id!r}. Skip it in canary runs with airflow_providers_pinning.canary.skip_in_canary.",
        )


def refusal(reason: TaskRefusal, message: str) -> Exception:
    """Return a 403 response of Airflow's Execution API."""
    from fastapi import HTTPException, status

    return HTTPException(status.HTTP_403_FORBIDDEN, detail={"reason": reason.value, "message": message})


def asking_for(name: str) -> tuple[Asking | None, str]:
    """Return the requesting run, and the name that it requests."""
    try:
        return _asking.get(), name
    except LookupError:
        return _unmarked(name)


def unmark_asset_name(call: Call) -> Any:
    """Find an asset by its name, and note the requesting run."""
    return call.proceed(name=_note(call.name))


def unmark_asset_uri(call: Call) -> Any:
    """Find an asset by its URI, and note the requesting run."""
    return call.proceed(uri=_note(call.uri))


def _note(name: str) -> str:
    asking, name = asking_for(name)
    _asking.set(asking)
    return name


def marked(run: Asking, name: str) -> str:
    """Add a run to a name that is requested without a token."""
    if name.startswith(_MARK):
        return name
    packed = base64.urlsafe_b64encode(json.dumps(astuple(run)).encode()).decode()
    return f"{_MARK}{packed}.{name}"


def _unmarked(name: str) -> tuple[Asking | None, str]:
    if not name.startswith(_MARK):
        return None, name
    packed, _, name = name.removeprefix(_MARK).partition(".")
    dag_id, run_id, task_instance_id = json.loads(base64.urlsafe_b64decode(packed))
    return Asking(dag_id, run_id, UUID(task_instance_id)), name


@contextmanager
def refused_clearly() -> Iterator[None]:
    """Refuse if a canary run has written more than the limit."""
    from airflow_providers_pinning.domain.canaries.run_state import TooMuchStateError

    try:
        yield
    except TooMuchStateError as error:
        raise refusal(TaskRefusal.STATE_TOO_LARGE, str(error)) from error
