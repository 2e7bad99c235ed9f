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
"""Run a version without making it active."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.client.soak import seconds
from airflow_providers_pinning.exceptions import NothingToReplayError, ServerFaultError, TransientError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import (
    MISSING,
    PinningOperator,
    default_deferrable,
    refusals_fail_at_once,
    required_number,
    text,
    whole_number,
)
from airflow_providers_pinning.triggers.base import Outcome, result_of
from airflow_providers_pinning.triggers.canary import FINISHED, CanaryRunsTrigger, runs_to_wait_for


class OnNothingToReplay(str, Enum):
    """What to do without a live run to replay."""

    FAIL = "fail"
    """Fail the task."""
    RUN = "run"
    """Start canary runs that replay nothing."""


class TriggerCanaryRunOperator(PinningOperator):
    """
    Create runs of a version while the pin stays, and wait for them.

    The version becomes a managed candidate. A retry waits for the runs of the previous try; clearing the task creates
    new ones. Killing the task does not cancel runs. Returns ``dag_id``, ``version``, ``run_ids``, ``states`` by run
    id, ``isolation``, ``replays`` (ids of the originals by run id), ``baseline_replays`` (the same of those by the
    active version) and ``warnings``.

    :param version_number: number of the version (templated)
    :param count: how many runs (templated)
    :param conf: configuration of each run, or its JSON; it must match the version's own params (templated)
    :param partition_key: partition of each run; by default that of the last live run, if the Dag is partitioned
        (templated)
    :param note: note on each run; by default the reason (templated)
    :param isolation: how the runs are kept apart from live ones, as far as not in the safe way: a mapping with
        ``assets`` (``withhold`` or ``publish``), ``alerts`` (``withhold`` or ``send``), ``triggers`` (``refuse`` or
        ``allow``), ``slots`` (``behind``, ``gap`` or ``shared``), ``pool``, ``queue``, ``executor``, ``state``
        (``withhold`` or ``write``), ``connections`` and ``variables`` (substitutes by the names of what they take the
        place of), or its JSON (templated)
    :param replay: live runs whose inputs the runs have, each compared with its original, instead of ``count``, ``conf``
        and ``partition_key``: ``{"last": 3}`` for the newest successful ones of the active version, or
        ``{"runs": [run ids]}`` (templated)
    :param replay_baseline: let the active version replay the same runs, and wait for these too. Outputs in which it
        differs from the originals are not deterministic, and set aside; whether its replays fail does not matter
    :param on_nothing_to_replay: what to do if the active version has no successful live run to replay: ``fail``, or
        ``run`` to start ``count`` runs with ``conf`` and ``partition_key`` instead
    :param expected_dag_hash: fail if the version has another hash (templated)
    :param expected_bundle_version: fail if the version has another commit (templated)
    :param override_reason: reason for running a rejected version (templated)
    :param wait_for_completion: wait until the runs are finished
    :param fail_on_failed_run: fail, without retries, if a run fails
    :param poke_interval: poll interval, as a ``timedelta`` or in seconds (templated)
    :param timeout: seconds after which waiting fails; ``None`` waits forever
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = (
        *PinningOperator.template_fields,
        "version_number",
        "count",
        "conf",
        "partition_key",
        "note",
        "isolation",
        "replay",
        "expected_dag_hash",
        "expected_bundle_version",
        "override_reason",
        "poke_interval",
    )
    template_fields_renderers = {"conf": "json"}

    def __init__(
        self,
        *,
        version_number: int | str,
        count: int | str = 1,
        conf: Mapping[str, Any] | str | None = None,
        partition_key: str | None = None,
        note: str | None = None,
        isolation: Mapping[str, Any] | str | None = None,
        replay: Mapping[str, Any] | None = None,
        replay_baseline: bool = False,
        on_nothing_to_replay: str = OnNothingToReplay.FAIL.value,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        override_reason: str | None = None,
        wait_for_completion: bool = True,
        fail_on_failed_run: bool = True,
        poke_interval: float | str | timedelta = 30,
        timeout: float | timedelta | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version_number = version_number
        self.count = count
        self.conf = conf
        self.partition_key = partition_key
        self.note = note
        self.isolation = isolation
        self.replay = replay
        self.replay_baseline = replay_baseline
        self.on_nothing_to_replay = OnNothingToReplay(on_nothing_to_replay)
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.override_reason = override_reason
        self.wait_for_completion = wait_for_completion
        self.fail_on_failed_run = fail_on_failed_run
        self.poke_interval = poke_interval
        self.timeout = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self.deferrable = default_deferrable(deferrable)
        self.note_conditions()

    def execute(self, context: Context) -> Any:
        """Create the runs, and wait for them."""
        created = super().execute(context)
        self.log.info("Canary runs of version %s: %s", created["version"]["version_number"], created["run_ids"])
        if not self.wait_for_completion:
            return {**created, "states": {}}
        hook, run_ids = self.hook(context), runs_to_wait_for(created)
        # A retry may find the runs of the previous try finished; a trigger that fires immediately can cost a try.
        if self.deferrable and any(self._state(hook, run_id) not in FINISHED for run_id in run_ids):
            self.defer(
                trigger=CanaryRunsTrigger(
                    target_dag_id=self.target_dag_id,
                    pinning_conn_id=self.pinning_conn_id,
                    poll_interval=seconds(self.poke_interval) or 0,
                    created=created,
                ),
                method_name="execute_complete",
                timeout=None if self.timeout is None else timedelta(seconds=self.timeout),
            )
        return self._finish(created, self._wait(hook, run_ids))

    def change(self, hook: PinningHook, context: Context) -> dict[str, Any]:
        """Create the runs."""
        replay = self._replay()
        if replay is not None:
            try:
                return self._create(hook, context, "canary", replay=replay, replay_baseline=self.replay_baseline)
            except NothingToReplayError:
                # Runs requested by name are never replaced.
                if self.on_nothing_to_replay is OnNothingToReplay.FAIL or "runs" in replay:
                    raise
                self.log.warning(
                    "The active version of Dag %s has no successful live run to replay. "
                    "Starting %d canary runs instead.",
                    self.target_dag_id,
                    self._count(),
                )
        # A separate key after a failed replay: a key identifies one request.
        inputs = {
            "count": self._count(),
            "conf": json.loads(self.conf) if isinstance(self.conf, str) and self.conf else self.conf or None,
            "partition_key": text(self.partition_key),
        }
        return self._create(hook, context, "canary_runs" if replay else "canary", **inputs)

    def _create(self, hook: PinningHook, context: Context, purpose: str, **inputs: Any) -> dict[str, Any]:
        return hook.trigger_canary_runs(
            self.target_dag_id,
            required_number("version_number", self.version_number),
            **inputs,
            note=text(self.note) or self.why(context),
            isolation=self._isolation(),
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            override_reason=text(self.override_reason),
            idempotency_key=self.key(context, purpose),
        )

    def _isolation(self) -> dict[str, Any] | None:
        """Return what is wanted; what a template left empty is as it is by default."""
        wanted = json.loads(self.isolation) if isinstance(self.isolation, str) and self.isolation else self.isolation
        return {field: value for field, value in (wanted or {}).items() if _is_given(value)} or None

    def _replay(self) -> dict[str, Any] | None:
        """Return which runs to replay; none if a template rendered to nothing."""
        replay = {name: value for name, value in (self.replay or {}).items() if value not in MISSING}
        if "last" in replay:
            replay["last"] = required_number("replay['last']", replay["last"])
        return replay or None

    def _count(self) -> int:
        count = whole_number("count", self.count)
        if count is not None and count < 1:
            raise ValueError(f"count must be at least 1, not {self.count!r}. Skip the task if you want no runs.")
        return 1 if count is None else count

    def execute_complete(self, context: Context, event: Outcome) -> dict[str, Any]:
        """Check the finished runs."""
        with refusals_fail_at_once():
            result = result_of(event)
            return self._finish(result, result["states"])

    def _wait(self, hook: PinningHook, run_ids: list[str]) -> dict[str, str]:
        until = None if self.timeout is None else time.monotonic() + self.timeout
        states: dict[str, str] = {}
        while not states or not FINISHED.issuperset(states.values()):
            if states:
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"Canary runs are not finished after {self.timeout} seconds: {states}")
                time.sleep(seconds(self.poke_interval) or 0)
            states = {run_id: self._state(hook, run_id) for run_id in run_ids}
        return states

    def _state(self, hook: PinningHook, run_id: str) -> str:
        try:
            with refusals_fail_at_once():
                return str(hook.get_dag_run(self.target_dag_id, run_id)["state"])
        except (TransientError, ServerFaultError) as error:
            self.log.warning("The state of run %s is unknown: %s", run_id, error)
            return "unknown"

    def _finish(self, created: dict[str, Any], states: dict[str, str]) -> dict[str, Any]:
        failed = sorted(run_id for run_id in created["run_ids"] if states[run_id] != "success")
        if failed and self.fail_on_failed_run:
            number = created["version"]["version_number"]
            raise AirflowFailException(
                f"{len(failed)} of {len(created['run_ids'])} canary runs of version {number} of Dag "
                f"{self.target_dag_id} failed: {', '.join(failed)}"
            )
        return {**created, "states": states}


def _is_given(value: Any) -> bool:
    return bool(value) if isinstance(value, Mapping) else bool(text(value))
