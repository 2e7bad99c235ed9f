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

from tests.e2e.test_accessibility import BEYOND, NARROW
from tests.e2e.window import REFUSED

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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_release_is_planned_made_as_shown_and_rolled_back(airflow, window, dark):
    names = ("practice_planned", "practice_planned_too")
    for name in names:
        airflow.pinning.put(f"/dags/{name}/pin", {"version_number": 2, "reason": "As before"})
    commit = airflow.pinning.get(f"/dags/{names[0]}/versions")["versions"][0]["bundle_version"]
    airflow.pinning.post(f"/dags/{names[1]}/versions/3/reject", {"reason": "Loses orders"})

    shown = window(airflow, dark=dark)
    shown.open("/plugin/pins?view=releases")
    shown.page.get_by_role("link", name="Plan a release").click()
    shown.button("Show what would change").click()
    expect(shown.page.get_by_role("alert")).to_contain_text("Enter a commit.")
    shown.page.get_by_role("textbox", name="Commit").fill(commit)
    shown.page.get_by_role("textbox", name="Dags", exact=False).first.fill("\n".join(names))
    shown.button("Show what would change").click()
    plan = shown.page.get_by_role("table", name="What would be done")
    expect(plan.get_by_role("row").nth(1)).to_contain_text("practice_planned_tooblocked")
    expect(plan.get_by_role("row").nth(1)).to_contain_text("rejected")
    expect(plan.get_by_role("row").nth(2)).to_contain_text("2 → 3")
    expect(shown.button("Release 1 Dag")).to_have_count(0)
    page = shown.page.get_by_role("heading", name="Plan a release").locator("xpath=..")
    assert shown.serious_faults(page) == []
    shown.page.set_viewport_size({"width": NARROW, "height": 800})
    assert page.evaluate(BEYOND, NARROW) == []
    shown.page.set_viewport_size({"width": 1280, "height": 900})

    airflow.pinning.post(f"/dags/{names[1]}/versions/3/restore", {"reason": "Was a false alarm"})
    shown.button("Show what would change").click()
    shown.button("Release 2 Dags").click()
    airflow.pinning.put(f"/dags/{names[0]}/pin", {"version_number": 1, "reason": "Made elsewhere"})
    shown.complaints.expect(REFUSED)
    shown.confirm("Release 2 Dags", reason="Both at once")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("is not what the plan showed")
    assert shown.state(names[1])["active"]["version_number"] == 2
    shown.dialog.get_by_role("button", name="Cancel").click()
    shown.button("Show what would change").click()
    expect(plan).to_contain_text("1 → 3")
    shown.button("Release 2 Dags").click()
    assert shown.serious_faults(shown.dialog) == []
    shown.confirm("Release 2 Dags", reason="Both at once")
    expect(shown.page.get_by_role("table", name="Dags of the release").get_by_role("row")).to_have_count(3)
    assert [shown.state(name)["active"]["version_number"] for name in names] == [3, 3]

    asked = []
    shown.page.on("request", lambda request: asked.append(request.url) if "/releases/" in request.url else None)
    shown.page.wait_for_timeout(12_000)
    assert asked == []
    shown.button("Roll back this release").click()
    expect(shown.dialog.get_by_role("table", name="What would be done")).to_contain_text("3 → 1")
    assert shown.serious_faults(shown.dialog) == []
    shown.confirm("Roll back the release", reason="Totals are wrong")
    expect(shown.page.get_by_text("Rolls back ")).to_be_visible()
    assert [shown.state(name)["active"]["version_number"] for name in names] == [1, 2]


def test_rollback_of_a_release_passes_over_a_hold_once_its_effect_was_shown(airflow, window):
    names = ("practice_releases", "practice_releases_too")
    for name in names:
        airflow.pinning.put(f"/dags/{name}/pin", {"version_number": 2, "reason": "As before"})
    made = airflow.pinning.post("/releases", {"versions": dict.fromkeys(names, 1), "reason": "The older one"})
    airflow.pinning.put(f"/dags/{names[0]}/hold", {"reason": "Do not touch"})

    shown = window(airflow, "op")
    shown.open(f"/plugin/pins?view=releases&release_id={made['release_id']}")
    shown.button("Roll back this release").click()
    plan = shown.dialog.get_by_role("table", name="What would be done")
    expect(plan).to_contain_text("put on hold")
    shown.dialog.get_by_role("textbox", name="Override reason").fill("It was a mistake")
    shown.confirm("Roll back the release", reason="Back to the newer one")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("Look at what the override reason changes first.")
    shown.dialog.get_by_role("button", name="Show what it changes").click()
    expect(plan).not_to_contain_text("blocked")
    assert shown.serious_faults(shown.dialog) == []
    shown.confirm("Roll back the release", reason="Back to the newer one")
    expect(shown.page.get_by_text("Rolls back ")).to_be_visible()
    assert [shown.state(name)["active"]["version_number"] for name in names] == [2, 2]
    airflow.pinning.delete(f"/dags/{names[0]}/hold", reason="Done")


def test_release_for_later_is_shown_and_canceled(airflow, window):
    names = ("practice_releases", "practice_releases_too")
    for name in names:
        airflow.pinning.put(f"/dags/{name}/pin", {"version_number": 2, "reason": "As before"})
    later = {"versions": dict.fromkeys(names, 1), "effective_from": "2126-01-31T13:00:00+00:00"}
    made = airflow.pinning.post("/releases", {**later, "reason": "In the next century"})

    shown = window(airflow, "op")
    shown.open(f"/plugin/pins?view=releases&release_id={made['release_id']}")
    expect(shown.page.get_by_text("Takes effect: ")).to_be_visible()
    expect(shown.page.get_by_role("table", name="Dags of the release")).to_contain_text("scheduled")
    shown.button("Roll back this release").click()
    expect(shown.dialog.get_by_role("table", name="What would be done")).to_contain_text("canceled")
    shown.confirm("Roll back the release", reason="Not needed")
    expect(shown.page.get_by_text("Rolls back ")).to_be_visible()
    assert [shown.state(name)["pending"] for name in names] == [None, None]


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
