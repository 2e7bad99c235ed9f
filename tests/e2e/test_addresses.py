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
"""Dag ids and base URLs of every kind."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.traps import DOTTED, SPACED


@pytest.mark.parametrize("dag_id", [DOTTED, SPACED], ids=["dots and letters", "space"])
def test_dag_with_an_odd_id_is_found_read_and_changed(airflow, window, dag_id):
    shown = window(airflow)
    shown.open_overview(f"?dag_id_pattern={quote(dag_id)}")
    shown.pins.get_by_role("link", name=dag_id).click()
    expect(shown.fact("Active version")).to_contain_text("Version 2pinned")
    shown.button("Pin version 3").click()
    expect(shown.dialog).to_contain_text("Changes: version 2 to version 3")
    shown.confirm("Pin version 3", reason="Größer & besser?")
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
    assert shown.newest_event(dag_id)["reason"] == "Größer & besser?"
    shown.page.reload()
    expect(shown.fact("Reason")).to_contain_text("Größer & besser?")
    shown.section("Version status").get_by_role("link", name="Version 3").click()
    expect(shown.page.get_by_text("Parsed")).to_be_visible()


def test_everything_stays_below_the_path_of_the_base_url(airflow, window):
    shown = window(airflow)
    asked = []
    shown.page.on("request", lambda request: asked.append(request.url))
    path = urlsplit(airflow.url).path
    shown.open("/dags/payments")
    shown.page.get_by_role("link", name="Pinning").click()
    expect(shown.fact("Active version")).to_contain_text("Version 2")
    shown.page.get_by_role("link", name="Pins").click()
    expect(shown.pins).to_be_visible()
    paths = [urlsplit(url).path for url in asked if url.startswith("http")]
    assert [found for found in paths if not found.startswith(f"{path}/")] == []
    assert f"{path}/pinning/static/pinning.js" in paths
