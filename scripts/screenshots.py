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
"""Write the pictures of the user interface into ``docs/images``: ``python -m scripts.screenshots``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from tests.e2e.airflow import SeededAirflow, write_seed
from tests.e2e.browser import Complaints, chromium, log_in, open_context
from tests.e2e.window import Window

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST = 200_000
"""Bytes that a picture may have at most."""


def main() -> None:
    """Seed an Airflow, and take every picture in both themes."""
    with tempfile.TemporaryDirectory() as folder:
        print("Seeding ...", flush=True)
        write_seed(Path(folder))
        with SeededAirflow(Path(folder) / "story.db") as airflow, chromium() as browser:
            airflow.serve()
            state = log_in(browser, airflow, "op")
            for theme in ("light", "dark"):
                _take(airflow, browser, state, theme)


def _take(airflow: SeededAirflow, browser: Browser, state: object, theme: str) -> None:
    context = open_context(browser, state, width=1280, height=920, scale=1, dark=theme == "dark")
    page = context.new_page()
    window = Window(airflow, page, Complaints(page))

    window.open_tab("orders")
    expect(window.section("Candidate")).to_contain_text("progressing")
    _save(window, f"pinning-tab-{theme}.png")
    window.page.set_viewport_size({"width": 1280, "height": 1600})
    window.open_alone("orders")
    window.page.get_by_role("button", name="2 differences of").click()
    _save(window, f"replays-{theme}.png", window.section("Candidate"))
    _save(window, f"history-{theme}.png", window.section("History"))
    window.page.set_viewport_size({"width": 1280, "height": 920})

    window.open_tab("payments")
    window.button("Roll back to version 1").click()
    window.dialog.get_by_text("Next scheduled run:").click()
    expect(window.dialog.get_by_role("table", name="Next runs")).to_be_visible()
    _save(window, f"roll-back-{theme}.png")

    window.open_overview()
    _save(window, f"overview-{theme}.png")
    context.close()
    window.complaints.check()


def _save(window: Window, name: str, part: Locator | None = None) -> None:
    window.page.wait_for_load_state("networkidle")
    window.page.mouse.move(0, 0)
    # Fades take a moment although the browser asks for none.
    window.page.wait_for_timeout(500)
    picture = (part or window.page).screenshot(path=IMAGES / name, animations="disabled")
    print(f"docs/images/{name}: {len(picture) // 1000} kB", flush=True)
    if len(picture) > LARGEST:
        raise ValueError(f"docs/images/{name} has {len(picture)} bytes, more than {LARGEST}")


if __name__ == "__main__":
    main()
