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

from demo.deployment import BUNDLE, Deployment
from tests.support.postgres import postgres
from tests.system.shared import CELERY, GAPS, REPAIR, STALE_PARSE, celery_environment, shared_deployment

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


@pytest.fixture(scope="package")
def deployment():
    """Return a deployment on PostgreSQL whose components run, for modules that need no other one: a bundle for each."""
    # SQLite refuses a command at once that has read before another process wrote, with or without the package.
    with (
        postgres() as server,
        Deployment(
            database_url=server.create_database("airflow"),
            bundles=(BUNDLE, CELERY, GAPS, REPAIR, STALE_PARSE),
            config={"core": {"executor": "LocalExecutor,CeleryExecutor"}},
            report=print,
        ) as made,
    ):
        made.env |= celery_environment(made.home)
        # What a worker has in its environment comes before what the API server has.
        made.env |= {"AIRFLOW_CONN_WAREHOUSE": "http://live", "AIRFLOW_VAR_BUCKET": "live"}
        made.start()
        yield made


@pytest.fixture(scope="package")
def shared():
    """Return the deployment that the tests of promotions and of the examples share."""
    with shared_deployment() as made:
        yield made
