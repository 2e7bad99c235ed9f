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
"""Criteria and reviews of versions through the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import Expected, PinningCalls, new_key
from airflow_providers_pinning.client.soak import SoakCriteria

if TYPE_CHECKING:
    from typing_extensions import Unpack


class PinningReviews(PinningCalls):
    """Sets criteria, and reviews versions."""

    def add_candidate(
        self,
        dag_id: str,
        *,
        reason: str,
        version_number: int | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Make a version, by default the latest, a candidate, so that no commit overwrites it."""
        return self.call(
            endpoints.candidate(
                dag_id,
                reason=reason,
                version_number=version_number,
                idempotency_key=idempotency_key or new_key(),
                **expected,
            )
        )

    def reject(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Reject a version so that it cannot be pinned."""
        return self._judge(dag_id, version_number, "reject", reason, idempotency_key, **expected)

    def restore(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Allow a rejected version to be pinned again."""
        return self._judge(dag_id, version_number, "restore", reason, idempotency_key, **expected)

    def repair(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Restore the recorded content of a managed version that a process without the enforcement has rewritten."""
        return self._judge(dag_id, version_number, "repair", reason, idempotency_key, **expected)

    def set_criteria(
        self,
        dag_id: str,
        criteria: SoakCriteria,
        *,
        reason: str,
        expected_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Replace the criteria of a Dag, and return them.

        :param criteria: the criteria; omitted ones are the defaults
        :param expected_revision: refuse with ``revision_conflict`` if the criteria have changed since
        """
        return self.call(
            endpoints.set_criteria(
                dag_id,
                criteria=criteria.as_criteria(),
                reason=reason,
                expected_revision=expected_revision,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def _judge(
        self,
        dag_id: str,
        version_number: int,
        judged: str,
        reason: str,
        idempotency_key: str | None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        key = idempotency_key or new_key()
        return self.call(
            endpoints.judgement(dag_id, version_number, judged, reason=reason, idempotency_key=key, **expected)
        )
