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
import threading

import pytest

from airflow_providers_pinning import exceptions as errors
from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from tests.support.api_server import DROP

STATE = "/pinning/api/v1/dags/orders"


def ask(hook=None, times=1):
    async def run():
        used = hook or PinningAsyncHook()
        return [await used.get_release_state("orders") for _ in range(times)][-1]

    return asyncio.run(run())


def test_token_is_kept_in_the_process(stub):
    stub.answer("GET", STATE, {"dag_id": "orders"})
    assert ask(times=3) == ask() == {"dag_id": "orders"}
    assert stub.logins == 1


def test_expired_token_is_renewed_once(stub):
    stub.answer("GET", STATE, {"dag_id": "orders"})
    hook = PinningAsyncHook()
    ask(hook)
    stub.logins = 7
    assert ask(hook) == {"dag_id": "orders"}
    stub.accepted = "another"
    with pytest.raises(errors.NotAuthenticatedError):
        ask(hook)


def test_changed_password_is_noticed(stub, connect):
    stub.answer("GET", STATE, {})
    hook = PinningAsyncHook()
    ask(hook)
    connect(stub.url, password="changed")
    stub.logins = 7
    ask(hook)
    assert stub.asked("POST", "/auth/token")[-1].body["password"] == "changed"


def test_connection_is_read_beside_the_event_loop(stub, monkeypatch):
    """Reading it masks its secrets in the supervisor, by a call that would wait for the loop which makes it."""
    read_in, read = [], PinningAsyncHook.get_connection
    monkeypatch.setattr(
        PinningAsyncHook,
        "get_connection",
        classmethod(lambda cls, conn_id: read_in.append(threading.get_ident()) or read(conn_id)),
    )
    stub.answer("GET", STATE, {"dag_id": "orders"})

    assert ask(times=2) == {"dag_id": "orders"}
    assert len(read_in) == 1
    assert read_in[0] != threading.get_ident()


def test_criteria_are_sent_as_parameters(stub):
    path = f"{STATE}/versions/2/soak"
    stub.answer("GET", path, {"verdict": "progressing"})
    asyncio.run(PinningAsyncHook().get_soak("orders", 2, SoakCriteria(inconclusive_after=9.5)))
    assert stub.received[-1].params["inconclusive_after"] == "9.5"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (DROP, errors.ApiUnreachableError),
        ((503, {}), errors.ServerUnavailableError),
        ((429, "slow down"), errors.ServerUnavailableError),
        ((500, "oops"), errors.ServerFaultError),
        ((403, {"detail": "Forbidden"}), errors.NotPermittedError),
        ((409, {"detail": {"reason": "version_drifted", "message": "m"}}), errors.VersionDriftedError),
        ((200, "<html>"), errors.PinningApiError),
    ],
)
def test_other_answers_are_typed_errors(stub, fault, expected):
    stub.answer("GET", STATE, fault)
    with pytest.raises(expected):
        ask()
    assert len(stub.asked("GET", STATE)) <= 2  # aiohttp itself repeats a GET on a reused connection that broke


def test_slow_answer_is_unreachable(connect):
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        connect(f"http://127.0.0.1:{deaf.getsockname()[1]}", extra={"timeout": 0.2})
        with pytest.raises(errors.ApiUnreachableError):
            ask()
