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
"""The API that task processes use, asked by Airflow's own client in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import httpx
from airflow._shared.timezones import timezone
from airflow.sdk.api.client import Client
from airflow.utils.state import TaskInstanceState
from sqlalchemy.orm import object_session


@contextmanager
def execution_api() -> Iterator[Client]:
    """Serve the Execution API as the triggerer and the dag processor do, and return a client of it."""
    with Client(base_url="http://in-process.invalid/", token="", transport=_serve(with_tokens=False)) as client:
        yield client


@contextmanager
def api_of_tasks() -> Iterator[Callable[[Any], Client]]:
    """Serve the Execution API as an API server does, and return what starts a task and returns the task's client."""
    from airflow.api_fastapi.execution_api import app as execution_app
    from airflow.executors.workloads.base import BaseWorkloadSchema

    transport = _serve(with_tokens=True)

    def start(ti: Any) -> Client:
        """Start a task instance as its supervisor does, with the token that the scheduler gives to executors."""
        session = object_session(ti)
        ti.state = TaskInstanceState.QUEUED
        ti.dag_run.state = "running"
        session.commit()
        token = BaseWorkloadSchema.generate_token(str(ti.id), execution_app._jwt_generator())
        client = Client(base_url="http://in-process.invalid/", token=token, transport=transport)
        client.task_instances.start(ti.id, 1, timezone.utcnow())
        session.expire_all()
        return client

    yield start


class _KeptOpen(httpx.BaseTransport):
    """A transport that is there for the next client too."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


def _serve(*, with_tokens: bool) -> httpx.BaseTransport:
    """Return how to reach the Execution API, which knows nothing yet of any Dag."""
    from airflow.api_fastapi.common.dagbag import create_dag_bag

    api = _served(with_tokens)
    api.app.state.dag_bag = create_dag_bag()
    return _KeptOpen(api.transport)


@cache
def _served(with_tokens: bool) -> Any:
    """Return the Execution API of this process; to make all its versions takes seconds."""
    import attrs
    import svcs
    from airflow.api_fastapi.execution_api import app as execution_app

    class WithTokens(execution_app.InProcessExecutionAPI):
        @cached_property
        def app(self):
            lifespan = attrs.evolve(execution_app.lifespan, registry=svcs.Registry())
            return execution_app.create_task_execution_api_app(lifespan=lifespan)

    return WithTokens() if with_tokens else execution_app.InProcessExecutionAPI()
