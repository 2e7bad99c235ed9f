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
"""Wait for what another Airflow tells about a commit."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_providers_pinning.client.remote_version import RemoteQuestion
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from airflow_providers_pinning.triggers.base import PinningTrigger


class RemoteVersionTrigger(PinningTrigger):
    """
    Wait until another Airflow tells about a commit what is waited for, or that it never will.

    :param bundle_version: the commit
    :param wait_for: a :class:`~airflow_providers_pinning.client.remote_version.RemoteCondition`
    :param criteria: parameters of :class:`~airflow_providers_pinning.client.soak.SoakCriteria`
    :param expected_dag_hash: hash that the version must have there
    """

    fields: ClassVar[tuple[str, ...]] = ("bundle_version", "wait_for", "criteria", "expected_dag_hash")

    def __init__(
        self,
        *,
        bundle_version: str,
        wait_for: str,
        criteria: dict[str, Any],
        expected_dag_hash: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bundle_version = bundle_version
        self.wait_for = wait_for
        self.criteria = criteria
        self.expected_dag_hash = expected_dag_hash

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return the answer once it is final."""
        question = RemoteQuestion(
            self.target_dag_id, self.bundle_version, self.wait_for, self.criteria, self.expected_dag_hash
        )
        return await question.ask_async(hook.call)
