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
"""API servers on a real socket: Airflow's own with the plugin in it, and one that fails on demand."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

DROP = "drop"
"""An answer that is none: the connection is closed."""


@dataclass
class Received:
    """A request as the server saw it."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class StubServer:
    """
    A server whose answers are set by the test.

    The last answer of a path is given for ever, those before once each. Logging in answers ``token-<n>``,
    and only the newest token is accepted.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Any]] = field(default_factory=lambda: defaultdict(list))
    logins: int = 0
    accepted: str | None = None
    """The token that is accepted; ``None`` accepts the newest one, ``*`` accepts any."""

    def answer(self, method: str, path: str, *answers: Any) -> None:
        """Set the answers of a path: a body, ``(status, body)``, ``(status, body, headers)`` or ``DROP``."""
        self.answers[method, path] = list(answers)

    def asked(self, method: str, path: str) -> list[Received]:
        """Return the requests to a path."""
        return [request for request in self.received if (request.method, request.path) == (method, path)]

    def next_answer(self, method: str, path: str) -> Any:
        """Take the answer that is due."""
        answers = self.answers.get((method, path), [])
        return answers.pop(0) if len(answers) > 1 else answers[0] if answers else (404, {"detail": "Not Found"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: StubServer

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        request = Received(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in self.headers.items()},
            json.loads(content) if content else None,
        )
        self.stub.received.append(request)
        answer = self._answer(request)
        if answer == DROP:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if not isinstance(answer, tuple):
            answer = (200, answer)
        status, body, *headers = answer
        sent = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        for name, value in (headers[0] if headers else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    def _answer(self, request: Received) -> Any:
        if request.path.endswith("/auth/token"):
            if (request.method, request.path) in self.stub.answers:
                return self.stub.next_answer(request.method, request.path)
            self.stub.logins += 1
            return (201, {"access_token": f"token-{self.stub.logins}"})
        accepted = self.stub.accepted or f"token-{self.stub.logins}"
        if accepted != "*" and request.headers.get("authorization") != f"Bearer {accepted}":
            return (401, {"detail": "Invalid JWT token"})
        return self.stub.next_answer(request.method, request.path)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _serving(port: int = 0, stub: StubServer | None = None):
    stub = stub or StubServer()
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"stub": stub}))
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def serve():
    """Return a context manager that serves a stub, at a port if one is given."""
    return _serving


@pytest.fixture(autouse=True)
def forget_tokens():
    """Let no test use the token of another one."""
    from airflow_providers_pinning.client.tokens import tokens

    tokens.clear()
    yield
    tokens.clear()


@pytest.fixture
def connect(monkeypatch):
    """Return a function that sets a connection of type ``pinning``."""

    def set_connection(url: str | None = None, *, conn_id: str = "pinning_default", **fields: Any) -> str:
        described = {"conn_type": "pinning", "login": "op", "password": "secret", "host": url, **fields}
        monkeypatch.setenv(
            f"AIRFLOW_CONN_{conn_id.upper()}",
            json.dumps({name: value for name, value in described.items() if value is not None}),
        )
        return conn_id

    return set_connection


@pytest.fixture
def stub(serve, connect):
    """Return a server that answers what the test says, with the default connection to it."""
    with serve() as served:
        connect(served.url)
        yield served


@contextmanager
def serving_airflow(app, **tls: Any):
    """
    Serve Airflow's API server on a socket, and give its port.

    :param app: the API server
    :param tls: options of uvicorn that make it speak TLS, as ``airflow api-server`` gives them
    """
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", **tls))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="session")
def airflow_address(airflow_app):
    """Serve Airflow's API server on a socket, and return its address."""
    with serving_airflow(airflow_app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def airflow_server(airflow_address, connect, session, tmp_path, monkeypatch):
    """Return the address of the API server, with a user of each role and the default connection."""
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(("admin", "op", "user", "viewer"), "secret")))
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin,op:op,user:user,viewer:viewer")
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
    connect(airflow_address)
    return airflow_address
