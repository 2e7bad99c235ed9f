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
"""A browser window on the pages of the plugin, in the words of somebody who uses them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.e2e.airflow import SeededAirflow
from tests.e2e.browser import Complaints

ACTIONS = re.compile(
    r"\b(approve|pin|unpin|roll back|promote|canary|reject|restore|abort|pause|resume|lift hold|repair|acknowledge)\b",
    re.IGNORECASE,
)
"""What buttons are called that change something."""
REASON = re.compile("^Reason")
"""What the field for the reason is called, beside which there may be one for an override reason."""
REFUSED = r"error: Failed to load resource: .* status of 409"
"""What Chromium itself says in the console when a request is refused."""


@dataclass
class Window:
    """
    A window of somebody who is logged in.

    :param airflow: the Airflow that it shows
    :param page: Playwright's page
    :param complaints: what the console says
    """

    airflow: SeededAirflow
    page: Page
    complaints: Complaints

    def open(self, path: str) -> None:
        """Go to a page of Airflow."""
        self.page.goto(self.airflow.url + path)

    def open_tab(self, dag_id: str) -> None:
        """Go to a Dag's Pinning tab, and wait until it shows something."""
        self.open(f"/dags/{quote(dag_id)}/plugin/pinning")
        expect(self.section("Version status")).to_be_visible()

    def open_alone(self, dag_id: str) -> None:
        """Go to what the tab shows, on a page without Airflow's own of the Dag around it."""
        self.open(f"/plugin/pins?dag_id={quote(dag_id)}")
        expect(self.section("Version status")).to_be_visible()

    def open_overview(self, query: str = "") -> None:
        """Go to the overview, and wait until it shows something."""
        self.open(f"/plugin/pins{query}")
        expect(self.pins).to_be_visible()

    def section(self, title: str) -> Locator:
        """Return a part of the tab by its heading."""
        return self.page.get_by_role("region", name=title, exact=True)

    def fact(self, label: str) -> Locator:
        """Return what stands under a label in the release state."""
        return self.section("Version status").locator("dt", has_text=label).locator("xpath=following-sibling::dd[1]")

    def button(self, name: str) -> Locator:
        """Return a button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    @property
    def pins(self) -> Locator:
        """The table of the overview."""
        return self.page.get_by_role("table", name="Pinned Dags")

    @property
    def history(self) -> Locator:
        """The rows of the tab's history, without its header."""
        return self.section("History").locator("tbody").get_by_role("row")

    def confirm(self, name: str, *, reason: str | None = None) -> None:
        """Give a reason in the open dialog, and press the button that does it."""
        if reason is not None:
            self.dialog.get_by_role("textbox", name=REASON).fill(reason)
        self.dialog.get_by_role("button", name=name, exact=True).click()

    def look_again(self) -> None:
        """Come back to the window after a while in another one, which makes it read anew."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def state(self, dag_id: str) -> Any:
        """Ask the server for the release state."""
        return self.airflow.pinning.get(f"/dags/{quote(dag_id)}")

    def newest_event(self, dag_id: str, *, but: str = "") -> Any:
        """Ask the server for the newest event, or the newest one of another kind."""
        events = self.airflow.pinning.get(f"/dags/{quote(dag_id)}/events")["events"]
        return next(event for event in events if event["kind"] != but)

    def serious_faults(self, part: Locator) -> list[str]:
        """Let axe look at a part of the page, and return what it calls serious or critical."""
        # While it fades in, or a color changes, its contrast is not what it is going to be.
        self.page.evaluate(
            "() => Promise.all(document.getAnimations()"
            ".filter(({ effect }) => effect.getComputedTiming().iterations !== Infinity)"
            ".map(({ finished }) => finished.catch(() => undefined)))"
        )
        part.evaluate("element => element.setAttribute('data-looked-at', '')")
        found = Axe().run(self.page, context={"include": [["[data-looked-at]"]]}).response["violations"]
        part.evaluate("element => element.removeAttribute('data-looked-at')")
        return [
            f"{fault['id']}: {node['html'][:300]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def tab_to(self, name: str) -> None:
        """Press the Tab key until a button has the focus."""
        target = self.button(name)
        for _ in range(120):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {name!r}")
