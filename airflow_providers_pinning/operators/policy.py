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
"""Operators for release policies: apply them, and record evidence on a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.client.task_source import TaskSource
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import (
    PinningOperator,
    TargetsDag,
    refusals_fail_at_once,
    required_number,
    text,
    whole_number,
)


class RecordEvidenceOperator(PinningOperator):
    """
    Record evidence on a version, for release policies that require it.

    The evidence belongs to the current content of the version, and is lost if the version changes. The newest of each
    name counts. It returns the recorded evidence.

    :param version_number: the version (templated)
    :param name: name of the check, such as ``regression`` (templated)
    :param verdict: ``successful``, ``failed`` or ``inconclusive`` (templated)
    :param url: URL of the details (templated)
    :param expires_at: when it expires, as ISO 8601 with a zone; default: never (templated)
    :param details: further details, as JSON values (templated)
    :param expected_dag_hash: refuse if the version has another hash (templated)
    :param expected_bundle_version: refuse if the version has another commit (templated)
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "version_number",
        "evidence_name",
        "verdict",
        "url",
        "expires_at",
        "details",
        "expected_dag_hash",
        "expected_bundle_version",
    )

    def __init__(
        self,
        *,
        version_number: int | str,
        name: str,
        verdict: str = "successful",
        url: str | None = None,
        expires_at: str | None = None,
        details: Mapping[str, Any] | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version_number = version_number
        self.evidence_name = name
        self.verdict = verdict
        self.url = url
        self.expires_at = expires_at
        self.details = details
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.note_conditions()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Record the evidence."""
        return hook.record_evidence(
            self.target_dag_id,
            required_number("version_number", self.version_number),
            name=self.evidence_name,
            verdict=self.verdict,
            reason=self.why(context),
            url=text(self.url),
            expires_at=text(self.expires_at),
            details=self.details,
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            idempotency_key=self.key(context, f"evidence:{self.evidence_name}"),
        )


class ApplyReleasePolicyOperator(TargetsDag, BaseOperator):
    """
    Apply a release policy document, replacing the current one; applying the same document again changes nothing. It
    returns the current policies. The connection's user needs permission to set release policies.

    :param document: the policies as a mapping, or
    :param path: a YAML file next to the Dag file, or anywhere on the worker (templated)
    :param expected_revision: refuse if the policies are at another revision (templated)
    :param reason: reason for the history; by default, it names the task (templated)
    :param pinning_conn_id: connection to the API server (templated)
    """

    template_fields: Sequence[str] = ("document", "path", "expected_revision", "reason", "pinning_conn_id")
    ui_color = "#d6e4f0"

    def __init__(
        self,
        *,
        document: Mapping[str, Any] | None = None,
        path: str | None = None,
        expected_revision: int | str | None = None,
        reason: str | None = None,
        pinning_conn_id: str = PinningHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (document is None) == (path is None):
            raise ValueError("Use either document or path.")
        self.document = document
        self.path = path
        self.expected_revision = expected_revision
        self.reason = reason
        self.pinning_conn_id = pinning_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Apply the document."""
        source, ti = TaskSource.of(context), context["ti"]
        with refusals_fail_at_once():
            return self.hook(context).apply_policies(
                document=self.document,
                text=Path(self.path).read_text(encoding="utf-8") if self.path else None,
                expected_revision=whole_number("expected_revision", self.expected_revision),
                reason=text(self.reason) or f"Task {ti.task_id} of Dag {ti.dag_id}, run {ti.run_id}",
                idempotency_key=source.idempotency_key("policies"),
            )
