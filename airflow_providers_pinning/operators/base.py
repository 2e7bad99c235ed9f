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
"""Shared parts of the operators and sensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airflow.exceptions import AirflowProviderDeprecationWarning
from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.client.task_source import TaskSource
from airflow_providers_pinning.exceptions import PinningApiError, ServerFaultError, TransientError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.links import PinningTabLink

MISSING = (None, "", "None")
"""What a template renders a missing value to."""


def default_deferrable(deferrable: bool | None) -> bool:
    """Return whether to defer: as given, otherwise as in ``[operators] default_deferrable``."""
    return conf.getboolean("operators", "default_deferrable", fallback=False) if deferrable is None else deferrable


def whole_number(name: str, value: Any) -> int | None:
    """
    Return a rendered number, or ``None`` for a missing value.

    :raises ValueError: if it is not an integer
    """
    if value in MISSING:
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not {value!r}.") from None


def required_number(name: str, value: Any) -> int:
    """Return a required rendered number."""
    number = whole_number(name, value)
    if number is None:
        raise ValueError(f"{name} is empty. Did the upstream task run and return a version?")
    return number


def text(value: Any) -> str | None:
    """Return rendered text, or ``None`` for a missing value."""
    return None if value in MISSING else str(value)


def moment_of(value: Any, *, required: bool) -> str | None:
    """
    Return when a change takes effect, as ISO 8601; ``None`` means now.

    :param value: the rendered time
    :param required: whether a time was given, so that a template which rendered to nothing does not mean now
    :raises ValueError: if it is empty nevertheless, or has no zone
    """
    if value in MISSING:
        if required:
            raise ValueError("effective_from is empty, so it is unknown when the change should take effect.")
        return None
    if not isinstance(value, datetime):
        return str(value).strip()
    if value.tzinfo is None:
        raise ValueError(f"effective_from must have a time zone, but {value} has none.")
    return str(value.isoformat())


@contextmanager
def refusals_fail_at_once() -> Iterator[None]:
    """
    Fail the task without retries if the server refuses, because a retry would change nothing.

    The message carries the current state. Network and server errors are left to the task's retries.
    """
    try:
        yield
    except (TransientError, ServerFaultError):
        raise
    except PinningApiError as error:
        raise AirflowFailException(describe(error)) from error


def describe(error: PinningApiError) -> str:
    """Return the message of an error, with the current state if the server sent it."""
    state = error.state
    if not state:
        return str(error)
    active = state.get("active") or {}
    pinned = (state.get("pin") or {}) if state.get("pinned") else {}
    by = f", pinned by {pinned['actor']} at {pinned['pinned_at']}: {pinned['reason']}" if pinned else ", not pinned"
    return f"{error} Now: revision {state.get('revision')}, version {active.get('version_number')}{by}."


CONDITIONS = ("expected_version", "expected_dag_hash", "expected_bundle_version")
"""
Arguments that prevent changing another version than the one seen.

``expected_revision`` is not among them: it may come from a form field that a user leaves empty.
"""


class TargetsDag:
    """Mixin of operators and sensors: the target Dag, the hook, and the conditions."""

    target_dag_id: str
    pinning_conn_id: str
    _given: frozenset[str] = frozenset()

    effective_from: Any = None
    """When the change takes effect."""

    def note_time(self) -> None:
        """Remember whether the change has an effective time, before templates are rendered."""
        self._has_time = self.effective_from is not None

    def moment(self) -> str | None:
        """
        Return when the change takes effect, as ISO 8601; ``None`` means now.

        :raises ValueError: if a template rendered to nothing, which must not mean now, or the time has no zone
        """
        return moment_of(self.effective_from, required=self._has_time)

    def note_conditions(self) -> None:
        """Note which conditions are given, before templates are rendered."""
        self._given = frozenset(name for name in CONDITIONS if getattr(self, name, None) is not None)

    def condition(self, name: str) -> str | None:
        """
        Return a rendered condition, or ``None`` if it was not given.

        :raises ValueError: if it was given and renders to nothing, which would allow anything
        """
        value = text(getattr(self, name))
        if value is None and name in self._given:
            raise ValueError(f"{name} is empty, which would allow anything. Did the upstream task run?")
        return value

    def hook(self, context: Mapping[str, Any] | None = None) -> PinningHook:
        """Return the hook, whose requests name this task as their source."""
        source = TaskSource.of(context).as_dict() if context else None
        return PinningHook(self.pinning_conn_id, source=source)


def renamed(operator: Any, old: str, new: str, value: Any, unset: Any, kwargs: dict[str, Any]) -> Any:
    """
    Return the value of a parameter that may be given by its name in 0.1.0.

    :param operator: the operator that is being created
    :param old: the name in 0.1.0
    :param new: the name now
    :param value: what was given by the new name
    :param unset: what that is if nothing was given
    :param kwargs: the other parameters, from which the old name is taken
    :raises ValueError: if both are given
    """
    if old not in kwargs:
        return value
    name = type(operator).__name__
    if value is not unset:
        raise ValueError(f"{name}: {old} is the former name of {new}. Use only {new}.")
    warnings.warn(f"{name}: {old} is now called {new}.", AirflowProviderDeprecationWarning, stacklevel=4)
    return kwargs.pop(old)


class PinningOperator(TargetsDag, BaseOperator):
    """
    Base of the operators that make one change.

    The change carries an idempotency key made of Dag, run, task, map index and the round of the task: a retry does
    not repeat the change, but clearing the task does. See
    :class:`~airflow_providers_pinning.client.task_source.TaskSource`. A refusal, such as a conflict, fails the task
        immediately without retries; network errors are left to the task's retries, after those of the hook.

    :param target_dag_id: the Dag to act on (templated)
    :param reason: reason for the history; by default, it names the task (templated)
    :param pinning_conn_id: connection to the API server (templated)
    """

    template_fields: Sequence[str] = ("target_dag_id", "reason", "pinning_conn_id")
    operator_extra_links = (PinningTabLink(),)
    ui_color = "#d6e4f0"

    def __init__(
        self,
        *,
        target_dag_id: str,
        reason: str | None = None,
        pinning_conn_id: str = PinningHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_dag_id = target_dag_id
        self.reason = reason
        self.pinning_conn_id = pinning_conn_id

    def execute(self, context: Context) -> Any:
        """Make the change, and return the release state."""
        with refusals_fail_at_once():
            state = self.change(self.hook(context), context)
        for warning in state.get("warnings", ()):
            self.log.warning(warning)
        return state

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Make the change."""
        raise NotImplementedError

    def key(self, context: Context, action: str) -> str:
        """Return the idempotency key of this task's change."""
        return TaskSource.of(context).idempotency_key(f"{action}:{self.target_dag_id}")

    def why(self, context: Context) -> str:
        """Return the reason, or the name of the task."""
        ti = context["ti"]
        return text(self.reason) or f"Task {ti.task_id} of Dag {ti.dag_id}, run {ti.run_id}"
