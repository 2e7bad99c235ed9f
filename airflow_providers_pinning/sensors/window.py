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
"""Wait for a deployment window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.operators.base import default_deferrable
from airflow_providers_pinning.sensors.base import LookFirstSensor
from airflow_providers_pinning.triggers.base import Outcome, result_of
from airflow_providers_pinning.triggers.window import DeploymentWindowTrigger
from airflow_providers_pinning.windows import DeploymentWindow, UndecidableWindowError, WindowNeverOpensError
from airflow_providers_pinning.windows.window import now


class DeploymentWindowSensor(LookFirstSensor):
    """
    Wait until a deployment window is open.

    Returns ``reason`` and ``next_close``. A window that never opens fails the task immediately. If the window closes
    again before the task is resumed, the task waits for the next time.

    :param window: a :class:`~airflow_providers_pinning.windows.DeploymentWindow`, or its plain values or JSON
        (templated)
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = ("window",)
    template_fields_renderers = {"window": "json"}
    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        window: DeploymentWindow | Mapping[str, Any] | str,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.window = window.to_dict() if isinstance(window, DeploymentWindow) else window
        self.deferrable = default_deferrable(deferrable)

    def poke(self, context: Context) -> PokeReturnValue:
        """Check the clock."""
        window, at = self._read(), now()
        state = window.state(at)
        if state.is_open:
            closes = window.next_close(at)
            return PokeReturnValue(
                is_done=True,
                xcom_value={"reason": state.message, "next_close": closes.isoformat() if closes else None},
            )
        try:
            opens = window.next_open(at)
        except (WindowNeverOpensError, UndecidableWindowError) as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("%s; it opens at %s", state.message, opens.isoformat())
        return PokeReturnValue(is_done=False)

    def trigger(self) -> DeploymentWindowTrigger:
        """Return the trigger that checks the clock."""
        return DeploymentWindowTrigger(window=self._read().to_dict())

    def execute_complete(self, context: Context, event: Outcome) -> Any:
        """Check the clock again, because the task may resume late."""
        result_of(event)
        return self.execute(context)

    def _read(self) -> DeploymentWindow:
        try:
            return DeploymentWindow.from_dict(self.window)  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise AirflowFailException(f"The deployment window is not valid: {error}") from error
