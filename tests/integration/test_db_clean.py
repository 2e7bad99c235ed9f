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

"""Airflow's own command deletes old versions, but none that is managed."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.models.dag_version import DagVersion
from sqlalchemy import delete, text, update

from airflow_providers_pinning.models import ManagedVersion
from demo.commands import airflow_command
from tests.support.sources import dag_file


@pytest.fixture
def old_versions(lab, session):
    """Register three versions that are old and have no runs, of which the first is pinned."""
    for number in (1, 2, 3):
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=" ".join("abc"[:number])))
        lab.candidate("orders", number)
    session.execute(delete(ManagedVersion))
    lab.pin("orders", 1)
    session.execute(update(DagVersion).values(created_at=timezone.utcnow() - timedelta(days=400)))
    lab.version("orders", 3).created_at = timezone.utcnow()
    session.commit()
    return lab


def db_clean(*options):
    before = (timezone.utcnow() - timedelta(days=30)).isoformat()
    done = subprocess.run(
        airflow_command("db", "clean", "--clean-before-timestamp", before, "--yes", *options),
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("options", [(), ("--skip-archive",)], ids=["archived", "deleted"])
def test_the_command_keeps_the_pinned_version_and_cleans_others(options, old_versions, session):
    db_clean("--tables", "dag_version", *options)
    session.expire_all()

    assert old_versions.numbers("orders") == [1, 3]
    assert old_versions.pin_state("orders").health.problems == ()
    for name in session.scalars(text("SELECT tablename FROM pg_tables WHERE tablename LIKE '\\_airflow\\_deleted%'")):
        session.execute(text(f"DROP TABLE {name}"))
    session.commit()
