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
Which canary run a request to the Execution API comes from, known without a statement.

Airflow's token of a task says which task instance it is, and to look up its run would cost every request of every task
a statement. So the token that a task of a canary run gets when it starts names the run as well; Airflow hands such a
claim on when it renews the token. Live runs have tokens without it.

The triggerer asks the API inside its own process, without a token. There the run is part of the name that is asked
for, which is unpacked only if a request has no token.

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
"""Claim of a token that names the run."""

SUBSTITUTES = "airflow_providers_pinning.substitutes"
"""Name of a Variable that no database has: a process of a canary run gets the names of its substitutes with it."""

WITHHELD = "airflow_providers_pinning.withheld"
"""Name of a Variable that no database has: a process of a canary run tells with it which alarm it did not raise."""

_MARK = "airflow_providers_pinning.run."


@dataclass(frozen=True)
class Asking:
    """The canary run that a request comes from."""

    dag_id: str
    run_id: str
    task_instance_id: Any = None
    """The task instance; ``None`` if it is not known."""


_asking: ContextVar[Asking | None] = ContextVar("pinning_asking")

_task_instance: ContextVar[Any] = ContextVar("pinning_task_instance", default=None)
"""Id of the task instance that the token of the request is of."""


async def identify(call: Call) -> Any:
    """Validate the token of a request, and note the run that it names."""
    token = await call.proceed()
    named = getattr(token.claims, CLAIM, None) if token is not None else None
    _asking.set(Asking(named[0], named[1], token.id) if named else None)
    _task_instance.set(token.id if token is not None else None)
    return token


def ti_run(call: Call) -> Any:
    """Start a task; give one of a canary run a token that names the run."""
    context = call.proceed()
    run = context.dag_run
    if may_be_canary(run.run_id):
        from airflow.api_fastapi.auth.tokens import JWTGenerator

        from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary

        # A person may have named a live run like one.
        if not is_recorded_canary(run.dag_id, run.run_id, session=call.session):
            return context
        claims = {"sub": str(call.task_instance_id), "scope": "execution", CLAIM: [run.dag_id, run.run_id]}
        call.response.headers["Refreshed-API-Token"] = call.services.get(JWTGenerator).generate(extras=claims)
    return context


def asking_run() -> Asking | None:
    """Return the run that the token of the request names; ``None`` if it is no canary run, or there is no token."""
    return _asking.get(None)


def asking_task() -> Any:
    """Return the id of the task instance that the token of the request is of; ``None`` if there is no token."""
    return _task_instance.get()


def isolation_of_asking(asking: Asking) -> dict[str, Any]:
    """
    Return how the canary run that asks is kept apart from live ones.

    One that nobody knows any more must not be taken for a live run.
    """
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.canaries.isolation import isolation_of

    with create_session(scoped=False) as session:
        isolation = isolation_of(asking.dag_id, asking.run_id, session=session)
    if isolation is None:
        raise refusal(
            TaskRefusal.FORGOTTEN,
            f"Canary run {asking.run_id!r} of Dag {asking.dag_id!r} is not known any more, so its tasks get no "
            "connection and no Variable. It was deleted; start another one.",
        )
    return isolation


def refuse_elsewhere(asking: Asking, dag_id: str, run_id: str) -> None:
    """Refuse to write an XCom of a run, unless it is the asking one's own."""
    if (dag_id, run_id) != (asking.dag_id, asking.run_id):
        raise refusal(
            TaskRefusal.WRITES_ELSEWHERE,
            f"A task of canary run {asking.run_id!r} of Dag {asking.dag_id!r} may not write XComs of run {run_id!r} of "
            f"Dag {dag_id!r}. Skip it in canary runs with airflow_providers_pinning.canary.skip_in_canary.",
        )


def refusal(reason: TaskRefusal, message: str) -> Exception:
    """Return what Airflow's Execution API answers with 403."""
    from fastapi import HTTPException, status

    return HTTPException(status.HTTP_403_FORBIDDEN, detail={"reason": reason.value, "message": message})


def asking_for(name: str) -> tuple[Asking | None, str]:
    """Return the run that asks for something, and the name of what it asks for."""
    try:
        return _asking.get(), name
    except LookupError:
        return _unmarked(name)


def unmark_asset_name(call: Call) -> Any:
    """Find an asset by its name, and note the run that asks for it."""
    return call.proceed(name=_note(call.name))


def unmark_asset_uri(call: Call) -> Any:
    """Find an asset by its URI, and note the run that asks for it."""
    return call.proceed(uri=_note(call.uri))


def _note(name: str) -> str:
    asking, name = asking_for(name)
    _asking.set(asking)
    return name


def marked(run: Asking, name: str) -> str:
    """Put a run into a name that is asked for without a token."""
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
    """Answer with a refusal if a canary run has written too much to be kept."""
    from airflow_providers_pinning.domain.canaries.run_state import TooMuchStateError

    try:
        yield
    except TooMuchStateError as error:
        raise refusal(TaskRefusal.STATE_TOO_LARGE, str(error)) from error
