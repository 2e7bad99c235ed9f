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
"""Operators that start and control a ramp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import PinningOperator, text, whole_number


class RampDagVersionOperator(PinningOperator):
    """
    Give a share of the new runs of a pinned Dag another version, in steps with a verdict in between.

    The task ends when the ramp has started. The ramp then proceeds as runs are created: it advances when the runs of
    a step succeed, aborts when more runs fail than tolerated, and pins the version after the last step.

    Give one of ``version_number`` and ``bundle_version``.

    :param steps: each with ``share`` (above 0, at most 1), and ``runs`` or ``duration`` (seconds, or as in ``"6h"``)
        or both
    :param version_number: number of the version (templated)
    :param bundle_version: commit; the version that was current at that commit is meant (templated)
    :param expected_dag_hash: fail if the version has another hash (templated)
    :param expected_bundle_version: fail if the version has another commit (templated)
    :param max_failures: failed runs of the version to tolerate, over all steps
    :param promotion: ``automatic`` pins the version after the last step, ``manual`` waits for a person or a task
    :param override_reason: reason for overriding a rejection, a hold or a failed verdict (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param supersede: cancel a pending change and abort another ramp instead of failing
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "version_number",
        "bundle_version",
        "expected_dag_hash",
        "expected_bundle_version",
        "override_reason",
        "expected_policy_revision",
    )

    def __init__(
        self,
        *,
        steps: Sequence[Mapping[str, Any]],
        version_number: int | str | None = None,
        bundle_version: str | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        max_failures: int = 0,
        promotion: str = "automatic",
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        supersede: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.steps = steps
        self.version_number = version_number
        self.bundle_version = bundle_version
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.max_failures = max_failures
        self.promotion = promotion
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision
        self.supersede = supersede
        self.note_conditions()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Start the ramp."""
        named = {
            "version_number": whole_number("version_number", self.version_number),
            "bundle_version": text(self.bundle_version),
        }
        if list(named.values()).count(None) != 1:
            raise ValueError(f"Use exactly one of {', '.join(named)}. Current values: {named}")
        return hook.start_ramp(
            self.target_dag_id,
            **named,  # type: ignore[arg-type]
            steps=self.steps,
            reason=self.why(context),
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            max_failures=self.max_failures,
            promotion=self.promotion,
            override_reason=text(self.override_reason),
            expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
            supersede=self.supersede,
            idempotency_key=self.key(context, "ramp"),
        )


class ChangeRampOperator(PinningOperator):
    """
    Pause, resume, abort or promote the ramp of a Dag.

    :param action: ``pause``, ``resume``, ``abort`` or ``promote`` (templated)
    :param expected_version: fail if the ramp is for another version (templated)
    """

    template_fields: Sequence[str] = (*PinningOperator.template_fields, "action", "expected_version")

    def __init__(self, *, action: str, expected_version: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action = action
        self.expected_version = expected_version

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Perform the action."""
        return hook.change_ramp(
            self.target_dag_id,
            self.action,
            reason=self.why(context),
            expected_version=whole_number("expected_version", self.expected_version),
            idempotency_key=self.key(context, f"ramp-{self.action}"),
        )
