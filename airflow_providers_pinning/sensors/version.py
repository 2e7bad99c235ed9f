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
"""Wait for a new version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.client.soak import seconds
from airflow_providers_pinning.client.task_source import TaskSource
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.sensors.base import PinningSensor
from airflow_providers_pinning.triggers.version import Debounce, NewDagVersionTrigger, newer_version

IDENTITY = ("dag_version_id", "version_number", "bundle_name", "bundle_version", "dag_hash", "relative_fileloc")
OBJECTIONS = ("equals_rejected", "equals_rejected_reason")


class CandidateSensor(PinningSensor):
    """
    Base of the sensors that turn the found version into a managed candidate.

    :param reason: reason for the history
    """

    def __init__(self, *, reason: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Makes output["dag_hash"] the hash; otherwise it would refer to an XCom that does not exist.
        self.multiple_outputs = True
        self.reason = reason

    def make_candidate(self, hook: PinningHook, number: int, context: Context) -> dict[str, Any]:
        """Make a version a candidate, and return the release state."""
        ti = context["ti"]
        return hook.add_candidate(
            self.target_dag_id,
            version_number=number,
            reason=self.reason or f"Task {ti.task_id} of Dag {ti.dag_id}, run {ti.run_id}",
            # The key includes the version: a retry may find a newer one, which is another change.
            idempotency_key=TaskSource.of(context).idempotency_key(f"candidate:{self.target_dag_id}:{number}"),
        )

    def found(self, version: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """
        Return the result of the task, and log objections to the version.

        :param version: the version as the API lists it
        :param state: the release state after it was made a candidate
        """
        if version["equals_rejected"] is not None:
            self.log.warning(
                "Version %s equals version %s, which was rejected: %s",
                version["version_number"],
                version["equals_rejected"],
                version["equals_rejected_reason"],
            )
        hold = state["hold"]
        if hold:
            self.log.warning("Dag %s was put on hold by %s: %s", self.target_dag_id, hold["actor"], hold["reason"])
        return {
            **{name: version[name] for name in (*IDENTITY, *OBJECTIONS)},
            "revision": state["revision"],
            "hold_reason": hold["reason"] if hold else None,
        }

    def read(self, hook: PinningHook, number: int) -> dict[str, Any]:
        """Find a version, even if many are newer."""
        seen = 0
        while listed := hook.list_versions(self.target_dag_id, offset=seen)["versions"]:
            for version in listed:
                if version["version_number"] == number:
                    return dict(version)
            if listed[-1]["version_number"] < number:
                break
            seen += len(listed)
        raise AirflowFailException(f"Version {number} of Dag {self.target_dag_id} was deleted.")


class NewDagVersionSensor(CandidateSensor):
    """
    Wait for a version newer than the active one, and make it a managed candidate.

    After that, no commit can overwrite it. Returns its identity: ``dag_version_id``, ``version_number``,
    ``bundle_name``, ``bundle_version``, ``dag_hash`` and ``relative_fileloc``; and ``revision``, the pin's current
    revision, for ``expected_revision`` of the following pin. If an older version that was rejected has the same hash
    and file, ``equals_rejected`` is its number and ``equals_rejected_reason`` the reason; if the Dag is on hold,
    ``hold_reason`` is the reason; otherwise they are ``None``. Each is also a separate XCom, so
    ``sensor.output["dag_hash"]`` is the hash. The sensor ignores rejected versions, and everything while the Dag is
    not pinned, because the newest version is then already active. It also ignores versions without a change related
    to the Dag, such as a commit that changes another Dag of the repository, and versions to which the rejection of an
    older one applies.

    :param skip_unrelated: ignore these; ``False`` accepts every new version
    :param debounce: how long the newest version must stay the same, as a ``timedelta`` or in seconds, so only the
        last of a burst of commits is used (templated)
    """

    template_fields: Sequence[str] = (*PinningSensor.template_fields, "debounce")

    def __init__(self, *, debounce: float | str | timedelta = 0, skip_unrelated: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.skip_unrelated = skip_unrelated
        self.debounce = debounce if isinstance(debounce, str) else seconds(debounce) or 0.0
        if self.debounce and self.mode == "reschedule" and not self.deferrable:
            raise ValueError("A rescheduled sensor does not keep its state: use debounce with deferrable or poke.")
        self._debounce: Debounce | None = None

    def trigger(self) -> NewDagVersionTrigger:
        """Return the trigger that polls."""
        return NewDagVersionTrigger(
            target_dag_id=self.target_dag_id,
            pinning_conn_id=self.pinning_conn_id,
            poll_interval=seconds(self.poke_interval) or 0,
            debounce=seconds(self.debounce) or 0.0,
            skip_unrelated=self.skip_unrelated,
        )

    def ask(self, hook: PinningHook) -> dict[str, Any] | None:
        """Return the new version once it has settled."""
        listed = hook.list_versions(self.target_dag_id, limit=1)["versions"]
        version = newer_version(listed, skip_unrelated=self.skip_unrelated)
        self._debounce = self._debounce or Debounce(seconds(self.debounce) or 0.0)
        return version if self._debounce.settled(version) else None

    def decide(self, answer: dict[str, Any], context: Context) -> dict[str, Any]:
        """Make the version a candidate, and return its current state, which can no longer change."""
        hook, number = self.hook(context), answer["version_number"]
        state = self.make_candidate(hook, number, context)
        return self.found(self.read(hook, number), state)
