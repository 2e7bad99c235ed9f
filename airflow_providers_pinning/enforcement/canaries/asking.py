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

_MARK = "airflow_providers_pinning.run."


@dataclass(frozen=True)
class Asking:
    """The run that a request comes from. Its id is one that a canary run may have."""

    dag_id: str
    run_id: str
    task_instance_id: Any = None
    """The task instance; ``None`` if it is not known."""


_asking: ContextVar[Asking | None] = ContextVar("pinning_asking")


async def identify(call: Call) -> Any:
    """Validate the token of a request, and note the run that it names."""
    token = await call.proceed()
    named = getattr(token.claims, CLAIM, None) if token is not None else None
    _asking.set(Asking(named[0], named[1], token.id) if named else None)
    return token


def ti_run(call: Call) -> Any:
    """Start a task; give one of a canary run a token that names the run."""
    context = call.proceed()
    run = context.dag_run
    if may_be_canary(run.run_id):
        from airflow.api_fastapi.auth.tokens import JWTGenerator

        claims = {"sub": str(call.task_instance_id), "scope": "execution", CLAIM: [run.dag_id, run.run_id]}
        call.response.headers["Refreshed-API-Token"] = call.services.get(JWTGenerator).generate(extras=claims)
    return context


def asking_run() -> Asking | None:
    """Return the run that the token of the request names; ``None`` if it is no canary run, or there is no token."""
    return _asking.get(None)


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
        from fastapi import HTTPException, status

        detail = {"reason": TaskRefusal.STATE_TOO_LARGE.value, "message": str(error)}
        raise HTTPException(status.HTTP_403_FORBIDDEN, detail=detail) from error
