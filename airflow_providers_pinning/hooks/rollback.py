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
"""Roll back one Dag or many with one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

from airflow_providers_pinning.exceptions import PinningApiError, RollbackFailedError
from airflow_providers_pinning.hooks.pinning import PinningHook


class RollbackHook(PinningHook):
    """
    Roll back one Dag or many.

    It is a :class:`~airflow_providers_pinning.hooks.pinning.PinningHook`, with the same connection and parameters.
    """

    def roll_back_all(
        self,
        dags: str | Iterable[str] | Mapping[str, int | None],
        *,
        reason: str,
        reject_current: bool = True,
        hold: bool = False,
        hold_until: str | None = None,
        repair: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, dict[str, Any]]:
        """
        Roll back each Dag in its own transaction; a Dag that cannot be rolled back does not block the others.

        Repeating the call with the same ``idempotency_key`` only rolls back the remaining Dags.

        :param dags: a Dag id, Dag ids, or the version number to return to by Dag id (``None`` is the previously
            active version)
        :param reason: reason for the history
        :param reject_current: reject the current versions
        :param hold: block further changes of these Dags without an override
        :param hold_until: when the holds expire, as ISO 8601 with a zone
        :param repair: what happens to the runs of the current versions, as in :meth:`roll_back`
        :param idempotency_key: names this call; the key of each Dag is made from it
        :return: release state by Dag id
        :raises RollbackFailedError: if a Dag could not be rolled back; it lists those that were
        """
        targets = _targets(dags)
        key = idempotency_key or f"call-{uuid4()}"
        done: dict[str, dict[str, Any]] = {}
        failed: dict[str, PinningApiError] = {}
        for dag_id, version in sorted(targets.items()):
            try:
                done[dag_id] = self.roll_back(
                    dag_id,
                    reason=reason,
                    to_version=version,
                    reject_current=reject_current,
                    hold=hold,
                    hold_until=hold_until,
                    repair=repair,
                    idempotency_key=f"{key}-{sha256(dag_id.encode()).hexdigest()[:32]}",
                )
            except PinningApiError as error:
                self.log.error("Dag %s was not rolled back: %s", dag_id, error)
                failed[dag_id] = error
        if failed:
            raise RollbackFailedError(done=done, failed=failed)
        return done


def _targets(dags: str | Iterable[str] | Mapping[str, int | None]) -> dict[str, int | None]:
    if isinstance(dags, str):
        return {dags: None}
    targets = dict(dags) if isinstance(dags, Mapping) else dict.fromkeys(dags)
    if not targets:
        raise ValueError("No Dag to roll back was given.")
    return targets
