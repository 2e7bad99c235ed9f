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
"""Release policies and freezes."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import yaml
from playwright.sync_api import expect

from tests.e2e.test_accessibility import BEYOND, NARROW
from tests.e2e.window import REASON, REFUSED

BY_TWO = {"name": "by_two", "match": {"dag_ids": ["practice_overrides", "practice_is_bound"]},
          "requires": {"approvals": 1, "evidence": ["regression"]}}  # fmt: skip


@pytest.fixture
def declared(airflow):
    """Return a context in which policies are in force."""

    def apply(*policies):
        document = {"policies": list(policies)}
        return airflow.pinning.put("/policies", {"document": document, "reason": "Two people"})

    @contextmanager
    def declare(*policies):
        before = airflow.pinning.get("/policies")["document"]["policies"]
        apply(*before, *policies)
        try:
            yield
        finally:
            apply(*before)

    return declare


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_dialog_lists_every_rule_that_is_not_met_and_who_may_overrides_them(airflow, window, declared, dark):
    airflow.pinning.put("/dags/practice_overrides/pin", {"version_number": 2, "reason": "As before"})
    shown = window(airflow, dark=dark)
    shown.open_tab("practice_overrides")
    shown.button("Pin version 3").click()
    expect(shown.dialog.get_by_role("list", name="Unmet rules")).to_have_count(0)
    with declared(BY_TWO):
        shown.complaints.expect(REFUSED)
        shown.confirm("Pin version 3", reason="Looks good")
        refusal = shown.dialog.get_by_role("alert")
        expect(refusal).to_contain_text("Change not made: 2 release rules not met")
        expect(refusal.get_by_role("listitem")).to_have_count(2)
        expect(refusal).to_contain_text("Evidence: There is no evidence 'regression'")
        expect(refusal).to_contain_text("Approvals: The version has 0 of 1 approval.")
        expect(refusal).to_contain_text("enter an override reason below")
        assert shown.serious_faults(shown.dialog) == []
        shown.confirm("Pin version 3")
        expect(shown.dialog.get_by_text("Enter an override reason.")).to_be_visible()
        shown.dialog.get_by_role("textbox", name="Override reason").fill("Customers wait")
        shown.confirm("Pin version 3")
        expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
    event = shown.newest_event("practice_overrides")
    assert event["override_reason"] == "Customers wait"
    assert [one["rule"] for one in event["evidence"]["policy"]["overridden"]] == ["evidence", "approvals"]


def test_dialog_shows_rules_before_they_refuse_and_asks_only_those_for_a_reason_who_may(airflow, window, declared):
    shown = window(airflow, width=NARROW)
    path = "**/dags/practice_is_bound/permissions"

    def forbid(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "override_policies": False})

    shown.page.route(path, forbid)
    with declared(BY_TWO):
        shown.open_alone("practice_is_bound")
        shown.button("Promote version 3").click()
        warning = shown.dialog.get_by_text("2 release rules not met")
        expect(warning).to_be_visible()
        shown.complaints.expect(REFUSED)
        shown.dialog.get_by_role("textbox", name=REASON).fill("Looks good")
        shown.confirm("Pin version 3")
        refusal = shown.dialog.get_by_role("alert")
        expect(refusal).to_contain_text("You may not pass over them")
        expect(shown.dialog.get_by_role("list", name="Unmet rules")).to_have_count(1)
        expect(shown.dialog.get_by_role("textbox", name="Override reason")).to_have_count(0)
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert shown.state("practice_is_bound")["active"]["version_number"] == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_page_shows_policies_their_dags_and_the_freezes(airflow, window, declared, dark):
    weekdays = {"name": "weekdays", "match": {"dag_ids": ["practice_*"]},
                "windows": {"deny": [{"cron": "* * * * *", "duration": 90}]}}  # fmt: skip
    nobody = {"name": "nobody", "match": {"tags": ["no such tag"]}, "gate": "manual"}
    freeze = {"reason": "<b>Incident</b>", "until": "2131-01-01T00:00:00Z", "match": {"dag_ids": ["no_such_dag"]}}
    with declared(BY_TWO, weekdays, nobody):
        over = airflow.pinning.post("/freezes", freeze)["id"]
        airflow.pinning.delete(f"/freezes/{over}", reason="It is over")
        present = airflow.pinning.post("/freezes", freeze)["id"]
        shown = window(airflow, "viewer", dark=dark)
        shown.open_overview()
        shown.page.get_by_role("link", name="Release policies and freezes").click()
        policies = shown.section("Policies")
        expect(policies).to_contain_text("Dags that you may read are bound by a policy.")
        entry = policies.get_by_role("listitem").filter(has=shown.page.get_by_role("heading", name="by_two"))
        expect(entry).to_contain_text("Dags named practice_overrides or practice_is_bound")
        expect(entry.get_by_role("link")).to_have_text(["practice_is_bound", "practice_overrides"])
        rules = shown.page.get_by_role("list", name="Rules of by_two").get_by_role("listitem")
        expect(rules).to_have_text(["Successful evidence: regression", "1 approval by another person"])
        entry.get_by_text("What the YAML says").press("Enter")
        expect(shown.page.get_by_role("region", name="YAML of by_two")).to_contain_text("approvals: 1")
        expect(policies).to_contain_text("None that you may read")
        expect(shown.page.get_by_text("applied by admin")).to_be_visible()

        freezes = shown.section("Freezes and windows")
        now = freezes.get_by_role("list", name="Now", exact=True)
        expect(now).to_contain_text(
            f"Frozen Dags named no_such_dag, until 2131-01-01 00:00:00 UTC. admin (freeze {present})"
        )
        expect(now).to_contain_text("<b>Incident</b>")
        expect(now).to_contain_text("Closed The windows of weekdays: closed: denied by * * * * *")
        expect(freezes.get_by_role("list", name="Next", exact=True)).to_contain_text(
            f"2131-01-01 00:00:00 UTC: Freeze {present} ends (Dags named no_such_dag)"
        )
        freezes.get_by_text("Past: ").click()
        expect(freezes.get_by_role("table", name="Past freezes, newest first")).to_contain_text(
            "Lifted by admin: It is over"
        )
        heading = shown.page.get_by_role("heading", name="Release policies and freezes")
        assert shown.serious_faults(heading.locator("xpath=..")) == []
        shown.page.set_viewport_size({"width": NARROW, "height": 800})
        assert heading.locator("xpath=..").evaluate(BEYOND, NARROW) == []
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= NARROW

        shown.page.get_by_role("link", name="The document as YAML").press("Enter")
        document = shown.page.get_by_role("region", name="The document as YAML")
        expect(document).to_contain_text("policies:")
        stated = yaml.safe_load(document.text_content())
        assert stated == airflow.pinning.get("/policies")["document"]
        assert shown.serious_faults(heading.locator("xpath=..")) == []
        airflow.pinning.delete(f"/freezes/{present}", reason="It is over")
        shown.page.get_by_role("link", name="The rules in words").press("Enter")
        shown.look_again()
        expect(now).not_to_contain_text("no_such_dag")


def test_who_may_not_read_policies_is_told_so(fab_airflow, window):
    shown = window(fab_airflow, "blind_viewer")
    shown.complaints.expect("status of 403")
    shown.open("/plugin/pins?view=policies")
    notice = shown.page.get_by_role("status").filter(has_text="You may not read release policies")
    expect(notice).to_contain_text("read its versions (FAB: 'can read on DAG Versions')")
    expect(shown.section("Policies")).to_have_count(0)
    assert shown.serious_faults(notice) == []
