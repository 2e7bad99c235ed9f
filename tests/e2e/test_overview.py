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
"""The page with every pin."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.seed import CROWD
from tests.e2e.story import GONE, UNAVAILABLE

SECONDS = 40.0
"""How long the overview of all pins may take: it took three on two cores with ten processes waiting for them, and
fifteen beside other tests."""


@pytest.fixture
def shown(airflow, window):
    """Return a window."""
    return window(airflow)


def rows(shown):
    """Return the rows of the table, without its header."""
    return shown.pins.locator("tbody").get_by_role("row")


def test_ten_thousand_pins_are_there_at_once(shown):
    shown.open("/")
    link = shown.page.get_by_role("link", name="Pins")
    expect(link).to_be_visible()
    began = time.monotonic()
    link.click()
    expect(rows(shown)).to_have_count(25)
    took = time.monotonic() - began
    total = shown.airflow.pinning.get("/pins", limit=1)["total_entries"]
    assert total > CROWD
    expect(shown.page.get_by_text(f"{total} pinned Dags")).to_be_visible()
    assert took < SECONDS


def test_pins_are_filtered_and_the_filter_stands_in_the_address(shown):
    shown.open_overview()
    shown.page.get_by_label("Dag", exact=True).fill("crowd_0123")
    expect(rows(shown)).to_have_count(10)
    expect(shown.page.get_by_text("10 pinned Dags match")).to_be_visible()
    shown.page.reload()
    expect(rows(shown)).to_have_count(10)
    shown.page.get_by_label("Dag", exact=True).fill("nothing is called so")
    expect(shown.page.get_by_text("No pinned Dags match these filters.")).to_be_visible()
    shown.button("Clear filters").click()
    expect(rows(shown)).to_have_count(25)


def test_pins_are_found_by_owner_tag_bundle_and_who_pinned_them(shown):
    shown.open_overview()
    for label, name in (("Tag", "tag"), ("Owner", "owner"), ("Bundle", "bundle"), ("Pinned by", "actor")):
        shown.page.get_by_label(label, exact=True).fill("nothing is called so")
        expect(shown.page).to_have_url(re.compile(f"{name}=nothing"))
        expect(shown.page.get_by_text("No pinned Dags match these filters.")).to_be_visible()
        shown.button("Clear filters").click()
        expect(rows(shown)).to_have_count(25)
    shown.page.get_by_label("Pinned by", exact=True).fill("jan")
    expect(rows(shown).first.get_by_text("jan", exact=True)).to_be_visible()


def test_inbox_counts_what_wants_attention_and_leads_there_by_keyboard(shown):
    shown.open_overview()
    inbox = shown.page.get_by_role("navigation", name="Inbox")
    held = inbox.get_by_role("button", name=re.compile("^On hold"))
    counts = shown.airflow.pinning.get("/inbox")
    expect(held).to_contain_text(str(counts["held"]))
    held.focus()
    shown.page.keyboard.press("Enter")
    expect(shown.page).to_have_url(re.compile("held=true"))
    expect(held).to_have_attribute("aria-pressed", "true")
    expect(rows(shown).get_by_text("on hold", exact=True)).to_have_count(counts["held"])
    held.click()
    expect(rows(shown)).to_have_count(25)


def test_approvals_that_wait_are_in_the_inbox(shown):
    rules = {"policies": [{"name": "two_people", "match": {"dag_ids": ["orders"]}, "requires": {"approvals": 1}}]}
    before = shown.airflow.pinning.get("/policies")["document"]
    shown.airflow.pinning.put("/policies", {"document": rules, "reason": "Two people"})
    try:
        shown.open_overview()
        button = shown.page.get_by_role("navigation", name="Inbox").get_by_role("button", name="Approval waits 1")
        button.click()
        expect(shown.page).to_have_url(re.compile("unapproved=true"))
        expect(rows(shown)).to_have_count(1)
        expect(rows(shown)).to_contain_text("orders")
    finally:
        shown.airflow.pinning.put("/policies", {"document": before, "reason": "As before"})


def test_dags_that_are_not_pinned_have_a_page_from_which_they_are_pinned(shown):
    unpins = {"action": "unpin", "dag_ids": ["practice_unpinned"], "reason": "Not needed"}
    shown.airflow.pinning.post("/releases", unpins)
    count = shown.airflow.pinning.get("/inbox")["unpinned"]
    shown.open_overview()
    shown.page.get_by_role("navigation", name="Inbox").get_by_role("link", name=f"{count} not pinned").click()
    heading = shown.page.get_by_role("heading", name="Dags that are not pinned")
    expect(heading).to_be_visible()
    shown.page.get_by_label("Dag", exact=True).fill("practice_unpinned")
    listed = shown.page.get_by_role("table", name="Dags that are not pinned").locator("tbody").get_by_role("row")
    expect(listed).to_have_count(1)
    assert shown.serious_faults(heading.locator("xpath=..")) == []
    shown.page.get_by_role("checkbox", name="Select practice_unpinned").press("Space")
    shown.page.get_by_role("link", name="Pin 1 as they are").click()
    plan = shown.page.get_by_role("table", name="What would be done")
    expect(plan.get_by_role("row").nth(1)).to_contain_text("practice_unpinned")
    shown.button("Release 1 Dag").click()
    shown.confirm("Release 1 Dag", reason="Releases are manual now")
    expect(shown.page.get_by_role("table", name="Dags of the release")).to_contain_text("practice_unpinned")
    assert shown.state("practice_unpinned")["pinned"]


def test_selected_dags_are_promoted_and_rolled_back_as_planned(shown):
    names = ("practice_bulk", "practice_bulk_too")
    for name in names:
        shown.airflow.pinning.put(f"/dags/{name}/pin", {"version_number": 2, "reason": "As before"})
    for link, shows, button, numbers in (
        ("Pin 2…", "2 → 3", "Release 2 Dags", [3, 3]),
        ("Roll back 2…", "3 → 2", "Roll back 2 Dags", [2, 2]),
    ):
        shown.open_overview("?dag_id_pattern=practice_bulk")
        expect(rows(shown)).to_have_count(2)
        shown.page.get_by_role("checkbox", name="Select all Dags on this page").press("Space")
        shown.page.get_by_role("link", name=link).focus()
        shown.page.keyboard.press("Enter")
        plan = shown.page.get_by_role("table", name="What would be done")
        expect(plan.get_by_text(shows)).to_have_count(2)
        shown.button(button).click()
        shown.confirm(button, reason="All of them")
        expect(shown.page.get_by_role("table", name="Dags of the release").get_by_role("row")).to_have_count(3)
        assert [shown.state(name)["active"]["version_number"] for name in names] == numbers
    versions = shown.airflow.pinning.get(f"/dags/{names[0]}/versions")["versions"]
    assert "rejected" not in {one["state"] for one in versions}


def test_address_wins_over_what_was_typed_before(shown):
    shown.open_overview()
    field = shown.page.get_by_label("Dag", exact=True)
    field.fill("crowd_0123")
    expect(rows(shown)).to_have_count(10)
    shown.page.get_by_role("link", name="Pins").click()
    expect(field).to_have_value("")
    expect(rows(shown)).to_have_count(25)
    shown.page.wait_for_timeout(600)
    assert "dag_id_pattern" not in shown.page.url


def test_page_beyond_the_end_is_the_last_one(shown):
    shown.open_overview("?dag_id_pattern=crowd_0123&offset=500")
    expect(rows(shown)).to_have_count(10)
    expect(shown.page).not_to_have_url(re.compile("offset="))


def test_dag_that_is_on_hold_says_so(shown):
    shown.open_overview("?dag_id_pattern=orders")
    badge = rows(shown).filter(has_text="orders").get_by_text("on hold", exact=True)
    expect(badge).to_have_attribute("title", "jan: Totals are wrong since the conversion")


def test_pins_with_a_problem_come_with_their_remedy(shown):
    shown.open_overview()
    shown.page.get_by_text("Enforcement problems").click()
    expect(shown.page).to_have_url(re.compile("unhealthy=true"))
    expect(rows(shown).get_by_text("OK", exact=True)).to_have_count(0)
    for dag_id, remedy in (
        (GONE, "Pin another version or unpin the Dag."),
        (UNAVAILABLE, "Make the commit available again"),
    ):
        row = rows(shown).filter(has=shown.page.get_by_role("link", name=dag_id, exact=True))
        expect(row.get_by_text("broken")).to_have_attribute("title", re.compile(re.escape(remedy)))
        expect(row.locator("xpath=following-sibling::tr[1]")).to_contain_text(remedy)


def test_pins_are_sorted_and_paged(shown):
    shown.open_overview()
    shown.button("Behind").click()
    expect(shown.page.get_by_role("columnheader", name="Behind")).to_have_attribute("aria-sort", "descending")
    expect(rows(shown).first).to_contain_text("orders")
    shown.button("Dag").click()
    expect(rows(shown).first).to_contain_text("billing")
    shown.button("Dag").click()
    expect(rows(shown).first).to_contain_text("weekly report")
    shown.button("Next").click()
    expect(shown.page.get_by_text(re.compile("26.50 of"))).to_be_visible()
    expect(rows(shown).first).not_to_contain_text("weekly report")
    shown.page.get_by_role("combobox", name="Rows").select_option("200")
    expect(shown.page.get_by_text(re.compile("1.200 of"))).to_be_visible()


def test_row_leads_to_the_tab_of_its_dag(shown):
    shown.open_overview("?dag_id_pattern=orders")
    rows(shown).get_by_role("link", name="orders").click()
    expect(shown.section("Version status")).to_be_visible()
    expect(shown.page).to_have_url(re.compile("/dags/orders/plugin/pinning$"))
