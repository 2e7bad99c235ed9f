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
"""The pages of what concerns many Dags: releases; and approvals, which policies ask for."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

SEND = """async ([method, path, body]) => {
    const address = new URL("pinning/api/v1/" + path, document.baseURI);
    const answer = await fetch(address, {
        body: JSON.stringify(body), headers: {"Content-Type": "application/json"}, method});
    return [answer.status, await answer.json()];
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_release_is_listed_and_shows_its_dags(airflow, window, dark):
    shown = window(airflow, dark=dark)
    shown.open_overview()
    body = {"versions": {"practice_releases": 2, "practice_releases_too": 2}, "reason": "<b>Both</b> at once"}
    status, made = shown.page.evaluate(SEND, ["POST", "releases", body])
    assert status == 200, made
    shown.page.get_by_role("link", name="Releases", exact=True).click()
    listed = shown.page.get_by_role("table", name="Releases, newest first")
    expect(listed.get_by_role("row").nth(1)).to_contain_text("<b>Both</b> at once")
    heading = shown.page.get_by_role("heading", name="Releases", exact=True)
    assert shown.serious_faults(heading.locator("xpath=..")) == []
    listed.get_by_role("link", name=made["release_id"]).click()
    dags = shown.page.get_by_role("table", name="Dags of the release")
    expect(dags.get_by_role("row")).to_have_count(3)
    expect(dags).to_contain_text("practice_releases_too")
    heading = shown.page.get_by_role("heading", name=f"Release {made['release_id']}")
    assert shown.serious_faults(heading.locator("xpath=..")) == []
    shown.page.set_viewport_size({"width": 400, "height": 800})
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 400


def test_version_is_approved_as_it_is_shown(airflow, window):
    rules = {"policies": [{"name": "two_people", "match": {"dag_ids": ["practice_approves"]},
                           "requires": {"approvals": 1}}]}  # fmt: skip
    shown = window(airflow, "op")
    shown.open_tab("practice_approves")
    admin = window(airflow, "admin")
    admin.open_tab("practice_approves")
    status, said = admin.page.evaluate(SEND, ["PUT", "policies", {"document": rules, "reason": "Two people"}])
    assert status == 200, said
    shown.look_again()
    shown.section("Release rules").get_by_role("button", name="Approve version 3").click()
    shown.confirm("Approve version 3", reason="I looked at it")
    expect(shown.page.get_by_text("Version 3 is approved.")).to_be_visible()
    _, recorded = shown.page.evaluate(
        "async () => [0, await (await fetch(new URL("
        "'pinning/api/v1/dags/practice_approves/versions/3/evidence', document.baseURI))).json()]"
    )
    assert [(one["actor"], one["reason"]) for one in recorded["approvals"]] == [("op", "I looked at it")]
