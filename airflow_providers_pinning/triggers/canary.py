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
"""Wait for canary runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from airflow_providers_pinning.triggers.base import PinningTrigger

FINISHED = frozenset({"success", "failed"})


def runs_to_wait_for(created: Mapping[str, Any]) -> list[str]:
    """Return the runs that a request created, those of the active version among them."""
    # A server of an earlier release knows no others.
    return [*created["run_ids"], *created.get("baseline_replays", ())]


class CanaryRunsTrigger(PinningTrigger):
    """
    Wait until runs are finished.

    :param created: what the request for the runs answered; it comes back with the event, with ``states`` added
    """

    fields: ClassVar[tuple[str, ...]] = ("created",)

    def __init__(self, *, created: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.created = created
        self._states: dict[str, str] = {}

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return what was created with ``states`` by run id, once all runs are finished."""
        for run_id in runs_to_wait_for(self.created):
            if self._states.get(run_id) not in FINISHED:
                self._states[run_id] = (await hook.get_dag_run(self.target_dag_id, run_id))["state"]
        finished = FINISHED.issuperset(self._states.values())
        return {**self.created, "states": dict(self._states)} if finished else None
