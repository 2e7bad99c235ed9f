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
"""A real Airflow with the seeded past: one API server, whose jobs are rows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text

from demo.deployment import Deployment
from tests.e2e.seed import USERS

JOB_COMPONENTS = {"SchedulerJob": "scheduler", "DagProcessorJob": "dag_processor", "TriggererJob": "triggerer"}
"""Airflow's jobs that must enforce pins, and what they are called."""
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
PASSWORD = "secret"
ROOT = Path(__file__).parents[2]


def write_seed(target: Path) -> None:
    """Write the seeded databases ``story.db`` and ``crowd.db`` into a folder."""
    quiet = {"logging_level": "ERROR"}
    with Deployment(config={"core": {"auth_manager": FAB}, "logging": quiet}) as airflow:
        subprocess.run([sys.executable, "-m", "tests.e2e.seed"], env=airflow.env, cwd=ROOT, check=True)
        for name in ("story.db", "crowd.db"):
            shutil.move(airflow.home / name, target / name)


class SeededAirflow(Deployment):
    """
    An Airflow whose only process is the API server, on a copy of a seeded database; its other components are rows.

    :param seed: the database
    :param path: path of ``[api] base_url``, such as ``/team/airflow``
    :param fab: use FAB's auth manager instead of the simple one
    """

    def __init__(self, seed: Path, *, path: str = "", fab: bool = False) -> None:
        super().__init__(
            config={"core": {"auth_manager": FAB}} if fab else {},
            users=[f"{name}:{name.rpartition('_')[2]}" for name in USERS],
        )
        self.fab = fab
        self._seed = seed
        self._path = path

    def _prepare(self) -> None:
        super()._prepare()
        shutil.copy(self._seed, self.home / "airflow.db")
        self.passwords = dict.fromkeys(self.passwords, PASSWORD)
        (self.home / "passwords.json").write_text(json.dumps(self.passwords))
        self.url += self._path
        self.env["AIRFLOW__API__BASE_URL"] = self.url

    def serve(self) -> None:
        """Start the API server, and wait until it answers."""
        self.start_component("api-server")
        self.wait_until_healthy(("api-server",))
        for job_type, component in JOB_COMPONENTS.items():
            self._add_job(job_type, "airflow-1")
            self.execute(
                "INSERT INTO pinning_component (id, component, job_id, hostname, pid, package_version, airflow_version,"
                " fingerprint, started_at, last_seen)"
                " SELECT :id, :component, (SELECT max(id) FROM job), 'airflow-1', pid,"
                " package_version, airflow_version, fingerprint, started_at, last_seen FROM pinning_component"
                " WHERE component = 'api_server'",
                id=uuid4().hex,
                component=component,
            )

    def execute(self, statement: str, **values: object) -> None:
        """Write to the database behind Airflow's back."""
        engine = create_engine(f"sqlite:///{self.home}/airflow.db?timeout=60")
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    @contextmanager
    def unenforced_scheduler(self) -> Iterator[None]:
        """Let a scheduler live that has not said that it enforces pins, as one without the package would."""
        self._add_job("SchedulerJob", "old-host")
        try:
            yield
        finally:
            self.execute("DELETE FROM job WHERE hostname = 'old-host'")

    def _add_job(self, job_type: str, hostname: str) -> None:
        now = datetime.now(timezone.utc)
        # Nobody renews the heartbeat, so it is one that does not grow old while the browser looks.
        self.execute(
            "INSERT INTO job (job_type, state, hostname, start_date, latest_heartbeat)"
            " VALUES (:job_type, 'running', :hostname, :now, :heartbeat)",
            job_type=job_type,
            hostname=hostname,
            now=now,
            heartbeat=now + timedelta(hours=1),
        )
