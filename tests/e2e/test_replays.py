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
"""Replays of live runs: their table, the dialog that starts them, and what the list of runs says of them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_accessibility import BEYOND, NARROW

OPENS = re.compile(r"2 differences of canary__v4__")


@pytest.fixture
def shown(fab_airflow, window):
    """Return a window onto the tab of a Dag whose candidate replayed live runs."""
    opened = window(fab_airflow)
    opened.open_tab("orders")
    return opened


def rows(shown):
    return shown.page.get_by_role("table", name="Replays with their original runs").locator("tbody > tr")


def test_pairs_stand_in_a_table_with_what_came_of_both(shown):
    expect(rows(shown)).to_have_count(3)
    for row, told in zip(rows(shown).all(), ("running", "0 differences", "2 differences"), strict=True):
        expect(row).to_contain_text(told)
    expect(rows(shown).last).to_contain_text(re.compile(r"scheduled__.*canary__v4__.*success.* min → .* min"))
    evidence = shown.section("Candidate")
    expect(evidence).to_contain_text("2 replays compared with live runs: 2 outputs differ.")
    expect(evidence).to_contain_text("2 effects on live runs withheld.")


def test_pair_opens_with_the_keyboard_to_what_differs_in_each_task(shown):
    opens = shown.page.get_by_role("button", name=OPENS)
    opens.focus()
    expect(opens).to_have_attribute("aria-expanded", "false")
    shown.page.keyboard.press("Enter")
    expect(opens).to_have_attribute("aria-expanded", "true")
    told = shown.page.get_by_role("table", name="Differences in task load")
    expect(told.get_by_role("row").filter(has_text="XCom return_value")).to_contain_text(
        '{"rows": 1840, "total": 91234.5}{"rows": 1840, "total": 91235}'
    )
    expect(told.get_by_role("row").filter(has_text="Asset events orders_loaded")).to_contain_text("91234.5")
    expect(rows(shown).filter(has_text="Only the replay has: convert, report")).to_be_visible()
    shown.page.keyboard.press("Space")
    expect(told).to_have_count(0)


@pytest.mark.parametrize(("column", "leads_to"), [(0, "scheduled__"), (1, "canary__v4__")], ids=["original", "replay"])
def test_pair_links_to_both_runs(shown, column, leads_to):
    rows(shown).last.get_by_role("cell").nth(column).get_by_role("link").click()
    expect(shown.page).to_have_url(re.compile(rf"/dags/orders/runs/{leads_to}"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_in_an_open_pair_and_in_the_dialog(fab_airflow, window, dark):
    shown = window(fab_airflow, dark=dark)
    shown.open_tab("orders")
    shown.page.get_by_role("button", name=OPENS).click()
    assert shown.serious_faults(shown.section("Candidate")) == []
    shown.button("Start canary runs").click()
    shown.dialog.get_by_text("Isolation from live runs").click()
    assert shown.serious_faults(shown.dialog) == []


def test_narrow_window_shows_an_open_pair_without_scrolling_sideways(fab_airflow, window):
    shown = window(fab_airflow, width=NARROW)
    shown.open_tab("orders")
    shown.page.get_by_role("button", name=OPENS).click()
    told = shown.page.get_by_role("table", name="Differences in task load")
    expect(told).to_be_visible()
    assert told.evaluate("element => element.getBoundingClientRect().width") <= NARROW
    assert shown.section("Candidate").evaluate(BEYOND, NARROW) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= NARROW


def test_runs_say_how_they_were_kept_apart_what_they_replay_and_what_was_withheld(shown):
    shown.button("Show table").click()
    table = shown.page.get_by_role("table", name="Runs with their versions")
    replays = table.get_by_role("row").filter(has_text="replay of scheduled__")
    expect(replays).to_have_count(3)
    expect(replays.last).to_contain_text(re.compile(r"default1 asset event$"))
    expect(table.get_by_role("row").last).not_to_contain_text("default")


def test_dialog_offers_to_replay_the_last_live_runs(airflow, window):
    shown = window(airflow)
    runs = airflow.pinning.get("/dags/practice_replays/runs")["runs"]
    live = [run["run_id"] for run in runs if run["version_number"] == 2]
    assert len(live) == 2
    shown.open_tab("practice_replays")
    shown.button("Start canary runs").click()
    expect(shown.dialog.get_by_label("Inputs")).to_have_value("replay")
    expect(shown.dialog.get_by_label("Number of live runs")).to_have_value("2")
    expect(shown.dialog.get_by_label("Configuration")).to_have_count(0)
    expect(shown.dialog).to_contain_text("The newest successful live runs of version 2.")
    shown.dialog.get_by_label("Number of live runs").fill("0")
    shown.confirm("Start canary runs", reason="Same results?")
    expect(shown.dialog.get_by_role("alert")).to_have_text("The number of runs must be between 1 and 100.")
    shown.dialog.get_by_label("Number of live runs").fill("3")
    shown.confirm("Start canary runs")
    expect(shown.page.get_by_text("Started 2 replays of live runs with version 3.")).to_be_visible()
    expect(rows(shown)).to_have_count(2)
    expect(rows(shown).first).to_contain_text("queued")
    runs = airflow.pinning.get("/dags/practice_replays/runs")["runs"]
    assert [run["replay_of"] for run in runs[:2]] == live


def test_dialog_of_a_dag_without_live_runs_of_its_active_version_offers_no_replay(shown):
    shown.page.route("**/dags/orders/runs?*", lambda route: route.fulfill(json=NO_RUNS))
    shown.open_tab("orders")
    shown.button("Start canary runs").click()
    expect(shown.dialog.get_by_label("Inputs")).to_have_count(0)
    expect(shown.dialog.get_by_label("Number of runs")).to_be_visible()


NO_RUNS = {"canary_delays": [], "runs": [], "total_entries": 0}
