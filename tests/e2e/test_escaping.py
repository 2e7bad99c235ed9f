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
"""What comes from data is text and nothing else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.dags import MARKUP


@pytest.fixture
def shown(airflow, window):
    """Return a window in which no markup of the data may become part of the page."""
    opened = window(airflow)
    alerts = []
    opened.page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    yield opened
    assert alerts == []
    assert opened.page.locator("img[src=x]").count() == 0


def test_markup_in_reasons_names_and_messages_is_shown_as_text(shown):
    shown.open_tab("markup")
    expect(shown.fact("Reason")).to_contain_text(MARKUP)
    expect(shown.page.get_by_text(f"pinned version 1: {MARKUP}.")).to_be_visible()
    expect(shown.history.first).to_contain_text(f"{MARKUP}")
    picture = shown.section("Version timeline").locator("svg[role=group]")
    assert MARKUP in picture.locator("desc").text_content()
    shown.button("Show table").click()
    expect(shown.section("Version timeline").get_by_role("table")).to_be_visible()


def test_markup_in_what_a_version_defines_is_shown_as_text(shown):
    shown.open_tab("markup")
    shown.button("Pin version 2").click()
    preview = shown.dialog.locator("section")
    preview.get_by_text(re.compile(r"^Dag file \(")).click()
    expect(preview.get_by_role("region", name="Dag file diff")).to_contain_text(f"{MARKUP}2")
    expect(preview.locator("li").filter(has_text=f"{MARKUP}2").first).to_be_visible()


def test_markup_in_the_list_of_pins_is_shown_as_text(shown):
    shown.open_overview("?dag_id_pattern=markup")
    expect(shown.pins.get_by_role("cell", name=MARKUP, exact=True)).to_have_count(2)


def test_markup_in_a_refusal_is_shown_as_text(shown):
    shown.open_tab("markup")
    shown.complaints.expect("status of 409")
    shown.button("Pin version 2").click()
    shown.airflow.pinning.put("/dags/markup/pin", {"version_number": 2, "reason": MARKUP})
    shown.confirm("Pin version 2", reason="Looks good")
    expect(shown.dialog.get_by_role("alert")).to_contain_text(MARKUP)
