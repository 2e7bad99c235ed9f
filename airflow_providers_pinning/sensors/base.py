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
"""Shared parts of the sensors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperatorLink, BaseSensorOperator
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from airflow.triggers.base import BaseTrigger

from airflow_providers_pinning.client.soak import seconds
from airflow_providers_pinning.exceptions import ServerFaultError, TransientError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import TargetsDag, default_deferrable, refusals_fail_at_once
from airflow_providers_pinning.operators.links import PinningTabLink
from airflow_providers_pinning.triggers.base import Outcome, PinningTrigger, result_of


class LookFirstSensor(BaseSensorOperator):
    """
    Check once before deferring, and defer only without a result.

    If a task is queued again before the executor has reported the end of the deferring process, Airflow's scheduler
    treats it as killed, and a try is lost. A trigger that fires immediately causes exactly that.
    """

    deferrable: bool

    def execute(self, context: Context) -> Any:
        """Wait, in the triggerer or in this process."""
        if not self.deferrable:
            return super().execute(context)
        try:
            answer = self.poke(context)
        except AirflowException as error:
            # As in Airflow for a poking sensor, and for one that resumes from the triggerer.
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipping because soft_fail or never_fail is set: {error}") from error
            raise
        if answer.is_done:
            return answer.xcom_value
        self.defer(trigger=self.trigger(), method_name="execute_complete", timeout=timedelta(seconds=self.timeout))
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Check once."""
        raise NotImplementedError

    def trigger(self) -> BaseTrigger:
        """Return the trigger that continues to check."""
        raise NotImplementedError


class PinningSensor(TargetsDag, LookFirstSensor):
    """
    Base of the sensors that poll the REST API.

    Network errors, 429 and 5xx responses are retried until the sensor's timeout. A refusal, such as an unknown Dag or
    a wrong password, fails the sensor immediately without retries.

    :param target_dag_id: the Dag to check (templated)
    :param pinning_conn_id: connection to the API server (templated)
    :param poke_interval: poll interval, as a ``timedelta`` or in seconds (templated)
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = ("target_dag_id", "pinning_conn_id", "poke_interval")
    operator_extra_links: Collection[BaseOperatorLink] = (PinningTabLink(),)
    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        target_dag_id: str,
        pinning_conn_id: str = PinningHook.default_conn_name,
        poke_interval: float | str | timedelta = 60,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(poke_interval, str):
            # The base class takes no template; the rendered value is read when the task runs.
            super().__init__(**kwargs)
            self.poke_interval = poke_interval  # type: ignore[assignment]
        else:
            super().__init__(poke_interval=poke_interval, **kwargs)
        self.target_dag_id = target_dag_id
        self.pinning_conn_id = pinning_conn_id
        self.deferrable = default_deferrable(deferrable)

    def execute(self, context: Context) -> Any:
        """Wait, in the triggerer or in this process."""
        self.poke_interval = seconds(self.poke_interval) or 0
        return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Check once."""
        try:
            with refusals_fail_at_once():
                answer = self.ask(PinningHook(self.pinning_conn_id, attempts=1))
                if answer is None:
                    return PokeReturnValue(is_done=False)
                return PokeReturnValue(is_done=True, xcom_value=self.decide(answer, context))
        except (TransientError, ServerFaultError) as error:
            self.log.warning("Checking again in %s seconds: %s", self.poke_interval, error)
            return PokeReturnValue(is_done=False)

    def execute_complete(self, context: Context, event: Outcome) -> Any:
        """Handle the trigger's result."""
        with refusals_fail_at_once():
            return self.decide(result_of(event), context)

    def trigger(self) -> PinningTrigger:
        """Return the trigger that polls."""
        raise NotImplementedError

    def ask(self, hook: PinningHook) -> dict[str, Any] | None:
        """Return the awaited result, or ``None`` to poll again."""
        raise NotImplementedError

    def decide(self, answer: dict[str, Any], context: Context) -> Any:
        """Return the result of the task, or fail or skip it."""
        raise NotImplementedError
