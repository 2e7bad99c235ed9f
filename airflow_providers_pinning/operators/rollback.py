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
"""Roll back, and reject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow.sdk.definitions._internal.types import NOTSET, ArgNotSet
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from airflow_providers_pinning.client.task_source import TaskSource
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import MISSING, PinningOperator, renamed, text, whole_number


class RollbackDagVersionOperator(PinningOperator):
    """
    Roll back to the previously active version, or to a given one.

    In a promotion Dag, give ``expected_version``, the version that was promoted: if another version is active, for
    example because the promotion failed before the pin, there is nothing to roll back and the task is skipped. The
    trigger rule ``one_failed`` alone does not cover this, because it also matches failures further upstream.

    :param to_version: number of the version to return to (templated)
    :param expected_version: roll back only if this version is active, otherwise skip; also skip if the template
        renders to nothing (templated)
    :param reject_current: reject the current version
    :param hold: block further changes of this Dag without an override
    :param hold_until: when the hold expires, as ISO 8601 with a zone (templated)
    :param repair: what happens to the runs of the replaced version, by default nothing: ``unfinished`` (``keep`` or
        ``cancel``), ``finished`` (``keep`` or ``rerun``), ``since``, ``only_failed``, ``skip_blocked`` (templated).
        It needs permission to edit the runs of the Dag; the returned ``repair`` has the result
    :param expected_revision: fail if the pin has changed since this revision (templated)
    :param override_reason: reason for overriding a rejection or a hold (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param effective_from: when it takes effect, as ISO 8601 with a zone or as a datetime; default: now, which cancels
        a pending change (templated)
    :param supersede: with ``effective_from``: cancel a pending change instead of failing
    :param from_version: the name that ``expected_version`` had in 0.1.0
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "to_version",
        "expected_version",
        "expected_revision",
        "override_reason",
        "expected_policy_revision",
        "hold_until",
        "repair",
        "effective_from",
    )

    def __init__(
        self,
        *,
        to_version: int | str | None = None,
        expected_version: int | str | ArgNotSet | None = NOTSET,
        reject_current: bool = True,
        hold: bool = False,
        hold_until: str | None = None,
        repair: Mapping[str, Any] | None = None,
        expected_revision: int | str | None = None,
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        effective_from: str | datetime | None = None,
        supersede: bool = False,
        from_version: int | str | ArgNotSet | None = NOTSET,
        **kwargs: Any,
    ) -> None:
        # A separate parameter, so that one in the default_args of a Dag is not lost.
        if not isinstance(from_version, ArgNotSet):
            # The value for a rollback without the condition in 0.1.0.
            kwargs["from_version"] = NOTSET if from_version == "any" else from_version
        expected_version = renamed(self, "from_version", "expected_version", expected_version, NOTSET, kwargs)
        super().__init__(**kwargs)
        self.to_version = to_version
        self.checks_version = not isinstance(expected_version, ArgNotSet)
        self.expected_version = None if isinstance(expected_version, ArgNotSet) else expected_version
        self.reject_current = reject_current
        self.hold = hold
        self.hold_until = hold_until
        self.repair = repair
        self.expected_revision = expected_revision
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision
        self.effective_from = effective_from
        self.supersede = supersede
        self.note_time()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Roll back, unless another version is active than the expected one."""
        revision = whole_number("expected_revision", self.expected_revision)
        if self.checks_version:
            state = hook.get_release_state(self.target_dag_id)
            active = (state["active"] or {}).get("version_number")
            # A template that renders to nothing means no version, not any version.
            if not state["pinned"] or active != whole_number("expected_version", self.expected_version):
                return self._done_before(hook, context, state)
            revision = state["revision"] if revision is None else revision
        return hook.roll_back(
            self.target_dag_id,
            reason=self.why(context),
            to_version=whole_number("to_version", self.to_version),
            reject_current=self.reject_current,
            hold=self.hold,
            hold_until=text(self.hold_until),
            repair=self._repair(),
            expected_revision=revision,
            override_reason=text(self.override_reason),
            expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
            effective_from=self.moment(),
            supersede=self.supersede,
            idempotency_key=self.key(context, "rollback"),
        )

    def _repair(self) -> dict[str, Any] | None:
        """Return the rendered repair; templates render values to strings."""
        given = {name: value for name, value in dict(self.repair or {}).items() if value not in MISSING}
        for name in ("only_failed", "skip_blocked"):
            if name in given:
                given[name] = str(given[name]).strip().lower() in ("true", "1", "yes")
        return given or None

    def _done_before(self, hook: PinningHook, context: Context, state: dict[str, Any]) -> dict[str, Any]:
        """Distinguish a try that was killed after its rollback from a rollback that is not due."""
        source = TaskSource.of(context)
        events = hook.list_events(self.target_dag_id)["events"]
        if any(event["kind"] == "rolled_back" and source.is_in(event["source"]) for event in events):
            self.log.info("This task already rolled back Dag %s in an earlier try", self.target_dag_id)
            return state
        raise AirflowSkipException(
            f"Nothing to roll back: version {self.expected_version} of Dag {self.target_dag_id} is not the pinned one, "
            f"version {(state['active'] or {}).get('version_number')} is active."
        )


class RejectDagVersionOperator(PinningOperator):
    """
    Reject a version so it cannot be pinned.

    :param version_number: number of the version (templated)
    :param expected_dag_hash: fail if the version has another hash (templated)
    :param expected_bundle_version: fail if the version has another commit (templated)
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "version_number",
        "expected_dag_hash",
        "expected_bundle_version",
    )

    def __init__(
        self,
        *,
        version_number: int | str,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version_number = version_number
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.note_conditions()

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Reject the version; skip if the template renders to nothing."""
        version_number = whole_number("version_number", self.version_number)
        if version_number is None:
            raise AirflowSkipException(f"There is no version of Dag {self.target_dag_id} to reject.")
        return hook.reject(
            self.target_dag_id,
            version_number,
            reason=self.why(context),
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            idempotency_key=self.key(context, "reject"),
        )
