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
"""Real schedulers and API clients create runs as fast as they can while the pins move and HEAD changes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from demo.deployment import Deployment
from demo.rest import RestClient
from tests.support.patience import PATIENCE
from tests.support.postgres import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

DATABASE = "flipping"
DAGS = ("orders", "invoices", "stock")
CLIENTS_A_DAG = 2
SECONDS = 15.0
"""At least; a busy machine needs longer until there is enough to see."""
TASKS = {1: ("extract", "load"), 2: ("extract", "transform", "load")}

SOURCE = """
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

for dag_id in {dags}:
    with DAG(
        dag_id,
        schedule=timedelta(minutes=1),
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=True,
        max_active_runs=100_000,
        is_paused_upon_creation=True,
    ):
        {tasks}
"""


def source(*task_ids):
    return SOURCE.format(dags=DAGS, tasks=" >> ".join(f"EmptyOperator(task_id={task_id!r})" for task_id in task_ids))


@dataclass
class Interval:
    """Runs of a Dag whose ids are in it were created between the answer to one pin and the request of the next."""

    dag_id: str
    after: int
    until: int
    number: int


@dataclass
class Crowd:
    """Everybody who uses the API at the same time."""

    airflow: Deployment
    server: Server
    ended: threading.Event = field(default_factory=threading.Event)
    intervals: list[Interval] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    triggered: int = 0

    def client(self, prefix):
        return RestClient(
            self.airflow.url, prefix, self.airflow.username, self.airflow.passwords[self.airflow.username]
        )

    def last_run_id(self):
        query = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('dag_run', 'id')::regclass), 0)"
        [(last,)] = self.server.execute(query, database=DATABASE)
        return last

    def flip(self, dag_id):
        client, turn, open_interval = self.client("/pinning/api/v1"), 0, None
        while not self.ended.is_set():
            number = 2 - turn % 2
            if open_interval:
                self.intervals.append(Interval(dag_id, open_interval[0], self.last_run_id(), open_interval[1]))
            answer = client.request(
                "PUT", f"/dags/{dag_id}/pin", json={"version_number": number, "reason": f"turn {turn}"}
            )
            open_interval = (self.last_run_id(), number)
            self.expect(answer, 200)
            turn += 1
            time.sleep(0.3)

    def trigger(self, dag_id):
        client = self.client("/api/v2")
        while not self.ended.is_set():
            self.expect(client.request("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None}), 200)
            self.triggered += 1

    def commit(self):
        for number in range(1000):
            if self.ended.wait(3):
                return
            self.airflow.repository.commit({"dags.py": source(f"head_{number}")}, f"Commit {number}")

    def expect(self, answer, status):
        if answer.status_code != status:
            self.unexpected.append(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
            )

    def has_seen_enough(self):
        rows = self.server.execute("SELECT run_type, count(*) FROM dag_run GROUP BY run_type", database=DATABASE)
        runs = dict(rows)
        return min(runs.get("scheduled", 0), runs.get("manual", 0)) > 40 and len(self.intervals) > 20

    def go(self):
        threads = [
            threading.Thread(target=self.commit),
            *(threading.Thread(target=self.flip, args=(dag_id,)) for dag_id in DAGS),
            *(threading.Thread(target=self.trigger, args=(dag_id,)) for dag_id in DAGS * CLIENTS_A_DAG),
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while time.monotonic() - began < (SECONDS if self.has_seen_enough() else PATIENCE):
            time.sleep(1)
        self.ended.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def after_the_crowd(server):
    """Let the crowd loose for a while, and return what it saw; the deployment still runs."""
    with Deployment(database_url=server.create_database(DATABASE), report=print) as airflow:
        airflow.repository.commit({"dags.py": source(*TASKS[1])}, "Version 1")
        airflow.start()
        airflow.start_component("scheduler")
        registered(airflow, 1)
        for dag_id in DAGS:
            airflow.pinning.put(f"/dags/{dag_id}/pin", {"version_number": 1, "reason": "tested"})
        airflow.repository.commit({"dags.py": source(*TASKS[2])}, "Version 2")
        registered(airflow, 2)
        for dag_id in DAGS:
            airflow.pinning.post(f"/dags/{dag_id}/candidates", {"version_number": 2, "reason": "to be flipped to"})
            airflow.airflow.patch(f"/dags/{dag_id}", {"is_paused": False})
        crowd = Crowd(airflow, server)
        crowd.go()
        for dag_id in DAGS:
            airflow.airflow.patch(f"/dags/{dag_id}", {"is_paused": True})
        yield crowd


def registered(airflow, number):
    airflow.wait_until(
        lambda: all(len(airflow.database.versions(dag_id)) == number for dag_id in DAGS),
        what=f"version {number} of every Dag is registered",
    )


def test_there_was_enough_to_see(after_the_crowd):
    rows = after_the_crowd.airflow.database.rows("SELECT run_type, count(*) AS runs FROM dag_run GROUP BY run_type")
    runs = {row["run_type"]: row["runs"] for row in rows}
    print(runs, len(after_the_crowd.intervals), "intervals")
    assert runs["scheduled"] > 20
    assert runs["manual"] > 20
    assert len(after_the_crowd.intervals) > 10


def test_no_request_failed(after_the_crowd):
    assert after_the_crowd.unexpected == []


def test_the_database_found_no_deadlock(after_the_crowd):
    assert after_the_crowd.server.deadlocks(DATABASE) == 0


def test_every_run_after_a_pins_answer_has_its_version(after_the_crowd):
    runs = after_the_crowd.airflow.database.rows(
        "SELECT r.id, r.dag_id, r.run_id, v.version_number FROM dag_run r "
        "JOIN dag_version v ON v.id = r.created_dag_version_id"
    )
    judged = 0
    for interval in after_the_crowd.intervals:
        inside = [r for r in runs if r["dag_id"] == interval.dag_id and interval.after < r["id"] <= interval.until]
        judged += len(inside)
        assert {r["version_number"] for r in inside} <= {interval.number}, (interval, inside)
    assert judged > 20


def test_every_run_is_wholly_of_one_version(after_the_crowd):
    rows = after_the_crowd.airflow.database.rows(
        "SELECT r.id, v.version_number, r.bundle_version = v.bundle_version AS code_agrees, "
        "bool_and(t.dag_version_id = r.created_dag_version_id) AS tasks_agree, "
        "string_agg(DISTINCT t.task_id, ' ') AS task_ids "
        "FROM dag_run r JOIN dag_version v ON v.id = r.created_dag_version_id "
        "LEFT JOIN task_instance t ON t.dag_id = r.dag_id AND t.run_id = r.run_id "
        "GROUP BY r.id, v.version_number, r.bundle_version, v.bundle_version"
    )
    for row in rows:
        assert row["code_agrees"] and row["tasks_agree"], row
        assert set(row["task_ids"].split()) == set(TASKS[row["version_number"]]), row


def test_no_run_escaped(after_the_crowd):
    health = after_the_crowd.airflow.pinning.get("/health")
    assert health["escaped_runs"] == []
    assert health["enforced"] is True


def test_versions_did_not_multiply(after_the_crowd):
    # Versions 1 and 2 are managed; all later commits share the third, which never ran. On a busy machine, the next
    # commit comes before the file was read, so that only the last one is registered.
    for dag_id in DAGS:
        registered(after_the_crowd.airflow, 3)
        assert [version.number for version in after_the_crowd.airflow.database.versions(dag_id)] == [1, 2, 3]


def test_every_component_still_runs(after_the_crowd):
    after_the_crowd.airflow.wait_until_healthy()
    schedulers = after_the_crowd.airflow.database.rows(
        "SELECT state FROM job WHERE job_type = 'SchedulerJob' ORDER BY id"
    )
    assert [row["state"] for row in schedulers] == ["running", "running"]
