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
"""Debian's Chromium, driven by Playwright, and what it complains about."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.airflow import PASSWORD, SeededAirflow

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    # Without these, Chromium asks hosts of its maker for updates and the like.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT = 60_000
"""Milliseconds that two cores may need for what takes a moment elsewhere."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with an empty profile, and end it."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        raise RuntimeError("There is no Chromium. Run `make chromium`, or name its executable in $CHROMIUM.")
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def log_in(browser: Browser, airflow: SeededAirflow, username: str) -> Any:
    """Log in through Airflow's own form, and return the cookies that make somebody logged in."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.goto(f"{airflow.url}/")
        page.locator("input[name=username]").fill(username)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[type=submit], button[type=submit]").first.click()
        expect(page.get_by_role("button", name="User")).to_be_visible()
        return context.storage_state()
    finally:
        context.close()


@dataclass
class Complaints:
    """
    What the console said that a healthy page does not say.

    :param page: the page that is listened to
    """

    page: Page
    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))

    def expect(self, pattern: str) -> None:
        """Allow what matches, and demand that it comes."""
        self.expected.append(pattern)

    def check(self) -> None:
        """Fail if there was anything unexpected, or if what is expected did not come."""
        unexpected = [line for line in self.found if not any(re.search(p, line) for p in self.expected)]
        assert not unexpected, f"the console complains: {unexpected}"
        missing = [p for p in self.expected if not any(re.search(p, line) for line in self.found)]
        assert not missing, f"the console does not say {missing}"

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.found.append(f"{message.type}: {message.text} ({message.location.get('url')})")


def open_context(
    browser: Browser, state: Any, *, width: int = 1280, height: int = 900, scale: float = 1, dark: bool = False
) -> BrowserContext:
    """Open a window of somebody who is logged in."""
    context = browser.new_context(
        storage_state=state,
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if dark else "light",
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT)
    return context
