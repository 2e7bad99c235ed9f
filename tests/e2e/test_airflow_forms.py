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
"""What the forms of Airflow's own user interface ask for: none names a version, so that each run has the pinned one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from airflow_providers_pinning.patch_points import RELEASE

VERSION = re.compile("version", re.IGNORECASE)
FIELDS = {
    "conf",
    "dag_run_id",
    "data_interval_end",
    "data_interval_start",
    "logical_date",
    "note",
    "partition_key",
    *(("drain_dag",) if RELEASE >= (3, 4) else ()),
}
"""What the form that triggers a run can send; Airflow 3.4 would take a ``bundle_version`` too."""


@pytest.fixture
def shown(airflow, window):
    """Return a window onto the Airflow that is there to be changed."""
    return window(airflow)


def ask(shown, button, path):
    """Press a button of the open form, and return what the browser sent and what Airflow answered."""
    with shown.page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.url.endswith(path)
    ) as answered:
        shown.confirm(button)
    return answered.value.request.post_data_json, answered.value.json()


def versions(run):
    return [version["version_number"] for version in run["dag_versions"]]


def test_a_run_that_is_triggered_in_airflows_form_has_the_pinned_version(shown):
    shown.open("/dags/practice_triggers")
    shown.button("Trigger Dag").click()
    expect(shown.dialog.get_by_text("Logical Date", exact=True)).to_be_visible()
    expect(shown.dialog).not_to_contain_text(VERSION)

    asked, run = ask(shown, "Trigger", "/dags/practice_triggers/dagRuns")

    assert asked.keys() <= FIELDS
    assert versions(run) == [2]


def test_a_backfill_with_the_latest_version_has_the_pinned_one_and_its_schedule(shown):
    shown.open("/dags/practice_backfills")
    shown.button("Trigger Dag").click()
    shown.dialog.get_by_text("Backfill", exact=True).click()
    expect(shown.dialog.get_by_role("checkbox", name=VERSION)).to_be_checked()
    for day in ("2026/10/10", "2026/10/12"):
        shown.dialog.get_by_text("Select date and time").first.click()
        shown.page.get_by_placeholder("YYYY/MM/DD").locator("visible=true").fill(day)
        shown.page.get_by_placeholder("HH:mm").locator("visible=true").fill("00:00")
        shown.dialog.get_by_text("Date Range", exact=True).click()

    asked, _ = ask(shown, "Run Backfill", "/backfills")

    assert {name: asked[name] for name in asked if VERSION.search(name)} == {"run_on_latest_version": True}
    runs = shown.airflow.airflow.get("/dags/practice_backfills/dagRuns")["dag_runs"]
    assert {run["logical_date"]: versions(run) for run in runs if run["run_type"] == "backfill"} == {
        "2026-10-10T05:30:00Z": [2],
        "2026-10-11T05:30:00Z": [2],
    }
