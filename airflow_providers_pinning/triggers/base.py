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
"""Shared parts of the triggers: poll until there is a result, despite network errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar, TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_providers_pinning.client.errors import error_from_dict
from airflow_providers_pinning.exceptions import PinningApiError, ServerFaultError, TransientError
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook


class Outcome(TypedDict):
    """The payload of an event: one of the two is ``None``."""

    result: dict[str, Any] | None
    """What was waited for."""
    error: dict[str, Any] | None
    """A refusal, as :meth:`~airflow_providers_pinning.exceptions.PinningApiError.as_dict` describes it."""


def result_of(event: Outcome | None) -> dict[str, Any]:
    """
    Return what was waited for.

    :raises PinningApiError: if the server refused
    """
    if event is None or (event["result"] is None and event["error"] is None):
        raise PinningApiError("The trigger ended without an answer.", reason="no_answer")
    if event["error"] is not None:
        raise error_from_dict(event["error"])
    return event["result"] or {}


class PinningTrigger(BaseTrigger):
    """
    Poll the REST API until there is a result.

    The task polled before it was deferred, so the trigger starts with a pause: a task that resumes immediately may be
    treated as killed.

    Network errors, 429 and 5xx responses, as during a restart of the API server, are retried until the timeout of the
    task. A refusal, such as an unknown Dag or a wrong password, ends the wait, and the task handles it.

    :param target_dag_id: the Dag to ask about
    :param pinning_conn_id: id of the connection; its secrets are not part of the trigger
    :param poll_interval: poll interval in seconds
    """

    fields: ClassVar[tuple[str, ...]] = ()
    """Further constructor parameters that are serialized."""

    def __init__(self, *, target_dag_id: str, pinning_conn_id: str, poll_interval: float = 60) -> None:
        super().__init__()
        self.target_dag_id = target_dag_id
        self.pinning_conn_id = pinning_conn_id
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the parameters, all plain values."""
        names = ("target_dag_id", "pinning_conn_id", "poll_interval", *self.fields)
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whose payload is an :class:`Outcome`."""
        hook = PinningAsyncHook(self.pinning_conn_id)
        while True:
            await asyncio.sleep(self.poll_interval)
            try:
                result = await self.ask(hook)
            except (TransientError, ServerFaultError) as error:
                self.log.warning("Checking again in %s seconds: %s", self.poll_interval, error)
            except PinningApiError as error:
                yield TriggerEvent(Outcome(result=None, error=error.as_dict()))
                return
            else:
                if result is not None:
                    yield TriggerEvent(Outcome(result=result, error=None))
                    return

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return what is waited for, or ``None`` to ask again."""
        raise NotImplementedError
