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
"""The page that compares two versions."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.recorded_files import COMPARED, HELPER, URL

ADDRESS = f"/plugin/pins?dag_id={COMPARED}&from_version=2&to_version=3&view=compare"


@pytest.fixture
def shown(fab_airflow, window):
    """Return a window on the page."""
    shown = window(fab_airflow)
    shown.open(ADDRESS)
    expect(shown.page.get_by_role("heading", level=1)).to_have_text(f"{COMPARED} / Compare versions")
    return shown


def test_it_shows_the_dag_its_files_and_the_commits_with_whatever_they_are_called(shown):
    files = shown.section("Files")
    expect(files).to_contain_text(f"{HELPER} (+1 -1)")
    diff = files.get_by_role("region", name=f"{HELPER} diff")
    expect(diff).to_contain_text("-RATE = 5  # <b>per cent</b>")
    expect(diff).to_contain_text("+RATE = 50  # <b>per cent</b>")
    commits = shown.section("Commits")
    expect(commits).to_contain_text("<script>alert(1)</script> From 5 to 50.")
    expect(commits).to_contain_text("ma<b>ria")
    link = commits.get_by_role("link")
    assert link.get_attribute("href").startswith(URL)
    assert link.get_attribute("rel") == "noreferrer"
    expect(shown.section("Dag")).to_be_visible()
    assert shown.page.locator("img[src=x]").count() == 0


def test_other_versions_are_chosen_by_keyboard_and_the_address_follows(shown):
    shown.tab_to("Swap")
    shown.page.keyboard.press("Enter")
    expect(shown.page).to_have_url(re.compile("from_version=3&to_version=2"))
    expect(shown.section("Commits undone")).to_be_visible()
    shown.page.get_by_label("To").select_option("1")
    expect(shown.page).to_have_url(re.compile("from_version=3&to_version=1"))
    shown.page.go_back()
    expect(shown.section("Commits undone")).to_be_visible()


def test_it_fits_a_narrow_window_and_has_no_serious_fault(shown):
    shown.page.set_viewport_size({"width": 400, "height": 900})
    expect(shown.section("Commits")).to_be_visible()
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 400
    for title in ("Dag", "Files", "Commits"):
        assert shown.serious_faults(shown.section(title)) == []


def test_the_versions_of_a_dag_lead_to_it(shown):
    shown.open_tab(COMPARED)
    shown.page.get_by_role("link", name="Compare version 3 with the active version").click()
    expect(shown.page).to_have_url(re.compile("from_version=2&to_version=3&view=compare"))
    expect(shown.section("Files")).to_contain_text("größe")


def test_a_version_that_is_not_there_is_said(shown):
    shown.complaints.expect(r"error: Failed to load resource: .* status of 404")
    shown.open(f"/plugin/pins?dag_id={COMPARED}&from_version=2&to_version=99&view=compare")
    expect(shown.page.get_by_text("has no registered version with version_number 99")).to_be_visible()
