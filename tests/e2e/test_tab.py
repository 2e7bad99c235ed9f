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
"""What the Pinning tab of a Dag shows."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.story import GONE, NEVER_PINNED, UNAVAILABLE


@pytest.fixture
def shown(fab_airflow, window):
    """Return a window onto the Airflow in which little is changed."""
    return window(fab_airflow)


def test_tab_tells_what_runs_what_waits_and_why(shown):
    shown.open_tab("orders")
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")
    expect(shown.fact("Next version")).to_contain_text("Version 43 newer versions")
    expect(shown.fact("Reason")).to_contain_text("Totals are wrong since the conversionjan, 2 days ago")
    expect(shown.fact("Pin enforcement")).to_have_text("OK")
    expect(shown.fact("On hold")).to_contain_text("jan, 2 days ago")
    expect(shown.fact("Runs since pinned")).to_contain_text("0 failed of ")


def test_picture_tells_its_story_to_those_who_cannot_see_it(shown):
    shown.open_tab("orders")
    part = shown.section("Version timeline")
    expect(part.get_by_role("group", name="Version timeline")).to_be_visible()
    told = part.locator("desc").text_content()
    assert "4 failed, 7 canary runs. Version 1 is active and pinned." in told
    assert "Last change: Rolled back from version 3 to 1 by jan" in told
    shown.button("Show table").click()
    expect(part.get_by_role("group")).to_have_count(0)
    rows = part.get_by_role("table").locator("tbody").get_by_role("row")
    expect(rows.first).to_contain_text("4replay of scheduled__")
    expect(rows.first).to_contain_text("running")
    assert f"{rows.count()} runs of 4 versions" in told


def test_run_in_the_picture_leads_to_the_run(shown):
    shown.open_tab("orders")
    shown.section("Version timeline").locator("svg g", has_text="Canary run").last.click()
    expect(shown.page).to_have_url(re.compile(r"/dags/orders/runs/canary__v4__"))


def test_picture_is_walked_through_with_the_keyboard(shown):
    shown.open_tab("orders")
    part = shown.section("Version timeline")
    part.get_by_role("region", name="Version timeline chart").focus()
    shown.page.keyboard.press("Tab")
    newest = part.locator("svg :focus")
    expect(newest).to_have_attribute("aria-label", re.compile(r"run canary__v4__"))
    shown.page.keyboard.press("Home")
    oldest = part.locator("svg :focus").get_attribute("aria-label")
    expect(part.get_by_text(oldest, exact=True).last).to_be_visible()
    told = []
    while "Rolled back" not in "".join(told):
        shown.page.keyboard.press("ArrowRight")
        told.append(part.locator("svg :focus").get_attribute("aria-label"))
    assert any(text.startswith("Pinned version") for text in told)
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("Enter")
    expect(shown.page).to_have_url(re.compile(r"/dags/orders/runs/canary__v4__"))


def test_picture_to_scale_is_walked_through_with_the_keyboard_as_well(shown):
    shown.open_tab("orders")
    part = shown.section("Version timeline")
    part.get_by_text("Time to scale").click()
    labels = part.locator("svg [data-column]").evaluate_all("marks => marks.map(mark => mark.dataset.column)")
    part.get_by_role("region", name="Version timeline chart").focus()
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Home")
    reached = []
    for _ in labels:
        reached.append(part.locator("svg :focus").get_attribute("data-column"))
        shown.page.keyboard.press("ArrowRight")
    assert sorted(reached, key=int) == sorted(labels, key=int)
    middles = part.locator("svg g[data-column] > rect").evaluate_all("marks => marks.map(mark => mark.x.baseVal.value)")
    gaps = {round(after - before, 1) for before, after in itertools.pairwise(sorted(middles))}
    assert len(gaps) > 2
    assert shown.serious_faults(part) == []


def test_alike_runs_are_bundled_and_older_ones_are_read_on_demand(shown):
    asked = []

    def many(route):
        asked.append(route.request.url)
        answer = route.fetch()
        body = answer.json()
        one = next(run for run in body["runs"] if run["kind"] == "live" and run["state"] == "success")
        runs = [{**one, "run_id": f"many_{number}"} for number in range(40)]
        route.fulfill(response=answer, json={**body, "runs": runs, "total_entries": 700})

    shown.page.route("**/dags/orders/runs?*", many)
    shown.open_tab("orders")
    part = shown.section("Version timeline")
    expect(part.get_by_role("link", name=re.compile("^Run many_"))).to_have_count(40)
    part.get_by_text("Bundle runs that are alike").click()
    expect(part.get_by_role("link", name=re.compile("^40 runs of version"))).to_have_count(1)
    expect(part).to_contain_text("Showing the latest 40 of 700 runs.")
    part.get_by_text("Older runs", exact=True).click()
    part.get_by_text("Older runs", exact=True).click()
    expect(part).to_contain_text("Showing runs 501 to 540 of 700, counted from the newest.")
    assert any("limit=500&offset=500" in url for url in asked)
    part.get_by_text("Newer runs", exact=True).click()
    part.get_by_text("Newer runs", exact=True).click()
    expect(part.get_by_text("Newer runs", exact=True)).to_be_disabled()


def test_picture_stays_where_it_was_scrolled_to_when_there_is_a_new_run(shown):
    def add_run(route):
        answer = route.fetch()
        runs = answer.json()
        runs["runs"].insert(0, {**runs["runs"][0], "run_id": "one_more"})
        route.fulfill(response=answer, json=runs)

    shown.page.set_viewport_size({"width": 700, "height": 900})
    shown.open_alone("orders")
    picture = shown.page.get_by_role("region", name="Version timeline chart")
    # Alike runs of a Dag with many are bundled, and then fit.
    shown.page.get_by_text("Bundle runs that are alike").click()
    shown.page.wait_for_function("box => box.scrollLeft > 0", arg=picture.element_handle())
    picture.evaluate("box => { box.scrollLeft = 0 }")
    shown.page.route("**/dags/orders/runs?*", add_run)
    shown.look_again()
    expect(picture.locator("title", has_text="run one_more")).to_have_count(1)
    assert picture.evaluate("box => box.scrollLeft") == 0


def test_candidate_comes_with_its_verdict_and_the_evidence(shown):
    shown.open_tab("orders")
    part = shown.section("Candidate")
    expect(part).to_contain_text("progressing")
    expect(part).to_contain_text("2 finished canary runs: 2 succeeded, 0 failed.")
    expect(part).to_contain_text("1 canary run in progress.")
    expect(part).to_contain_text("Pass criteria: 3 finished canary runs, no failures (the defaults")
    expect(part).to_contain_text("The soak still needs 1 finished run.")


def test_history_tells_who_did_what_and_why(shown):
    shown.open_tab("orders")
    for row in (
        "3 → 1janTotals are wrong since the conversion",
        "1 → 3promotion (promote_orders.pin)3 of 3 canary runs succeeded, approved by maria",
    ):
        expect(shown.history.filter(has_text=row)).to_have_count(1)


def test_dag_that_was_never_pinned_says_so_and_can_be_pinned(shown):
    shown.open_tab(NEVER_PINNED)
    expect(shown.fact("Active version")).to_contain_text("Version 1not pinned")
    expect(shown.fact("Reason")).to_contain_text("Not pinned: new runs use the latest version.")
    expect(shown.page.get_by_text("This Dag was never pinned")).to_be_visible()
    expect(shown.button("Unpin")).to_have_count(0)
    shown.button("Pin version 1").first.click()
    expect(shown.dialog).to_contain_text("New runs keep using version 1, even after newer versions are parsed.")


def test_pin_whose_version_is_gone_says_so_and_is_mended(shown):
    # Airflow's own page of such a Dag is "not found", so the overview leads to one that is not.
    shown.open_overview()
    shown.pins.get_by_role("link", name=GONE, exact=True).click()
    notice = shown.page.get_by_text("Version 2 is pinned, but its row was deleted, so no runs are created.")
    expect(notice).to_contain_text("Pin another version or unpin the Dag.")
    expect(shown.fact("Pin enforcement")).to_have_text("broken")
    expect(shown.button("Unpin")).to_be_visible()
    shown.button("Pin version 3").click()
    shown.confirm("Pin version 3", reason="Version 2 is gone")
    expect(shown.fact("Pin enforcement")).to_have_text("OK")
    expect(notice).to_have_count(0)
    shown.open_tab(GONE)
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")


def test_pinned_commit_that_cannot_be_had_says_so_and_what_to_do(shown):
    shown.open_tab(UNAVAILABLE)
    notice = shown.page.get_by_text("The dag processor could not get the code of the pinned version 2")
    expect(notice).to_contain_text("is not in the repository. Make the commit available again")
    expect(shown.section("Versions").get_by_role("row").filter(has_text="Version 2")).to_contain_text("code missing")


@pytest.mark.parametrize(
    ("fault", "told"),
    [(lambda route: route.abort(), "can't be reached"), (lambda route: None, "did not respond within 20 seconds")],
    ids=["down", "hangs"],
)
def test_server_that_does_not_answer_leaves_what_was_there_on_the_page(shown, fault, told):
    shown.open_tab("orders")
    expect(shown.fact("Active version")).to_contain_text("Version 1")
    if told == "can't be reached":
        shown.complaints.expect("Failed to load resource: net::ERR_FAILED")
    shown.page.route("**/pinning/api/**", fault)
    shown.look_again()
    alert = shown.page.get_by_role("alert")
    expect(alert).to_contain_text("This page may be out of date")
    expect(alert).to_contain_text(told)
    expect(shown.fact("Active version")).to_contain_text("Version 1")
    shown.page.unroute("**/pinning/api/**")
    shown.button("Try again").click()
    expect(shown.page.get_by_role("alert")).to_have_count(0)
