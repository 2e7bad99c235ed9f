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
"""Holds through the REST API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import PinningCalls, new_key


class PinningHolds(PinningCalls):
    """Places and lifts holds."""

    def hold(
        self,
        dag_id: str,
        *,
        reason: str,
        until: str | None = None,
        expected_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Put a Dag on hold, so that only a rollback to an older version can change its pin.

        :param until: when the hold expires, as ISO 8601 with a zone (default: never)
        """
        return self.call(
            endpoints.hold(
                dag_id,
                reason=reason,
                until=until,
                expected_revision=expected_revision,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def unhold(
        self, dag_id: str, *, reason: str, expected_revision: int | None = None, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Lift the hold of a Dag. The active version stays."""
        key = idempotency_key or new_key()
        return self.call(
            endpoints.unhold(dag_id, reason=reason, expected_revision=expected_revision, idempotency_key=key)
        )

    def hold_all(
        self, dag_ids: Sequence[str], *, reason: str, until: str | None = None, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Put several Dags on hold in one transaction, and return their release states as ``dags``."""
        key = idempotency_key or new_key()
        return self.call(endpoints.hold_all(dag_ids=list(dag_ids), reason=reason, until=until, idempotency_key=key))

    def unhold_all(self, dag_ids: Sequence[str], *, reason: str, idempotency_key: str | None = None) -> dict[str, Any]:
        """Lift the holds of several Dags in one transaction, and return their release states as ``dags``."""
        key = idempotency_key or new_key()
        return self.call(endpoints.unhold_all(dag_ids=list(dag_ids), reason=reason, idempotency_key=key))
