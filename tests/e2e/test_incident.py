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
"""What the pages say when things go wrong, and while two people act at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.window import REASON, REFUSED

DAG = "practice_incident"


@pytest.fixture
def shown(airflow, window):
    """Return a window."""
    return window(airflow)


def answering(shown, path, change, *, method="GET"):
    """Let the server's answers to a request differ from what it says."""

    def answer(route):
        if route.request.method != method:
            route.continue_()
            return
        real = route.fetch()
        route.fulfill(response=real, json=change(real.json()))

    shown.page.route(f"**/api/v1/{path}", answer)


def test_loser_of_two_rollbacks_is_told_who_won_and_offered_nothing(shown):
    already = {
        "event_id": 1, "actor": "maria", "reason": "wrong totals", "at": "2026-01-01T00:00:00Z",
        "from_version": 2, "to_version": 1,
    }  # fmt: skip
    detail = {"reason": "revision_conflict", "message": "Already rolled back.", "already": already}

    def refuse(route):
        if route.request.method == "POST":
            route.fulfill(status=409, json={"detail": detail})
        else:
            route.continue_()

    shown.complaints.expect(REFUSED)
    shown.page.route(f"**/dags/{DAG}/rollback", refuse)
    shown.open_tab(DAG)
    shown.button("Roll back to version 1").click()
    shown.confirm("Roll back to version 1")
    expect(shown.dialog).to_contain_text("Already rolled back by maria")
    expect(shown.dialog).to_contain_text("From version 2 to version 1")
    expect(shown.dialog).to_contain_text("Nothing is left to do.")
    expect(shown.dialog.get_by_role("checkbox")).to_have_count(0)
    expect(shown.dialog.get_by_role("button", name=re.compile("^Roll back"))).to_have_count(0)
    shown.dialog.get_by_role("button", name="Close").first.click()
    expect(shown.dialog).to_have_count(0)


def test_failed_verdict_stands_in_the_dialog_and_asks_for_a_reason(shown):
    version = shown.airflow.pinning.get("/dags/orders/versions")["versions"][0]
    assert version["state"] == "candidate"
    answering(
        shown,
        "dags/orders/versions/4/soak?*",
        lambda body: {**body, "verdict": "failed", "message": "2 runs failed. At most 0 may fail."},
    )
    answering(shown, "dags/orders", lambda body: {**body, "hold": None})
    shown.open_tab("orders")
    expect(shown.section("Candidate").get_by_text("failed", exact=True).first).to_be_visible()
    shown.section("Candidate").get_by_role("button", name="Promote version 4").click()
    expect(shown.dialog).to_contain_text("The verdict on version 4 is failed")
    expect(shown.dialog).to_contain_text("2 runs failed. At most 0 may fail. Say why you promote it anyway.")
    shown.confirm("Pin version 4", reason="Needed now")
    expect(shown.dialog.get_by_role("alert")).to_have_text("Enter an override reason.")
    shown.dialog.get_by_role("button", name="Cancel").click()


def test_half_written_dialog_is_there_again_after_escape(shown):
    shown.open_tab(DAG)
    shown.button("Roll back to version 1").click()
    shown.dialog.get_by_role("textbox", name=REASON).fill("Totals are wrong since")
    shown.page.keyboard.press("Escape")
    expect(shown.dialog).to_have_count(0)
    shown.button("Roll back to version 1").click()
    expect(shown.dialog.get_by_role("textbox", name=REASON)).to_have_value("Totals are wrong since")


def test_dag_without_versions_is_said_to_be_none_that_can_be_pinned(shown):
    def unversioned(body):
        return {**body, "active": {**body["active"], "bundle_version": None}}

    answering(shown, "dags/newsletter", unversioned)
    shown.open_tab("newsletter")
    expect(shown.page.get_by_text("This Dag's versions cannot be pinned")).to_be_visible()
    expect(shown.page.get_by_text("Serve the Dag from a bundle that supports versioning")).to_be_visible()
    expect(shown.section("Version status").get_by_role("button")).to_have_count(0)


def test_active_version_says_which_commit_it_is(shown):
    commit = {"message": "Sum the totals\n\nFor sales.", "author": "maria", "committed_at": None, "url": None}

    def committed(body):
        return {**body, "versions": [{**one, "commit": {**commit, "bundle_version": "x"}} for one in body["versions"]]}

    answering(shown, f"dags/{DAG}/versions?*", committed)
    shown.open_tab(DAG)
    expect(shown.fact("Active version")).to_contain_text("Sum the totals (maria)")
    expect(shown.fact("Active version")).not_to_contain_text("For sales.")
