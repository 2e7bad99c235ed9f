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
"""Operators that put a Dag on hold and lift the hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import PinningOperator, text


class HoldDagOperator(PinningOperator):
    """
    Put a Dag on hold: until the hold ends or is lifted, only a rollback to an older version changes its pin.

    For several Dags, expand ``target_dag_id``, or use
    :meth:`~airflow_providers_pinning.hooks.pinning.PinningHook.hold_all`, which holds all or none.

    :param until: when the hold expires, as ISO 8601 with a zone; by default it stays until it is lifted (templated)
    """

    template_fields: Sequence[str] = (*PinningOperator.template_fields, "until")

    def __init__(self, *, until: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.until = until

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Put the Dag on hold."""
        return hook.hold(
            self.target_dag_id,
            reason=self.why(context),
            until=text(self.until),
            idempotency_key=self.key(context, "hold"),
        )


class UnholdDagOperator(PinningOperator):
    """Lift the hold of a Dag; the active version stays."""

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Lift the hold."""
        return hook.unhold(self.target_dag_id, reason=self.why(context), idempotency_key=self.key(context, "unhold"))
