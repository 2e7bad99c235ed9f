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
"""What users may not do is not offered to them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.window import ACTIONS


@pytest.mark.parametrize("server", ["airflow", "fab_airflow"])
def test_viewer_sees_everything_and_can_change_nothing(server, request, window):
    served = request.getfixturevalue(server)
    shown = window(served, "viewer")
    shown.open_tab("payments")
    expect(shown.fact("Active version")).to_contain_text("Version 2pinned")
    expect(shown.fact("Reason")).to_contain_text("Approved by maria")
    expect(shown.history.first).to_contain_text("promotion")
    assert shown.page.get_by_role("button", name=ACTIONS).all_text_contents() == []

    allowed = window(served, "op")
    allowed.open_tab("payments")
    expect(allowed.button("Roll back to version 1")).to_be_visible()
    assert allowed.page.get_by_role("button", name=ACTIONS).count() >= 6


def test_viewer_who_sends_the_request_all_the_same_is_refused(airflow, window):
    shown = window(airflow, "viewer")
    shown.complaints.expect("status of 403")
    shown.open_tab("payments")
    status = shown.page.evaluate(
        """async () => (await fetch(new URL("pinning/api/v1/dags/payments/pin?reason=no", document.baseURI),
                                    {method: "DELETE"})).status"""
    )
    assert status == 403
    assert shown.state("payments")["pinned"] is True


def test_change_on_fab_is_made_in_the_name_of_who_is_logged_in(fab_airflow, window):
    shown = window(fab_airflow, "op")
    shown.open_tab("taxes")
    shown.button("Roll back to version 1").click()
    shown.confirm("Roll back to version 1", reason="Rates are wrong")
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")
    event = shown.newest_event("taxes", but="held")
    assert (event["kind"], event["actor"], event["reason"]) == ("rolled_back", "op", "Rates are wrong")


def test_stock_viewer_of_fab_has_no_tab_because_plugins_are_hidden(fab_airflow, window):
    shown = window(fab_airflow, "stock_viewer")
    shown.complaints.expect("status of 403 .*/plugins")
    with shown.page.expect_response("**/api/v2/plugins*") as answered:
        shown.open("/dags/orders")
    assert answered.value.status == 403
    expect(shown.page.get_by_role("link", name="Code", exact=True)).to_be_visible()
    expect(shown.page.get_by_role("link", name="Pinning")).to_have_count(0)
