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
"""Wait for a deployment window to open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_providers_pinning.triggers.base import Outcome
from airflow_providers_pinning.windows import DeploymentWindow
from airflow_providers_pinning.windows.window import now

NAP = 60.0
"""Seconds after which the clock is read again, as it may have been set."""

LEAST_WAIT = 5.0
"""Seconds that the trigger waits at least: a task that comes back at once may be taken for one that was killed."""


class DeploymentWindowTrigger(BaseTrigger):
    """
    Wait until a window opens.

    :param window: the window as plain values
    """

    def __init__(self, *, window: dict[str, Any]) -> None:
        super().__init__()
        self.window = window

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the window."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"window": self.window}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whose payload is an :class:`~airflow_providers_pinning.triggers.base.Outcome`."""
        window = DeploymentWindow.from_dict(self.window)
        opens = await asyncio.to_thread(window.next_open, now())
        await asyncio.sleep(LEAST_WAIT)
        while (remaining := (opens - now()).total_seconds()) > 0:
            await asyncio.sleep(min(remaining, NAP))
        yield TriggerEvent(Outcome(result={"opened": opens.isoformat()}, error=None))
