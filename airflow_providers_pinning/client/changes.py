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
"""Changes through the REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import ExpectedWithRules, SeenRules, new_key
from airflow_providers_pinning.client.holds import PinningHolds
from airflow_providers_pinning.client.policies import PinningPolicies
from airflow_providers_pinning.client.ramps import PinningRamps
from airflow_providers_pinning.client.releases import PinningReleases
from airflow_providers_pinning.client.reviews import PinningReviews

if TYPE_CHECKING:
    from typing_extensions import Unpack


class PinningChanges(PinningHolds, PinningPolicies, PinningRamps, PinningReviews, PinningReleases):
    """
    The changing half of :class:`~airflow_providers_pinning.hooks.pinning.PinningHook`.

    Every change has an idempotency key: the caller's, or a new one for each call.
    """

    def pin(
        self,
        dag_id: str,
        *,
        reason: str,
        version_number: int | None = None,
        dag_version_id: str | None = None,
        bundle_version: str | None = None,
        override_reason: str | None = None,
        ignore_verdict: bool = False,
        effective_from: str | None = None,
        supersede: bool = False,
        idempotency_key: str | None = None,
        **expected: Unpack[ExpectedWithRules],
    ) -> dict[str, Any]:
        """
        Pin a version, so that new runs use it, and return the release state.

        Give one of ``version_number``, ``dag_version_id`` and ``bundle_version``.

        :param ignore_verdict: pin the version even if its runs failed the criteria of the Dag
        :param effective_from: when the change takes effect, as ISO 8601 with a zone (default: now)
        :param supersede: cancel a pending change instead of refusing this one
        """
        return self.call(
            endpoints.pin(
                dag_id,
                reason=reason,
                version_number=version_number,
                dag_version_id=dag_version_id,
                bundle_version=bundle_version,
                override_reason=override_reason,
                ignore_verdict=ignore_verdict or None,
                effective_from=effective_from,
                supersede=supersede or None,
                idempotency_key=idempotency_key or new_key(),
                **expected,
            )
        )

    def unpin(
        self,
        dag_id: str,
        *,
        reason: str,
        expected_version: int | None = None,
        override_reason: str | None = None,
        effective_from: str | None = None,
        supersede: bool = False,
        idempotency_key: str | None = None,
        **expected: Unpack[ExpectedWithRules],
    ) -> dict[str, Any]:
        """
        Make the latest version active again, and return the release state.

        :param effective_from: when the change takes effect, as ISO 8601 with a zone (default: now)
        :param supersede: cancel a pending change instead of refusing this one
        :param expected_version: refuse with ``revision_conflict`` if another version is the latest; the expected hash
            and commit are also those of the latest version
        """
        return self.call(
            endpoints.unpin(
                dag_id,
                reason=reason,
                expected_version=expected_version,
                override_reason=override_reason,
                effective_from=effective_from,
                supersede=supersede or None,
                idempotency_key=idempotency_key or new_key(),
                **expected,
            )
        )

    def roll_back(
        self,
        dag_id: str,
        *,
        reason: str,
        to_version: int | None = None,
        expected_version: int | None = None,
        reject_current: bool = True,
        hold: bool = False,
        hold_until: str | None = None,
        repair: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        expected_revision: int | None = None,
        override_reason: str | None = None,
        effective_from: str | None = None,
        supersede: bool = False,
        idempotency_key: str | None = None,
        **seen: Unpack[SeenRules],
    ) -> dict[str, Any]:
        """
        Pin the previously active version, or the given one, and return the release state.

        :param expected_version: refuse with ``revision_conflict`` if another version is active
        :param hold_until: when the hold expires, as ISO 8601 with a zone
        :param repair: what happens to the runs of the replaced version; by default, they are kept:
            ``unfinished`` (``keep`` or ``cancel``), ``finished`` (``keep`` or ``rerun``), ``since``, ``only_failed``,
            ``run_ids``, ``skip_blocked``; the result is in ``repair`` of the response
        :param dry_run: change nothing, and return what would be done
        :param effective_from: when the change takes effect, as ISO 8601 with a zone (default: now, which cancels a
            pending change)
        :param supersede: with ``effective_from``, cancel a pending change instead of refusing this one
        """
        request = endpoints.rollback(
            dag_id,
            reason=reason,
            to_version=to_version,
            expected_version=expected_version,
            reject_current=reject_current,
            hold=hold,
            hold_until=hold_until,
            repair=dict(repair) if repair else None,
            dry_run=dry_run or None,
            expected_revision=expected_revision,
            override_reason=override_reason,
            effective_from=effective_from,
            supersede=supersede or None,
            idempotency_key=idempotency_key or new_key(),
            **seen,
        )
        answer = self.call(request)
        # A repair of many runs takes several requests, each of which continues where the last one stopped.
        while not dry_run and (pending := (answer.get("repair") or {}).get("pending")):
            again = self.call(request)
            if (again.get("repair") or {}).get("pending", 0) >= pending:
                return again
            answer = again
        return answer

    def cancel_pending_change(
        self, dag_id: str, *, reason: str, expected_revision: int | None = None, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Cancel the change of a Dag that takes effect at a given time, and return the release state."""
        key = idempotency_key or new_key()
        return self.call(
            endpoints.cancel_pending_change(
                dag_id, reason=reason, expected_revision=expected_revision, idempotency_key=key
            )
        )

    def acknowledge_runs(
        self,
        dag_id: str,
        *,
        reason: str,
        run_ids: Sequence[str] | None = None,
        expected_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Acknowledge runs that escaped the pin, so that health no longer reports them.

        :param run_ids: the runs (default: all reported ones)
        """
        return self.call(
            endpoints.acknowledgements(
                dag_id,
                reason=reason,
                run_ids=None if run_ids is None else list(run_ids),
                expected_revision=expected_revision,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def trigger_canary_runs(
        self,
        dag_id: str,
        version_number: int,
        *,
        count: int = 1,
        conf: Mapping[str, Any] | None = None,
        partition_key: str | None = None,
        note: str | None = None,
        isolation: Mapping[str, Any] | None = None,
        replay: Mapping[str, Any] | None = None,
        replay_baseline: bool = False,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[ExpectedWithRules],
    ) -> dict[str, Any]:
        """
        Create runs of a version while the pin stays, and return ``version``, ``run_ids``, ``isolation``, ``replays``,
        ``baseline_replays`` and ``warnings``.

        :param partition_key: partition key of each run (default: that of the last live run, if the Dag is partitioned)
        :param isolation: isolation from live runs, where it differs from the safe defaults: ``assets``
            (``withhold`` or ``publish``), ``alerts`` (``withhold`` or ``send``), ``triggers`` (``refuse`` or
            ``allow``), ``slots`` (``behind``, ``gap`` or ``shared``), ``pool``, ``queue``, ``executor``, ``state``
            (``withhold`` or ``write``), ``connections`` and ``variables`` (substitutes by the names that they replace)
        :param replay: live runs to replay, instead of ``count``, ``conf`` and ``partition_key``:
            ``{"last": 3}`` or ``{"runs": [run IDs]}``
        :param replay_baseline: also replay the runs with the active version, which shows what is not deterministic
        :param override_reason: reason for overriding a rejection of the version
        """
        return self.call(
            endpoints.canary_runs(
                dag_id,
                version_number=version_number,
                count=None if replay else count,
                conf=None if conf is None else dict(conf),
                partition_key=partition_key,
                note=note,
                isolation=dict(isolation) if isolation else None,
                replay=dict(replay) if replay else None,
                replay_baseline=replay_baseline or None,
                override_reason=override_reason,
                idempotency_key=idempotency_key or new_key(),
                **expected,
            )
        )
