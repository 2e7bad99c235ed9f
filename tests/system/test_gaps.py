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
"""A live run falls due while a canary run of a Dag that must not overlap is under way, with real processes."""

from __future__ import annotations

import pytest

from tests.system.shared import GAPS

pytestmark = pytest.mark.system

DAG = """
from datetime import datetime, timezone

from airflow.sdk import DAG, task

with DAG("loads", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs=1):

    @task
    def load():
        import signal
        import time

        # Somebody's code that does not end when it is told to.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        until = time.time() + {seconds}
        while time.time() < until:
            with open({seen!r}, "a") as seen:
                seen.write(f"{version} {{time.time()}}\\n")
            time.sleep(0.1)

    load()
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return tmp_path_factory.mktemp("seen") / "load"


@pytest.fixture(scope="module")
def airflow(deployment, seen):
    repository = deployment.repositories[GAPS]
    repository.commit({"loads.py": DAG.format(version="live", seconds=1, seen=str(seen))})
    deployment.wait_until(lambda: deployment.database.versions("loads"), what="the Dag is registered")
    deployment.pinning.call("PUT", "/dags/loads/pin", json={"version_number": 1, "reason": "stable"})
    repository.commit({"loads.py": DAG.format(version="canary", seconds=600, seen=str(seen))})
    deployment.wait_until(lambda: len(deployment.database.versions("loads")) == 2, what="the candidate is registered")
    return deployment


def times(seen, version):
    lines = seen.read_text().splitlines() if seen.exists() else []
    return [float(line.split()[1]) for line in lines if line.startswith(f"{version} ")]


def test_live_run_starts_when_the_last_process_of_the_canary_is_gone(airflow, seen):
    created = airflow.pinning.call("POST", "/dags/loads/canaryRuns", json={"version_number": 2})
    [canary_id] = created["run_ids"]
    airflow.wait_until(lambda: times(seen, "canary"), what="the canary run is under way")
    live_id = airflow.airflow.post("/dags/loads/dagRuns", {"logical_date": None})["dag_run_id"]

    def finished():
        runs = {run.run_id: run for run in airflow.database.runs("loads")}
        return runs if runs[live_id].is_finished else None

    runs = airflow.wait_until(finished, what="the live run is finished")
    assert (runs[canary_id].state, runs[live_id].state) == ("failed", "success")
    assert max(times(seen, "canary")) < min(times(seen, "live"))
