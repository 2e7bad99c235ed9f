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
"""Pin and unpin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.exceptions import NotPinnedError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import PinningOperator, text, whole_number


class PinDagVersionOperator(PinningOperator):
    """
    Pin the version that new runs of a Dag use.

    Give one of ``version_number``, ``dag_version_id`` and ``bundle_version``. With ``expected_dag_hash`` and
    ``expected_bundle_version``, which the
    :class:`~airflow_providers_pinning.sensors.version.NewDagVersionSensor` returns, the operator pins exactly the
        tested and approved version, or fails. Give both: the hash covers the structure of the Dag, not the code of
        its tasks, which only the commit identifies.

    :param version_number: number of the version (templated)
    :param dag_version_id: id of the version (templated)
    :param bundle_version: commit; the version that was current at that commit is pinned (templated)
    :param expected_dag_hash: fail if the version has another hash (templated)
    :param expected_bundle_version: fail if the version has another commit (templated)
    :param expected_revision: fail if the pin has changed since this revision (templated)
    :param override_reason: reason for overriding a rejection, a hold or a failed verdict (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param effective_from: when the pin takes effect, as ISO 8601 with a zone or as a datetime: runs due at or after
        that time use the version; default: now (templated)
    :param supersede: cancel a pending change instead of failing
    :param ignore_verdict: pin the version although its runs failed the criteria of the Dag, for promotion Dags with
        their own criteria
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "version_number",
        "dag_version_id",
        "bundle_version",
        "expected_dag_hash",
        "expected_bundle_version",
        "expected_revision",
        "override_reason",
        "expected_policy_revision",
        "effective_from",
    )

    def __init__(
        self,
        *,
        version_number: int | str | None = None,
        dag_version_id: str | None = None,
        bundle_version: str | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        expected_revision: int | str | None = None,
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        ignore_verdict: bool = False,
        effective_from: str | datetime | None = None,
        supersede: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version_number = version_number
        self.dag_version_id = dag_version_id
        self.bundle_version = bundle_version
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.expected_revision = expected_revision
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision
        self.effective_from = effective_from
        self.supersede = supersede
        self.note_time()
        self.ignore_verdict = ignore_verdict
        self.note_conditions()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Pin."""
        named = {
            "version_number": whole_number("version_number", self.version_number),
            "dag_version_id": text(self.dag_version_id),
            "bundle_version": text(self.bundle_version),
        }
        if list(named.values()).count(None) != 2:
            raise ValueError(f"Use exactly one of {', '.join(named)}. Current values: {named}")
        return hook.pin(
            self.target_dag_id,
            **named,  # type: ignore[arg-type]
            reason=self.why(context),
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            expected_revision=whole_number("expected_revision", self.expected_revision),
            override_reason=text(self.override_reason),
            expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
            ignore_verdict=self.ignore_verdict,
            effective_from=self.moment(),
            supersede=self.supersede,
            idempotency_key=self.key(context, "pin"),
        )


class UnpinDagVersionOperator(PinningOperator):
    """
    Remove the pin of a Dag; its latest version becomes active.

    :param missing_ok: succeed if the Dag is not pinned
    :param expected_version: fail if another version is the latest (templated)
    :param expected_dag_hash: fail if the latest version has another hash (templated)
    :param expected_bundle_version: fail if the latest version has another commit (templated)
    :param expected_revision: fail if the pin has changed since this revision (templated)
    :param override_reason: reason for overriding a hold (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param effective_from: when the Dag is unpinned, as ISO 8601 with a zone or as a datetime; default: now
        (templated)
    :param supersede: cancel a pending change instead of failing
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "expected_version",
        "expected_dag_hash",
        "expected_bundle_version",
        "expected_revision",
        "override_reason",
        "expected_policy_revision",
        "effective_from",
    )

    def __init__(
        self,
        *,
        missing_ok: bool = False,
        expected_version: int | str | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        expected_revision: int | str | None = None,
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        effective_from: str | datetime | None = None,
        supersede: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.missing_ok = missing_ok
        self.expected_version = expected_version
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.expected_revision = expected_revision
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision
        self.effective_from = effective_from
        self.supersede = supersede
        self.note_time()
        self.note_conditions()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Unpin."""
        try:
            return hook.unpin(
                self.target_dag_id,
                reason=self.why(context),
                expected_version=whole_number("expected_version", self.condition("expected_version")),
                expected_dag_hash=self.condition("expected_dag_hash"),
                expected_bundle_version=self.condition("expected_bundle_version"),
                expected_revision=whole_number("expected_revision", self.expected_revision),
                override_reason=text(self.override_reason),
                expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
                effective_from=self.moment(),
                supersede=self.supersede,
                idempotency_key=self.key(context, "unpin"),
            )
        except NotPinnedError:
            if not self.missing_ok:
                raise
            self.log.info("Dag %s is not pinned", self.target_dag_id)
            return hook.get_release_state(self.target_dag_id)
