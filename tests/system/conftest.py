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
"""Deployments of Airflow with real processes, for the system tests."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.deployment import Deployment
from tests.support.postgres import postgres
from tests.system.shared import shared_deployment

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)
            # What takes a minute on an idle machine takes many on a busy one.
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="module")
def make_deployment():
    """Return a function that makes a deployment, which is not started yet and ends with the module's tests."""
    with ExitStack() as deployments:
        yield lambda **options: deployments.enter_context(Deployment(report=print, **options))


@pytest.fixture(scope="module")
def deployment(make_deployment):
    """Return a deployment on SQLite whose components run, with an empty repository."""
    made = make_deployment()
    made.start()
    return made


@pytest.fixture(scope="module")
def postgres_deployment(make_deployment):
    """Return a deployment on PostgreSQL whose components run, with an empty repository."""
    with postgres() as server:
        made = make_deployment(database_url=server.create_database("airflow"))
        made.start()
        yield made
        made.close()


@pytest.fixture(scope="package")
def shared():
    """Return the deployment that the tests of promotions and of the examples share."""
    with shared_deployment() as made:
        yield made
