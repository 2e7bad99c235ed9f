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

import functools
import importlib
from pathlib import Path

import pytest

from tests.support import fixtures
from tests.support.garbage import leave_what_is_imported

lab, scheduler, session = fixtures.lab, fixtures.scheduler, fixtures.session

HERE = Path(__file__).parent
TIMEOUT = 600
"""Seconds for a test; the slowest takes half a minute on two cores that do little else."""

SLOWEST = (
    "api/test_fab.py",
    "enforcement/canaries/test_slots.py",
    "enforcement/canaries/test_slots_properties.py",
    "test_airflow_db.py",
    "cli/commands/test_removal.py",
    "domain/soak/test_soak.py",
    "enforcement/dag_processor/test_shared_assets_properties.py",
    "example_dags/test_examples.py",
    "enforcement/test_patching.py",
    "plugins/test_pinning.py",
)
"""Begun first, so that of two processes none has one of them left when the other one has nothing left to do."""


def pytest_collection_modifyitems(items):
    slowest = {HERE / name for name in SLOWEST}
    items.sort(key=lambda item: item.path not in slowest)
    for item in items:
        if HERE in item.path.parents:
            # A signal, the other method, does not interrupt what waits in C for the database or for a lock. This one
            # shows all stacks and ends the process, which has nothing to clean up here.
            item.add_marker(pytest.mark.timeout(TIMEOUT, method="thread"))


def pytest_collection_finish():
    leave_what_is_imported()
    # Airflow puts the schedule of each Dag that it reads into words, for which this reads a file again and again.
    describing = importlib.import_module("cron_descriptor.ExpressionDescriptor")
    describing.GetText = functools.cache(describing.GetText)


@pytest.fixture(scope="session")
def airflow_database():
    """Migrate a new database, with the tables of the pin store in it."""
    from airflow import settings
    from airflow.utils import db

    from tests.support.database import do_not_sync

    do_not_sync(settings.engine)
    settings.engine.dispose()
    db.initdb()


@pytest.fixture(scope="session")
def airflow_app(airflow_database):
    """Return Airflow's API server with the plugin in it."""
    from airflow.api_fastapi.app import create_app

    return create_app()


@pytest.fixture
def api(airflow_app, session):
    """Return a client of the API server for a role, such as ``api("op")``."""
    from airflow.api_fastapi.common.dagbag import create_dag_bag

    from tests.support.api import client

    # It keeps Dags by the ids of their versions, which may be those of the test before.
    airflow_app.state.dag_bag = create_dag_bag()
    return lambda role="op", **options: client(airflow_app, role, **options)


@pytest.fixture
def jan(api):
    """Return a function that sends a request about Dag ``orders`` to Airflow's own API as user jan."""
    client = api("op", username="jan")

    def send(method, path, **body):
        answer = client.request(method, f"/api/v2/dags/orders/{path}", json=body or None)
        assert answer.status_code < 300, answer.text
        return answer

    return send


@pytest.fixture
def option(monkeypatch):
    """Return a function that sets an option of the package for the test."""
    from airflow_providers_pinning import conf

    def clear():
        for accessor in vars(conf).values():
            if hasattr(accessor, "cache_clear"):
                accessor.cache_clear()

    def set_option(name, value):
        monkeypatch.setenv(f"AIRFLOW__PINNING__{name.upper()}", str(value))
        clear()

    yield set_option
    monkeypatch.undo()
    clear()
