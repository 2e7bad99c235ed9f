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
"""Two real Airflows with a seeded past, and windows of a real browser onto them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.airflow import SeededAirflow, write_seed
from tests.e2e.browser import Complaints, chromium, log_in, open_context
from tests.e2e.window import Window

HERE = Path(__file__).parent
BASE_PATH = "/team/airflow"


def pytest_configure():
    # Somebody who ends the tests with SIGTERM must not leave Airflow and Chromium running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="package")
def seed(tmp_path_factory):
    """Return the folder of the seeded databases."""
    folder = tmp_path_factory.mktemp("seed")
    write_seed(folder)
    return folder


@pytest.fixture(scope="package")
def airflow(seed):
    """Return an Airflow with the simple auth manager, 10,000 pins more, and a base URL with a path."""
    with SeededAirflow(seed / "crowd.db", path=BASE_PATH) as served:
        served.serve()
        yield served


@pytest.fixture(scope="package")
def fab_airflow(seed):
    """Return an Airflow with FAB's auth manager."""
    with SeededAirflow(seed / "story.db", fab=True) as served:
        served.serve()
        yield served


@pytest.fixture(scope="package")
def browser():
    """Return Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def login(browser):
    """Return a function that logs a user in, once."""
    states = {}

    def log_in_once(airflow: SeededAirflow, username: str):
        key = airflow.url, username
        if key not in states:
            states[key] = log_in(browser, airflow, username)
        return states[key]

    return log_in_once


@pytest.fixture
def window(browser, login):
    """
    Return a function that opens a window of a user.

    The page's ``complaints`` are checked when the test has passed.
    """
    opened: list[Complaints] = []

    def open_window(airflow: SeededAirflow, username: str = "op", **options) -> Window:
        context = open_context(browser, login(airflow, username), **options)
        opened.append(Complaints(context))
        return Window(airflow, context.new_page(), opened[-1])

    yield open_window
    for complaints in opened:
        complaints.context.close()
    for complaints in opened:
        complaints.check()
