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
"""
Airflow on PostgreSQL, in the process of the tests.

Airflow chooses its database when it is imported, and other tests use SQLite. So its engine is replaced for
the length of this folder's tests, and put back after them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_providers_pinning.patch_points import RELEASE
from tests.support import fixtures
from tests.support.garbage import leave_what_is_imported
from tests.support.postgres import postgres

# A run can be asked for by its commit since Airflow 3.4.
collect_ignore = [] if RELEASE >= (3, 4) else ["test_racing_by_commit.py"]

lab, scheduler, session = fixtures.lab, fixtures.scheduler, fixtures.session

HERE = Path(__file__).parent
URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.postgres)


def pytest_collection_finish():
    leave_what_is_imported()


@pytest.fixture(scope="session")
def server():
    """Return a PostgreSQL server."""
    with postgres() as running:
        yield running


@pytest.fixture(scope="package")
def airflow_database(server):
    """Make Airflow use a new database on PostgreSQL, with all tables in it, and return its name."""
    from airflow.utils import db

    name = "airflow"
    before = os.environ[URL]
    _use(server.create_database(name))
    db.initdb()
    yield name
    _use(before)


@pytest.fixture
def elsewhere(airflow_database, server):
    """Return a function that runs something in a thread with a session of its own, as another process would."""
    from tests.integration.elsewhere import Elsewhere

    started = []

    def run(action):
        started.append(Elsewhere(action, server, airflow_database))
        return started[-1]

    yield run
    for one in started:
        one.abandon()


@pytest.fixture(autouse=True)
def no_deadlock(airflow_database, server):
    """Check that the server found no deadlock during the test."""
    before = server.deadlocks(airflow_database)
    yield
    assert server.deadlocks(airflow_database) == before


def _use(url: str) -> None:
    from airflow import settings

    settings.Session.remove()
    settings.engine.dispose()
    os.environ[URL] = url
    settings.configure_vars()
    settings.configure_orm()
