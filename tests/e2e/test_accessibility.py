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
"""For everybody: screen readers, keyboards, narrow windows, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.window import REASON

NARROW = 400


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_on_the_tab_and_in_its_dialog(airflow, window, dark):
    shown = window(airflow, dark=dark)
    shown.open_tab("orders")
    tab = shown.section("Version status").locator("xpath=../..")
    assert shown.serious_faults(tab) == []
    shown.button("Show table").click()
    assert shown.serious_faults(shown.section("Version timeline")) == []
    shown.open_tab("payments")
    shown.button("Roll back to version 1").click()
    expect(shown.dialog).to_contain_text("Next scheduled run:")
    assert shown.serious_faults(shown.dialog) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_on_the_overview(airflow, window, dark):
    shown = window(airflow, dark=dark)
    shown.open_overview()
    page = shown.page.get_by_role("heading", name="Pinned Dags").locator("xpath=..")
    assert shown.serious_faults(page) == []


def test_dag_is_rolled_back_with_the_keyboard_alone(airflow, window):
    shown = window(airflow)
    shown.open_tab("practice_keyboard")
    shown.tab_to("Roll back to version 1")
    shown.page.keyboard.press("Enter")
    expect(shown.dialog.get_by_role("textbox", name=REASON)).to_be_focused()
    shown.page.keyboard.press("Escape")
    expect(shown.dialog).to_have_count(0)
    expect(shown.button("Roll back to version 1")).to_be_focused()
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.type("By keyboard")
    for _ in range(10):
        shown.page.keyboard.press("Tab")
        if shown.page.evaluate("document.activeElement.type") == "submit":
            break
    shown.page.keyboard.press("Enter")
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")
    expect(shown.fact("Reason")).to_contain_text("By keyboard")


@pytest.mark.parametrize("place", ["tab", "dialog", "alone", "overview"])
def test_narrow_window_shows_everything_without_scrolling_sideways(airflow, window, place):
    shown = window(airflow, width=NARROW)
    if place == "overview":
        shown.open_overview()
        part = shown.page.get_by_role("heading", name="Pinned Dags").locator("xpath=..")
    elif place == "alone":
        shown.open_alone("orders")
        part = shown.section("Version status").locator("xpath=../../..")
    else:
        shown.open_tab("payments")
        part = shown.section("Version status").locator("xpath=../..")
    if place == "dialog":
        shown.button("Roll back to version 1").click()
        expect(shown.dialog).to_contain_text("Next scheduled run:")
        part = shown.dialog
    assert part.evaluate(BEYOND, NARROW) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= NARROW


BEYOND = """
(part, width) => {
  const scrolls = (element) =>
    element !== null && element !== part.parentElement &&
    (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const hidden = (box) => box.width <= 1 || box.height <= 1;
  return [...part.querySelectorAll("*")]
    .filter((element) => !scrolls(element.parentElement))
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([, box]) => !hidden(box) && (box.right > width + 0.5 || box.left < 0))
    .map(([element]) => element.outerHTML.slice(0, 200));
}
"""
"""What of a part of the page is beyond the window, unless it is in a box that scrolls by itself."""
