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
"""Wait for a verdict."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from airflow_providers_pinning.triggers.base import PinningTrigger
from airflow_providers_pinning.vocabulary import Verdict


class VersionSoakTrigger(PinningTrigger):
    """
    Wait until a soak is over.

    :param version_number: the version
    :param criteria: parameters of :class:`~airflow_providers_pinning.client.soak.SoakCriteria`
    """

    fields: ClassVar[tuple[str, ...]] = ("version_number", "criteria")

    def __init__(self, *, version_number: int, criteria: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version_number = version_number
        # Sensors that 0.1.0 deferred have its name in the trigger's row.
        self.criteria = {{"max_wait": "inconclusive_after"}.get(name, name): value for name, value in criteria.items()}

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return the soak once its verdict is final."""
        soak = await hook.get_soak(self.target_dag_id, self.version_number, SoakCriteria(**self.criteria))
        return None if soak["verdict"] == Verdict.PROGRESSING else soak
