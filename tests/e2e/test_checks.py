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
"""The checks of the other tests find what they look for."""

from __future__ import annotations

import pytest

from tests.e2e.browser import Complaints
from tests.e2e.test_accessibility import BEYOND, NARROW
from tests.e2e.window import Window


@pytest.fixture
def shown(browser):
    """Return a window of a page that is no part of Airflow."""
    context = browser.new_context(viewport={"width": NARROW, "height": 300})
    page = context.new_page()
    yield Window(None, page, Complaints(page))
    context.close()


@pytest.mark.parametrize(
    ("script", "found"),
    [("console.error('a complaint')", "error: a complaint"), ("throw new Error('a fault')", "uncaught: a fault")],
)
def test_what_the_console_says_is_heard(shown, script, found):
    with shown.page.expect_console_message() if "console" in script else shown.page.expect_event("pageerror"):
        shown.page.set_content(f"<script>{script}</script>")
    with pytest.raises(AssertionError, match=found):
        shown.complaints.check()


def test_complaint_that_is_expected_must_come(shown):
    shown.complaints.expect("status of 409")
    with pytest.raises(AssertionError, match="does not say"):
        shown.complaints.check()


def test_axe_finds_a_serious_fault(shown):
    shown.page.set_content("<main><p style='color: #bbb'>pale</p><button></button></main>")
    faults = shown.serious_faults(shown.page.locator("main"))
    assert sorted(fault.partition(":")[0] for fault in faults) == ["button-name", "color-contrast"]


def test_what_is_beyond_a_narrow_window_is_found_unless_it_scrolls_by_itself(shown):
    wide = "<p style='width: 600px'>wide</p>"
    shown.page.set_content(f"<main><div style='overflow-x: auto'>{wide}</div></main>")
    assert shown.page.locator("main").evaluate(BEYOND, NARROW) == []
    shown.page.set_content(f"<main><div>{wide}</div></main>")
    assert shown.page.locator("main").evaluate(BEYOND, NARROW) == ['<p style="width: 600px">wide</p>']
