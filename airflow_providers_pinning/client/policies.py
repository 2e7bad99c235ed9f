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
"""Release policies, freezes, evidence and approvals through the REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import PinningCalls, new_key


class PinningPolicies(PinningCalls):
    """Manages policies, freezes, evidence and approvals."""

    def get_policies(self) -> dict[str, Any]:
        """Return the policies in force as ``document``, and their ``revision``."""
        return self.call(endpoints.policies())

    def get_policies_overview(self) -> dict[str, Any]:
        """Return the ``policies`` with how many Dags each selects and whether its window is open, and ``revision``."""
        return self.call(endpoints.policies_overview())

    def explain_policies(self, dag_id: str, *, version_number: int | None = None) -> dict[str, Any]:
        """Return the ``policies`` for a Dag, and the rules that are ``unmet`` for its candidate now."""
        return self.call(endpoints.explain_policies(dag_id, version_number=version_number))

    def apply_policies(
        self,
        *,
        reason: str,
        document: Mapping[str, Any] | None = None,
        text: str | None = None,
        expected_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Replace all policies, and return the new ones.

        :param document: the policies as a mapping, or
        :param text: as YAML
        """
        return self.call(
            endpoints.apply_policies(
                reason=reason,
                document=dict(document) if document is not None else None,
                text=text,
                expected_revision=expected_revision,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def check_policies(self, *, document: Mapping[str, Any] | None = None, text: str | None = None) -> dict[str, Any]:
        """Return the ``findings`` on policies, and their ``difference`` from those in force."""
        return self.call(endpoints.check_policies(document=dict(document) if document else None, text=text))

    def list_freezes(self, *, over: bool = False, limit: int = 100) -> dict[str, Any]:
        """Return the current ``freezes``, newest first."""
        return self.call(endpoints.freezes(over=over, limit=limit))

    def freeze(
        self,
        *,
        reason: str,
        match: Mapping[str, Sequence[str]] | None = None,
        until: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Block all changes except rollbacks, and return the freeze.

        :param match: which Dags, such as ``{"tags": ["tier-1"]}`` (default: all)
        :param until: when it expires, as ISO 8601 with a zone (default: never)
        """
        return self.call(
            endpoints.freeze(
                reason=reason,
                match={kind: list(named) for kind, named in match.items()} if match else None,
                until=until,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def thaw(self, freeze_id: int, *, reason: str, idempotency_key: str | None = None) -> dict[str, Any]:
        """Lift a freeze."""
        return self.call(endpoints.thaw(freeze_id, reason=reason, idempotency_key=idempotency_key or new_key()))

    def list_evidence(self, dag_id: str, version_number: int) -> dict[str, Any]:
        """Return the ``evidence`` and the ``approvals`` of a version."""
        return self.call(endpoints.evidence(dag_id, version_number))

    def record_evidence(
        self,
        dag_id: str,
        version_number: int,
        *,
        name: str,
        verdict: str,
        reason: str,
        url: str | None = None,
        expires_at: str | None = None,
        details: Mapping[str, Any] | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Record evidence on a version. The newest of each name counts.

        :param verdict: ``successful``, ``failed`` or ``inconclusive``
        :param expires_at: when it expires, as ISO 8601 with a zone
        """
        return self.call(
            endpoints.record_evidence(
                dag_id,
                version_number,
                name=name,
                verdict=verdict,
                reason=reason,
                url=url,
                expires_at=expires_at,
                details=dict(details) if details else None,
                expected_dag_hash=expected_dag_hash,
                expected_bundle_version=expected_bundle_version,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def approve(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Approve a version in the name of the connection's user."""
        return self.call(
            endpoints.approve(
                dag_id,
                version_number,
                reason=reason,
                expected_dag_hash=expected_dag_hash,
                expected_bundle_version=expected_bundle_version,
                idempotency_key=idempotency_key or new_key(),
            )
        )

    def revoke_approval(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        actor: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Revoke an approval: that of the connection's user, or of ``actor``."""
        key = idempotency_key or new_key()
        return self.call(
            endpoints.revoke_approval(dag_id, version_number, reason=reason, actor=actor, idempotency_key=key)
        )
