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
"""Waiting for what real processes do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import httpx
from sqlalchemy.exc import OperationalError

from demo.processes import Component

T = TypeVar("T")

TIMEOUT = 300.0
"""Seconds that anything may take; a busy machine with two cores needs some of them."""

SLOWER = 1.25
SLOWEST = 3.0
"""
Each pause is longer than the one before by this factor, up to so many times the first one: what has not happened
soon takes seconds, and every look takes the API server or the database some milliseconds.
"""

REPORT_EVERY = 10.0
"""Seconds after which a line says that the waiting goes on."""

HEALTH_NAMES = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}
"""What the health endpoint calls the components that have a heartbeat, and what their commands are called."""


class ComponentEndedError(RuntimeError):
    """A component ended that should have gone on."""


def wait_until(
    predicate: Callable[[], T],
    *,
    timeout: float,
    what: str,
    every: float,
    report: Callable[[str], None],
    components: Iterable[Component],
) -> T:
    """
    Wait until a predicate returns something true, and return that.

    :param predicate: called again and again; refused connections and a locked database count as "not yet"
    :param timeout: seconds
    :param what: what is waited for, as a sentence
    :param every: seconds between the first two calls; see :data:`SLOWEST`
    :param report: called with a line of text now and then
    :param components: those that have to go on running meanwhile
    :raises TimeoutError: with the last value that was seen
    :raises ComponentEndedError: if a component ended
    """
    began = reported = time.monotonic()
    pause = every
    while True:
        last: object
        try:
            if value := predicate():
                return value
            last = value
        except (httpx.TransportError, OperationalError) as error:
            last = error
        for component in components:
            if component.exit_code is not None:
                raise ComponentEndedError(
                    f"{component.name} ended with {component.exit_code} while waiting until {what}."
                )
        now = time.monotonic()
        if now - began > timeout:
            raise TimeoutError(f"Waited {timeout:g} s until {what}. Last seen: {last!r}")
        if now - reported > REPORT_EVERY:
            reported = now
            report(f"Waiting until {what} ({now - began:.0f} s)")
        time.sleep(pause)
        pause = min(pause * SLOWER, every * SLOWEST)


def healthy_components(server: str) -> set[str]:
    """Ask an API server which components are healthy, itself among them."""
    response = httpx.get(f"{server}/api/v2/monitor/health", timeout=5.0, trust_env=False)
    if not response.is_success:
        return set()
    health = response.json()
    return {"api-server"} | {command for name, command in HEALTH_NAMES.items() if health[name]["status"] == "healthy"}
