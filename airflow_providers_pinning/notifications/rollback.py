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
"""Roll back automatically on failure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.context import Context

from airflow_providers_pinning.client.soak import SoakCriteria, seconds
from airflow_providers_pinning.exceptions import NotFoundError, PinningApiError, RevisionConflictError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.vocabulary import FailedTasks, RunKind


class RollbackNotifier(BaseNotifier):
    """
    Roll back a Dag if its pinned version fails soon after it was pinned.

    For ``on_failure_callback`` of the Dag or of one of its tasks. It counts the failed runs of the pinned version
    since the pin, including the calling run. When there are enough, it rolls back to the previously active version,
    rejects the failing one, and puts the Dag on hold, so only a person can make it live again. It does so once per
    pin, even if several callbacks call it.

    It does nothing if the Dag is not pinned or already on hold, if the run used another version than the pinned one,
    or if the pin is older than ``within``: then the release is not the cause.

    :param target_dag_id: the Dag to roll back; by default the Dag that failed (templated)
    :param failures: number of failed runs that triggers the rollback
    :param within: time since the pin in which failures count, as a ``timedelta`` or in seconds
    :param hold: block further changes without an override
    :param run_kinds: runs that count: ``live`` or ``any``
    :param reason: reason for the history; by default the failed run (templated)
    :param pinning_conn_id: connection to the API server (templated)
    """

    template_fields: Sequence[str] = ("target_dag_id", "reason", "pinning_conn_id")

    def __init__(
        self,
        *,
        target_dag_id: str | None = None,
        failures: int = 1,
        within: float | timedelta = timedelta(days=1),
        hold: bool = True,
        run_kinds: str = RunKind.ANY.value,
        reason: str | None = None,
        pinning_conn_id: str = PinningHook.default_conn_name,
    ) -> None:
        super().__init__()
        if failures < 1:
            raise ValueError(f"failures must be at least 1, not {failures}.")
        self.target_dag_id = target_dag_id
        self.failures = failures
        self.within = seconds(within) or 0.0
        self.hold = hold
        self.run_kinds = RunKind(run_kinds).value
        self.reason = reason
        self.pinning_conn_id = pinning_conn_id

    def notify(self, context: Context) -> None:
        """Roll back, if it is time."""
        dag_id, run_id = _failed(context)
        target = self.target_dag_id or dag_id
        hook = PinningHook(self.pinning_conn_id, source={"dag_id": dag_id, "run_id": run_id, "notifier": "rollback"})
        state = hook.get_release_state(target)
        if why_not := self._not_due(state):
            self.log.info("Dag %s was not rolled back: %s", target, why_not)
            return
        failed = self._failed_runs(hook, state, target, run_id if target == dag_id else None)
        if failed < self.failures:
            self.log.info("Dag %s was not rolled back: %d of %d failures", target, failed, self.failures)
            return
        self._roll_back(hook, state, target, failed, run_id)

    def _not_due(self, state: dict[str, Any]) -> str | None:
        if not state["pinned"]:
            return "it is not pinned"
        if state["hold"]:
            return "it is on hold"
        age = datetime.now(timezone.utc) - datetime.fromisoformat(state["pin"]["pinned_at"].replace("Z", "+00:00"))
        return f"it was pinned {age} ago" if age.total_seconds() > self.within else None

    def _failed_runs(self, hook: PinningHook, state: dict[str, Any], target: str, run_id: str | None) -> int:
        """Count the failed runs of the pinned version since the pin; with the calling one, if it is one."""
        active = state["active"]
        running = 0
        if run_id is not None:
            try:
                run = hook.get_dag_run(target, run_id)
            except NotFoundError:
                return 0
            used = {version["version_number"] for version in run.get("dag_versions") or ()}
            if active["version_number"] not in used:
                return 0
            # A failing task calls this while its run is still running.
            running = int(run["state"] != "failed")
        criteria = SoakCriteria(
            min_runs=1,
            run_kinds=self.run_kinds,
            since=state["pin"]["pinned_at"],
            expected_dag_hash=active["dag_hash"],
            expected_bundle_version=active["bundle_version"],
            failed_tasks=FailedTasks.IGNORE.value,
        )
        failures: int = hook.get_soak(target, active["version_number"], criteria)["evidence"]["failures"]
        return failures + running

    def _roll_back(self, hook: PinningHook, state: dict[str, Any], target: str, failed: int, run_id: str) -> None:
        number, revision = state["active"]["version_number"], state["revision"]
        runs = "failed run" if failed == 1 else "failed runs"
        why = self.reason or f"{failed} {runs} of version {number} since it was pinned, the last one {run_id}"
        named = f"{target}:{revision}:{state['pin']['pinned_at']}"
        try:
            hook.roll_back(
                target,
                reason=why,
                hold=self.hold,
                expected_revision=revision,
                idempotency_key=f"notifier-{sha256(named.encode()).hexdigest()}",
            )
        except RevisionConflictError:
            self.log.info("Dag %s was changed in the meantime, and is not rolled back", target)
        except PinningApiError:
            self.log.exception("Dag %s could not be rolled back", target)
            raise
        else:
            self.log.warning("Dag %s was rolled back: %s", target, why)


def _failed(context: Context) -> tuple[str, str]:
    """Return the failed Dag and run; the callback of a Dag has less context than that of a task."""
    ti = context.get("ti")
    dag_id = ti.dag_id if ti is not None else context["dag"].dag_id
    return dag_id, str(context["run_id"])
