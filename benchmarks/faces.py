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
"""What people look at in an incident, through REST, in a deployment with very many Dags, pins, runs and changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.dags import dag_id
from benchmarks.report import Cost, Ratio, Turns, ratio
from benchmarks.rest import api_server, timed
from tests.support.postgres import Server

DAGS, PINS, RUNS, CHANGES, CANARIES = 100_000, 10_000, 10_000, 100_000, 500
CANARIES_AT_ONCE = 100
BUSY = dag_id(0)
"""The Dag that has very many runs and canary runs."""

PAGES = (
    (f"The fleet page of {PINS:,} pins among {DAGS:,} Dags", "/pins?limit=50", 0.5),
    ("The same, failing ones", "/pins?limit=50&failing=true", 0.5),
    ("The inbox of all of them", "/inbox", 0.5),
    (f"The feed of {CHANGES:,} changes", "/events?limit=50", 0.3),
    ("The same, searched for a text", "/events?limit=50&text=measure", 0.5),
    (f"The picture of {RUNS:,} runs and {CANARIES} canary runs", f"/dags/{BUSY}/runs?limit=120", 0.5),
    (f"The verdict on {CANARIES} canary runs", f"/dags/{BUSY}/versions/2/soak", 0.5),
)
"""What is measured, where it is, and within how many seconds it is to be answered, at the 99th percentile."""

# A row is copied with other values for some of its columns, whatever columns it has.
_COPY = """
INSERT INTO {table}
SELECT made.*
FROM (SELECT t FROM {table} t WHERE {which} LIMIT 1) original(line), generate_series(1, {count}) n,
     LATERAL jsonb_populate_record(original.line, {changes}) made;
"""
_VERSION = "md5('version' || n)::uuid"


def measure(server: Server, home: Path, *, requests: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Ask for pages in turn, and compare the middle and the slowest hundredth with what they may take.

    :param server: where the database is
    :param home: where the API server's files go
    :param requests: how often each page is asked for
    :param advance: called after each turn
    """
    with api_server(server, home) as client:
        timed(client, "PUT", f"/pinning/api/v1/dags/{BUSY}/pin", {"version_number": 1, "reason": "to measure"})
        for _ in range(CANARIES // CANARIES_AT_ONCE):
            body = {"version_number": 2, "count": CANARIES_AT_ONCE}
            timed(client, "POST", f"/pinning/api/v1/dags/{BUSY}/canaryRuns", body)
        _crowd(server)
        listed = client.get("/pinning/api/v1/pins?limit=1").json()["total_entries"]
        runs = client.get(f"/pinning/api/v1/dags/{BUSY}/runs?limit=1").json()["total_entries"]
        if listed < PINS or runs < RUNS + CANARIES:
            raise RuntimeError(
                f"There are {listed} pins and {runs} runs of Dag {BUSY!r}, fewer than are to be measured."
            )
        taken: dict[str, list[float]] = {what: [] for what, _, _ in PAGES}
        for number in range(requests + 1):
            for what, path, _ in PAGES:
                seconds = timed(client, "GET", f"/pinning/api/v1{path}")
                # The first of each fills caches.
                if number:
                    taken[what].append(seconds)
            advance()
    return [
        ratio(
            f"{what}, {name}", f"{budget * 1000:.0f} ms", 1.0, _against(budget, percentile(taken[what], of)), "request"
        )
        for what, _, budget in PAGES
        for name, of in (("p50", 0.5), ("p99", 0.99))
    ]


def _against(budget: float, seconds: float) -> list[Turns]:
    return [([Cost(seconds)], [Cost(budget)])]


def percentile(values: list[float], of: float) -> float:
    """Return the value below which a part of the values is."""
    return sorted(values)[int(len(values) * of)]


def _crowd(server: Server) -> None:
    """Fill the database of the API server."""
    here = f"dag_id = '{dag_id(1)}'"
    name = "'crowd_' || n"
    statements = [
        copied("dag", here, DAGS, dag_id=name),
        copied("dag_version", f"{here} AND version_number = 1", PINS, dag_id=name, id=_VERSION),
        copied("serialized_dag", here, PINS, dag_id=name, id="md5('serialized' || n)::uuid", dag_version_id=_VERSION),
        copied("pinning_version", here, PINS, dag_id=name, dag_version_id=_VERSION),
        copied("pinning_pin", here, PINS, dag_id=name, dag_version_id=_VERSION),
        copied(
            "pinning_event",
            f"dag_id = '{BUSY}' AND kind = 'pinned'",
            CHANGES,
            id="nextval(pg_get_serial_sequence('pinning_event', 'id'))",
            dag_id=f"'crowd_' || (n % {PINS} + 1)",
            idempotency_key="null::text",
        ),
        copied(
            "dag_run",
            f"dag_id = '{BUSY}' AND run_id NOT LIKE 'canary%'",
            RUNS,
            id="nextval(pg_get_serial_sequence('dag_run', 'id'))",
            run_id="'many_' || n",
            logical_date="timestamptz '2030-01-01' + n * interval '1 minute'",
            state="CASE WHEN n % 3 = 0 THEN 'failed' ELSE 'success' END",
        ),
    ]
    for statement in statements:
        server.execute(statement, database="api")
    server.execute("VACUUM ANALYZE", database="api")


def copied(table: str, which: str, count: int, **changed: str) -> str:
    """Return the statement that copies a row many times, each with other values for some of its columns."""
    values = ", ".join(f"'{column}', {expression}" for column, expression in changed.items())
    return _COPY.format(table=table, which=which, count=count, changes=f"jsonb_build_object({values})")
