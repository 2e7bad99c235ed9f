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
