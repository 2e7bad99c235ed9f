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
"""Ramps through the REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import ExpectedWithRules, PinningCalls, SeenRules, new_key

if TYPE_CHECKING:
    from typing_extensions import Unpack


class PinningRamps(PinningCalls):
    """Starts and changes ramps."""

    def start_ramp(
        self,
        dag_id: str,
        *,
        reason: str,
        steps: Sequence[Mapping[str, Any]],
        version_number: int | None = None,
        dag_version_id: str | None = None,
        bundle_version: str | None = None,
        max_failures: int = 0,
        promotion: str = "automatic",
        override_reason: str | None = None,
        supersede: bool = False,
        idempotency_key: str | None = None,
        **expected: Unpack[ExpectedWithRules],
    ) -> dict[str, Any]:
        """
        Give a share of the new runs of a pinned Dag another version, and return the release state.

        Give one of ``version_number``, ``dag_version_id`` and ``bundle_version``.

        :param steps: each with ``share`` (above 0, at most 1), and ``runs`` or ``duration`` (seconds) or both
        :param max_failures: failed runs of the version to tolerate, over all steps
        :param promotion: ``automatic`` pins the version after the last step, ``manual`` waits for ``promote``
        :param supersede: cancel a pending change and abort another ramp instead of refusing this one
        """
        return self.call(
            endpoints.start_ramp(
                dag_id,
                reason=reason,
                steps=[dict(step) for step in steps],
                version_number=version_number,
                dag_version_id=dag_version_id,
                bundle_version=bundle_version,
                max_failures=max_failures,
                promotion=promotion,
                override_reason=override_reason,
                supersede=supersede or None,
                idempotency_key=idempotency_key or new_key(),
                **expected,
            )
        )

    def change_ramp(
        self,
        dag_id: str,
        action: str,
        *,
        reason: str,
        expected_version: int | None = None,
        expected_revision: int | None = None,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
        **seen: Unpack[SeenRules],
    ) -> dict[str, Any]:
        """
        Pause, resume, abort or promote the ramp of a Dag, and return the release state.

        :param action: ``pause``, ``resume``, ``abort`` or ``promote``
        :param expected_version: refuse with ``no_ramp`` if the ramp is for another version
        """
        return self.call(
            endpoints.change_ramp(
                dag_id,
                action=action,
                reason=reason,
                expected_version=expected_version,
                expected_revision=expected_revision,
                override_reason=override_reason,
                idempotency_key=idempotency_key or new_key(),
                **seen,
            )
        )
