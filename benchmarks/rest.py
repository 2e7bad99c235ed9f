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
"""A pin through REST, against Airflow's own change of a Dag on the same API server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks import templates
from benchmarks.dags import dag_id
from benchmarks.report import Cost, Ratio, ratio
from benchmarks.subjects import ROOT, environment
from tests.support.postgres import Server, spare_port

START_TIMEOUT = 120.0
POLICIES = 1000
EXPLAINED_WITHIN = 0.05
"""Seconds."""
RELEASED_WITHIN = 0.003
"""Seconds for each Dag."""


def measure(
    server: Server, home: Path, *, dags: int, requests: int, rounds: int, advance: Callable[[], None]
) -> list[Ratio]:
    """
    Pin and patch in turn, over HTTP, and compare the slowest hundredth.

    :param server: where the database is
    :param home: where the API server's files go
    :param dags: how many Dags there are, which are released together
    :param requests: how many of either in a round
    :param rounds: how many rounds to make
    :param advance: called after each pair of requests
    """
    pairs, explained, released = [], [], []
    with api_server(server, home) as client:
        for number in range(5):
            _pair(client, number, 2)
        for turn in range(rounds):
            pins, patches = [], []
            for number in range(requests):
                pinned, patched = _pair(client, number % 50, 1 + (number // 50 + turn) % 2)
                pins.append(pinned)
                patches.append(patched)
                advance()
            pairs.append(([Cost(_p99(pins))], [Cost(_p99(patches))]))
        for turn in range(rounds + 1):
            versions = {dag_id(number): 2 - turn % 2 for number in range(dags)}
            taken = timed(client, "POST", "/pinning/api/v1/releases", {"versions": versions, "reason": "to measure"})
            released.append(([Cost(taken)], [Cost(RELEASED_WITHIN * dags)]))
        _declare(client)
        for _ in range(rounds):
            explaining = [
                timed(client, "GET", f"/pinning/api/v1/dags/{dag_id(n % 50)}/policy") for n in range(requests)
            ]
            explained.append(([Cost(_p99(explaining))], [Cost(EXPLAINED_WITHIN)]))
    return [
        ratio("Pinning through REST, p99", "PATCH /dags/{dag_id}", 3.0, pairs, "request"),
        # The first one warms up.
        ratio(f"Releasing {dags:,} Dags through REST", "3 ms for each", 1.0, released[1:], "Dag", dags),
        ratio(f"Explaining {POLICIES:,} policies through REST, p99", "50 ms", 1.0, explained, "request"),
    ]


def _declare(client: httpx.Client) -> None:
    """Declare many policies, of which two bind each Dag."""
    others = [
        {"name": f"p{number}", "match": {"tags": [f"t{number}"], "dag_ids": ["x*"]}, "requires": {"approvals": 1}}
        for number in range(POLICIES - 2)
    ]
    window = {"deny": [{"cron": "0 0 29 2 *", "duration": "1h"}]}
    binding = [
        {"name": "all", "match": {"dag_ids": ["*"]}, "requires": {"approvals": 1, "evidence": ["regression"]}},
        {"name": "windows", "match": {"dag_ids": ["*"]}, "windows": window},
    ]
    timed(
        client,
        "PUT",
        "/pinning/api/v1/policies",
        {"document": {"policies": [*others, *binding]}, "reason": "to measure"},
    )


def _pair(client: httpx.Client, number: int, version: int) -> tuple[float, float]:
    path = f"/dags/{dag_id(number)}"
    pinned = timed(client, "PUT", f"/pinning/api/v1{path}/pin", {"version_number": version, "reason": "to measure"})
    return pinned, timed(client, "PATCH", f"/api/v2{path}", {"is_paused": version == 1})


def timed(client: httpx.Client, method: str, path: str, body: dict | None = None) -> float:
    """Return the seconds that a request takes, which must be answered well."""
    begun = time.perf_counter()
    answer = client.request(method, path, json=body)
    seconds = time.perf_counter() - begun
    if not answer.is_success:
        raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text}")
    return seconds


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


@contextmanager
def api_server(server: Server, home: Path) -> Iterator[httpx.Client]:
    """Run an API server on a database of its own, in which each Dag is pinned and has a newer version."""
    name, port = "api", spare_port()
    url = server.create_database(name, template=templates.BEHIND)
    log = home / f"{name}.log"
    with log.open("w") as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)],
            env={**environment(home / name, url), "AIRFLOW__API__WORKERS": "1"},
            stdout=messages,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait_until_ready(client, process, log)
            token = client.get("/auth/token").raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/api/v2/monitor/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise RuntimeError(f"The API server did not start:\n{log.read_text()[-4000:]}")
