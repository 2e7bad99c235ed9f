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

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.e2e.airflow import SeededAirflow, write_seed
from tests.e2e.browser import Complaints, chromium, log_in, open_context
from tests.e2e.window import Window

HERE = Path(__file__).parent
BASE_PATH = "/team/airflow"
TEST_TIMEOUT = 1200
"""Seconds for a test; the first one seeds 10,000 pins and starts Airflow and the browser, also on a busy machine."""


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT))


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
def contexts(browser):
    """
    Return a function that gives a user's context of the browser.

    Tests share it, because a new one has to load all of Airflow's user interface again.
    """
    states: dict[tuple, Any] = {}
    opened: dict[tuple, BrowserContext] = {}

    def context_of(airflow: SeededAirflow, username: str, **options: Any) -> BrowserContext:
        user = airflow.url, username
        if user not in states:
            states[user] = log_in(browser, airflow, username)
        key = *user, *sorted(options.items())
        if key not in opened:
            opened[key] = open_context(browser, states[user], **options)
        return opened[key]

    yield context_of
    for context in opened.values():
        context.close()


@pytest.fixture
def window(contexts):
    """Return a function that opens a window of a user; its ``complaints`` are checked when the test has passed."""
    opened: list[Window] = []

    def open_window(airflow: SeededAirflow, username: str = "op", **options: Any) -> Window:
        page = contexts(airflow, username, **options).new_page()
        opened.append(Window(airflow, page, Complaints(page)))
        return opened[-1]

    yield open_window
    for shown in opened:
        shown.page.close()
    for shown in opened:
        shown.complaints.check()
