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
"""Many Dags at a time: holds, the history of all Dags, and the dialogs for them."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.recorded_files import COMPARED, URL
from tests.e2e.test_accessibility import BEYOND, NARROW
from tests.e2e.window import REASON

CHOSEN = "?dag_id_pattern=crowd_0123"


@pytest.fixture
def shown(airflow, window):
    """Return a window."""
    return window(airflow)


def rows(shown):
    """Return the rows of the overview, without its header."""
    return shown.pins.locator("tbody").get_by_role("row")


def open_history(shown, query: str = ""):
    """Open the history of all Dags, and return its table."""
    shown.open(f"/plugin/pins?view=history{query}")
    table = shown.page.get_by_role("table", name="History of changes, newest first")
    expect(table).to_be_visible()
    return table


def fits(shown, part) -> bool:
    """Return whether nothing of a part is beyond a narrow window."""
    return part.evaluate(BEYOND, NARROW) == []


def test_dags_are_held_and_lifted_together_with_the_keyboard(shown):
    shown.open_overview(CHOSEN)
    every = shown.page.get_by_role("checkbox", name="Select all Dags on this page")
    every.focus()
    shown.page.keyboard.press("Space")
    expect(shown.page.get_by_text("10 Dags selected")).to_be_visible()
    shown.button("Hold 10").focus()
    shown.page.keyboard.press("Enter")
    expect(shown.dialog.get_by_role("textbox", name=REASON)).to_be_focused()
    assert shown.serious_faults(shown.dialog) == []
    shown.confirm("Hold 10 Dags")
    expect(shown.dialog.get_by_role("alert")).to_have_text("Enter a reason.")
    shown.confirm("Hold 10 Dags", reason="The warehouse moves")
    expect(shown.page.get_by_text("10 Dags put on hold.")).to_be_visible()
    expect(rows(shown).get_by_text("on hold", exact=True)).to_have_count(10)
    assert shown.state("crowd_01234")["hold"]["reason"] == "The warehouse moves"

    shown.page.get_by_role("checkbox", name="Select crowd_01234").focus()
    shown.page.keyboard.press("Space")
    expect(shown.page.get_by_text("1 Dag selected")).to_be_visible()
    every.focus()
    shown.page.keyboard.press("Space")
    shown.button("Lift 10 holds").click()
    shown.confirm("Lift holds", reason="It has moved")
    expect(rows(shown).get_by_text("on hold", exact=True)).to_have_count(0)


def test_who_may_not_change_dags_selects_none(airflow, window):
    shown = window(airflow, "viewer")
    shown.open_overview(CHOSEN)
    expect(rows(shown)).to_have_count(10)
    expect(shown.page.get_by_role("checkbox", name=re.compile("^Select"))).to_have_count(0)


def test_history_tells_the_commit_of_a_version_as_it_is_written(shown):
    found = {"name": "load test", "verdict": "successful", "reason": "Measured"}
    shown.airflow.pinning.post(f"/dags/{COMPARED}/versions/3/evidence", found)
    row = open_history(shown, f"&dag_id_pattern={COMPARED}").locator("tbody").get_by_role("row").first
    expect(row).to_contain_text("Raise the rate (ma<b>ria)")
    expect(row.get_by_role("link", name=re.compile("^Commit "))).to_have_attribute("href", re.compile(re.escape(URL)))


def test_history_of_all_dags_is_filtered_and_the_filter_stands_in_the_address(shown):
    shown.open_overview()
    shown.page.get_by_role("link", name="History of all Dags").click()
    table = shown.page.get_by_role("table", name="History of changes, newest first")
    expect(table.locator("tbody").get_by_role("row")).not_to_have_count(0)
    shown.page.get_by_label("Action").select_option("rolled back")
    expect(shown.page).to_have_url(re.compile("kind=rolled_back"))
    shown.page.get_by_label("Dag", exact=True).fill("orders")
    expect(shown.page).to_have_url(re.compile("dag_id_pattern=orders"))
    expect(table.locator("tbody").get_by_text("rolled back", exact=True).first).to_be_visible()
    shown.page.reload()
    expect(shown.page.get_by_label("Dag", exact=True)).to_have_value("orders")
    table.get_by_role("link", name="orders", exact=True).first.click()
    expect(shown.section("Version status")).to_be_visible()
    shown.page.go_back()
    shown.page.get_by_label("Reason").fill("nobody ever said so")
    expect(shown.page.get_by_text("No changes match these filters.")).to_be_visible()
    shown.button("Clear filters").click()
    expect(table).to_be_visible()
    expect(shown.page).not_to_have_url(re.compile("text="))


def test_history_is_downloaded_as_csv_with_its_filters(shown):
    shown.open("/plugin/pins?view=history&kind=rolled_back")
    with shown.page.expect_download() as started:
        shown.button("Download as CSV").click()
    rows = list(csv.DictReader(started.value.path().read_text().splitlines(keepends=True)))
    assert {row["kind"] for row in rows} == {"rolled_back"}
    assert "orders" in {row["dag_id"] for row in rows}


def test_a_change_has_an_address_of_its_own(shown):
    table = open_history(shown)
    row = table.locator("tbody").get_by_role("row").nth(2)
    number = row.get_attribute("id").removeprefix("event-")
    row.get_by_role("link").first.click()
    expect(shown.page).to_have_url(re.compile(f"event={number}"))
    expect(table.locator("tbody").get_by_role("row")).to_have_count(1)
    expect(table.locator(f"#event-{number}")).to_be_visible()
    shown.button("Show all changes").click()
    expect(table.locator("tbody").get_by_role("row")).to_have_count(50)


def test_older_changes_of_all_dags_are_pages_of_their_own(shown):
    table = open_history(shown)
    first = table.locator("tbody").get_by_role("row").first.get_attribute("id")
    expect(table.locator("tbody").get_by_role("row")).to_have_count(50)
    shown.button("Older").click()
    expect(shown.page).to_have_url(re.compile("before="))
    expect(table.locator(f"#{first}")).to_have_count(0)
    shown.button("Newest").click()
    expect(table.locator(f"#{first}")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_history_and_in_the_criteria(airflow, window, dark):
    shown = window(airflow, dark=dark)
    open_history(shown)
    page = shown.page.get_by_role("heading", name="History of all Dags").locator("xpath=..")
    assert shown.serious_faults(page) == []
    shown.open_tab("payments")
    shown.button("Edit criteria").click()
    shown.dialog.get_by_text("Compare with the active version").click()
    expect(shown.dialog.get_by_label("Maximum duration ratio")).to_be_visible()
    assert shown.serious_faults(shown.dialog) == []


def test_narrow_window_shows_the_history_and_the_criteria_without_scrolling_sideways(airflow, window):
    shown = window(airflow, width=NARROW)
    open_history(shown)
    assert fits(shown, shown.page.get_by_role("heading", name="History of all Dags").locator("xpath=.."))
    shown.open_tab("payments")
    shown.button("Edit criteria").click()
    expect(shown.dialog).to_be_visible()
    assert fits(shown, shown.dialog)


def test_criteria_are_edited_where_the_verdict_stands(shown):
    shown.open_tab("practice_keyboard")
    shown.button("Edit criteria").click()
    shown.dialog.get_by_label("Finished runs required").fill("0")
    shown.confirm("Set criteria", reason="More evidence")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("enter a whole number of at least 1.")
    shown.dialog.get_by_label("Finished runs required").fill("7")
    shown.confirm("Set criteria")
    expect(shown.dialog).to_have_count(0)
    stored = shown.airflow.pinning.get("/dags/practice_keyboard/criteria")
    assert (stored["stored"], stored["reason"]) == ({"min_runs": 7}, "More evidence")
    shown.button("Edit criteria").click()
    expect(shown.dialog.get_by_label("Finished runs required")).to_have_value("7")


def test_a_version_that_fails_leads_to_the_log_of_its_newest_failure(shown):
    def fail(route):
        body = route.fetch().json()
        told = {"finished": 1, "failed": 1, "unfinished": 0, "failing": True, "failed_tasks": {"load": 1}}
        route.fulfill(json={**body, "runs": told})

    def name(route):
        task = {"task_id": "load", "run_id": "daily/1", "map_index": 2, "try_number": 3, "ended_at": None}
        route.fulfill(json={**route.fetch().json(), "failed_tasks": [task]})

    shown.page.route("**/api/v1/dags/payments", fail)
    shown.page.route("**/api/v1/dags/payments/runs?*", name)
    shown.open_tab("payments")
    link = shown.page.get_by_role("link", name="Log of load [2]")
    expect(link).to_have_attribute(
        "href", re.compile(r"/dags/payments/runs/daily%2F1/tasks/load/mapped/2\?try_number=3$")
    )


def test_the_last_lines_of_the_logs_of_failed_tasks_stand_beside_the_rollback(shown):
    task = {"task_id": "load", "run_id": "daily/1", "map_index": -1, "try_number": 3, "ended_at": None}
    told = {"finished": 1, "failed": 1, "unfinished": 0, "failing": True, "failed_tasks": {"load": 1}}
    line = {"at": None, "level": "error", "text": "ValueError: <b>booked twice</b>"}
    pages = {
        "dags/payments": {"runs": told},
        "dags/payments/runs?*": {"failed_tasks": [task]},
        "dags/payments/failures": {"failures": [{**task, "lines": [line], "problem": None}]},
    }

    def changed(change):
        return lambda route: route.fulfill(json={**route.fetch().json(), **change})

    for page, change in pages.items():
        shown.page.route(f"**/api/v1/{page}", changed(change))
    shown.open_tab("payments")
    expect(shown.page.get_by_role("link", name="What version 2 changed")).to_have_attribute(
        "href", re.compile(r"dag_id=payments&from_version=1&to_version=2&view=compare$")
    )
    shown.button("Show the last log lines").click()
    log = shown.page.get_by_role("region", name="Last lines of load")
    expect(log).to_have_text("ValueError: <b>booked twice</b>")
    shown.button("Hide the last log lines").click()
    expect(log).to_have_count(0)
