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
"""Operators that change the pins of many Dags together, and roll them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.client.task_source import TaskSource
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import MISSING, moment_of, refusals_fail_at_once, text, whole_number


class _OfManyDags(BaseOperator):
    """Base of the operators below."""

    ui_color = "#d6e4f0"

    def __init__(
        self, *, reason: str | None = None, pinning_conn_id: str = PinningHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.reason = reason
        self.pinning_conn_id = pinning_conn_id

    def execute(self, context: Context) -> Any:
        """Make the change, and return the release."""
        source = TaskSource.of(context)
        with refusals_fail_at_once():
            done = self.change(PinningHook(self.pinning_conn_id, source=source.as_dict()), context, source)
        for warning in done["warnings"]:
            self.log.warning(warning)
        self.log.info("Release %s: %s", done["release_id"], done["counts"])
        return done

    def change(self, hook: PinningHook, context: Context, source: TaskSource) -> dict[str, Any]:
        """Make the change."""
        raise NotImplementedError

    def why(self, context: Context) -> str:
        """Return the reason, or the name of the task."""
        ti = context["ti"]
        return text(self.reason) or f"Task {ti.task_id} of Dag {ti.dag_id}, run {ti.run_id}"


class ReleaseOperator(_OfManyDags):
    """
    Pin many Dags to a commit in one transaction, all or none.

    By default, it pins the pinned Dags with related changes in the commit. If any Dag cannot be pinned, the task
    fails immediately and lists all such Dags with reasons. A retry does not repeat the release.

    :param bundle_version: full commit hash (templated)
    :param bundle_name: its bundle, if several have the commit (templated)
    :param versions: the number of a version for each Dag, instead of the commit (templated)
    :param scope: ``changed``, ``pinned`` or ``all``: which Dags of the commit, if they are not named (templated)
    :param dag_ids: the Dags (templated)
    :param tags: only Dags with one of these tags (templated)
    :param dag_id_patterns: only Dags whose id matches one of these, with the wildcards ``*`` and ``?`` (templated)
    :param exclude: Dags to skip (templated)
    :param effective_from: when the release takes effect, as ISO 8601 with a zone or as a datetime: runs due at or
        after that time use the new versions; default: now (templated)
    :param override_reason: reason for overriding holds, rejections and failed verdicts (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param reason: reason for the history; by default, it names the task (templated)
    :param pinning_conn_id: connection to the API server (templated)
    """

    template_fields: Sequence[str] = (
        "bundle_version",
        "bundle_name",
        "versions",
        "scope",
        "dag_ids",
        "tags",
        "dag_id_patterns",
        "exclude",
        "effective_from",
        "override_reason",
        "expected_policy_revision",
        "reason",
        "pinning_conn_id",
    )

    def __init__(
        self,
        *,
        bundle_version: str | None = None,
        bundle_name: str | None = None,
        versions: dict[str, int] | str | None = None,
        scope: str = "changed",
        dag_ids: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
        dag_id_patterns: Sequence[str] | str | None = None,
        exclude: Sequence[str] | str | None = None,
        effective_from: str | datetime | None = None,
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bundle_version = bundle_version
        self.bundle_name = bundle_name
        self.versions = versions
        self.scope = scope
        self.dag_ids = dag_ids
        self.tags = tags
        self.dag_id_patterns = dag_id_patterns
        self.exclude = exclude
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision
        self.effective_from = effective_from
        self._has_time = effective_from is not None
        self._names_dags = dag_ids is not None

    def change(self, hook: PinningHook, context: Context, source: TaskSource) -> dict[str, Any]:
        """Release."""
        dag_ids = _names("dag_ids", self.dag_ids)
        if self._names_dags and not dag_ids:
            # Without names, it would release all Dags that the commit changes.
            raise ValueError("dag_ids is empty, which would release other Dags. Did the upstream task run?")
        if self.versions is not None and not isinstance(self.versions, dict):
            raise ValueError(
                f"versions must be a dict, not {self.versions!r}. Give render_template_as_native_obj=True to the Dag."
            )
        return hook.release(
            bundle_version=text(self.bundle_version),
            bundle_name=text(self.bundle_name),
            versions=self.versions,
            scope=text(self.scope),
            dag_ids=dag_ids,
            tags=_names("tags", self.tags),
            dag_id_patterns=_names("dag_id_patterns", self.dag_id_patterns),
            exclude=_names("exclude", self.exclude),
            effective_from=moment_of(self.effective_from, required=self._has_time),
            override_reason=text(self.override_reason),
            expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
            reason=self.why(context),
            idempotency_key=source.idempotency_key("release"),
        )


class RollbackReleaseOperator(_OfManyDags):
    """
    Roll back a release: restore what was active before for all of its Dags, or none.

    :param release_id: id of the release, as ``ReleaseOperator`` returns it in ``release_id`` (templated)
    :param leave_moved: skip Dags that have changed since; by default, they make the task fail
    :param exclude: Dags to skip (templated)
    :param override_reason: reason for overriding a hold if a newer version becomes active (templated)
    :param expected_policy_revision: fail if the release policies are at another revision, so that no others are
        overridden (templated)
    :param reason: reason for the history; by default, it names the task (templated)
    :param pinning_conn_id: connection to the API server (templated)
    """

    template_fields: Sequence[str] = (
        "release_id",
        "exclude",
        "override_reason",
        "expected_policy_revision",
        "reason",
        "pinning_conn_id",
    )

    def __init__(
        self,
        *,
        release_id: str,
        leave_moved: bool = False,
        exclude: Sequence[str] | str | None = None,
        override_reason: str | None = None,
        expected_policy_revision: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.release_id = release_id
        self.leave_moved = leave_moved
        self.exclude = exclude
        self.override_reason = override_reason
        self.expected_policy_revision = expected_policy_revision

    def change(self, hook: PinningHook, context: Context, source: TaskSource) -> dict[str, Any]:
        """Roll back."""
        if (release_id := text(self.release_id)) is None:
            raise ValueError("release_id is empty. Did the upstream task run and make a release?")
        return hook.roll_back_release(
            release_id,
            leave_moved=self.leave_moved,
            exclude=_names("exclude", self.exclude),
            override_reason=text(self.override_reason),
            expected_policy_revision=whole_number("expected_policy_revision", self.expected_policy_revision),
            reason=self.why(context),
            idempotency_key=source.idempotency_key("roll_back_release"),
        )


def _names(parameter: str, value: Any) -> list[str] | None:
    """
    Return rendered names: a list, or comma-separated text.

    :raises ValueError: if they are something else
    """
    if value in MISSING:
        return None
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{parameter} must be a list of names, not {value!r}.")
    return [name.strip() for name in value if name.strip()]
