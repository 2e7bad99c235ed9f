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
"""Ask another Airflow about a commit of a Dag."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.endpoints import ApiRequest
from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.exceptions import (
    NotFoundError,
    NotManagedError,
    NotPermittedError,
    PinningApiError,
    VersionDriftedError,
)
from airflow_providers_pinning.vocabulary import Registration, Verdict

Answer = dict[str, Any]
Flow = Generator[ApiRequest, Answer, Answer | None]
"""Yields requests, receives their responses, and returns the answer; ``None`` means to ask again later."""

PAGE = 50
"""Number of versions to read at once."""


class RemoteCondition(str, Enum):
    """What to wait for."""

    REGISTERED = "registered"
    """The Dag had a version at the commit, which is not rejected."""
    SOAK = "soak"
    """The soak of that version is successful."""
    PINNED = "pinned"
    """The Dag is pinned to that version."""


class RemoteRefusal(str, Enum):
    """Why the condition will never be met, besides the reasons of a soak and of an unhealthy pin."""

    BROKEN = "broken"
    """The Dag's file has an import error at the commit."""
    ABSENT = "absent"
    """The Dag is not in the commit."""
    OVERTAKEN = "overtaken"
    """A later commit changed the Dag before it was parsed at this one."""
    MOVED = "moved"
    """The runs of the version now use the code of a later commit."""
    REJECTED = "rejected"
    """The version, or an older one without related differences, was rejected."""
    OTHER_HASH = "other_hash"
    """The Dag has another hash there."""
    DRIFTED = "version_drifted"
    """The version was rewritten."""


@dataclass(frozen=True)
class RemoteQuestion:
    """A question about a commit of a Dag, and the requests to answer it."""

    dag_id: str
    """The Dag."""
    bundle_version: str
    """Full hash of the commit."""
    wait_for: str = RemoteCondition.SOAK.value
    """A :class:`RemoteCondition`."""
    criteria: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`~airflow_providers_pinning.client.soak.SoakCriteria`. Omitted ones are those stored there."""
    expected_dag_hash: str | None = None
    """Hash that the version must have there."""

    def ask(self, call: Callable[[ApiRequest], Answer]) -> Answer | None:
        """
        Return the answer, or ``None`` as long as there is none.

        :param call: sends a request
        :raises PinningApiError: if the server refuses
        """
        flow = self._flow()
        try:
            request = next(flow)
            while True:
                try:
                    answer = call(request)
                except PinningApiError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as done:
            told: Answer | None = done.value
            return told

    async def ask_async(self, call: Callable[[ApiRequest], Awaitable[Answer]]) -> Answer | None:
        """Do what :meth:`ask` does, without blocking."""
        flow = self._flow()
        try:
            request = next(flow)
            while True:
                try:
                    answer = await call(request)
                except PinningApiError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as done:
            told: Answer | None = done.value
            return told

    def _flow(self) -> Flow:
        status = yield from self._registration()
        version, registration = status["version"], status["registration"]
        if registration in (Registration.UNSEEN, Registration.WAITING):
            return None
        if registration in (Registration.BROKEN, Registration.ABSENT):
            return self._refused(RemoteRefusal(registration), None, f"There is no version of it. {status['remedy']}")
        if registration != Registration.REGISTERED:
            later = f"version {version['version_number']} at commit {version['bundle_version']}"
            return self._refused(RemoteRefusal.OVERTAKEN, version, f"Only {later} includes it. Ask for that commit.")
        if version["bundle_version"] != self.bundle_version:
            return self._refused(
                RemoteRefusal.MOVED,
                version,
                f"Runs of version {version['version_number']} use the code of the later commit "
                f"{version['bundle_version']} by now. Ask for that commit, and make the version a candidate before "
                "the next one comes.",
            )
        if self.expected_dag_hash not in (None, version["dag_hash"]):
            return self._refused(
                RemoteRefusal.OTHER_HASH,
                version,
                f"Version {version['version_number']} has hash {version['dag_hash']}, not {self.expected_dag_hash}: "
                "the Dag depends on more than the commit, such as on variables, [core] dags_folder, or the release of "
                "Airflow and its plugins.",
            )
        if objection := (yield from self._objection(version)):
            return self._refused(RemoteRefusal.REJECTED, version, objection)
        if self.wait_for == RemoteCondition.SOAK:
            return (yield from self._soak(version))
        if self.wait_for == RemoteCondition.PINNED:
            return (yield from self._pin(version))
        number = version["version_number"]
        return self._told(version, Verdict.SUCCESSFUL, "registered", f"The commit is registered as version {number}.")

    def _registration(self) -> Generator[ApiRequest, Answer, Answer]:
        try:
            return (yield endpoints.registration(self.dag_id, self.bundle_version))
        except NotFoundError as error:
            if error.reason != "http_404":
                raise
            with suppress(NotPermittedError):
                yield endpoints.health()
            # This package has answered, but a release that does not know the question.
            raise NotFoundError(
                "The API server runs an older release of airflow-providers-pinning, which cannot tell about commits. "
                "Upgrade the package there.",
                status=error.status,
                reason="route_missing",
            ) from error

    def _objection(self, version: Answer) -> Generator[ApiRequest, Answer, str | None]:
        """Return why a version may not be pinned there."""
        number, seen = version["version_number"], 0
        while listed := (yield endpoints.versions(self.dag_id, PAGE, seen))["versions"]:
            for one in listed:
                if one["version_number"] != number:
                    continue
                if one["state"] == "rejected":
                    return f"Version {number} was rejected: {one['state_reason']}"
                if held := one.get("rejection_held"):
                    return (
                        f"Version {number} differs in nothing related from version {held['version_number']}, which was "
                        f"rejected: {held['reason']}"
                    )
                return None
            if listed[-1]["version_number"] < number:
                break
            seen += len(listed)
        raise NotFoundError(f"Version {number} of Dag {self.dag_id} is gone.", status=404, reason="unknown_version")

    def _soak(self, version: Answer) -> Flow:
        number = version["version_number"]
        criteria = SoakCriteria(
            **self.criteria,
            expected_dag_hash=version["dag_hash"],
            expected_bundle_version=version["bundle_version"],
        )
        try:
            soak = yield endpoints.soak(self.dag_id, number, criteria)
        except NotManagedError:
            # It is not a candidate yet.
            return None
        except VersionDriftedError as error:
            return self._refused(RemoteRefusal.DRIFTED, version, error.message)
        if soak["verdict"] == Verdict.PROGRESSING:
            return None
        told = self._told(version, Verdict(soak["verdict"]), soak["reason"], soak["message"])
        return {**told, "evidence": soak["evidence"]}

    def _pin(self, version: Answer) -> Flow:
        state = yield endpoints.release_state(self.dag_id)
        active, number = state["active"], version["version_number"]
        if not state["pinned"] or active is None or active["dag_version_id"] != version["dag_version_id"]:
            return None
        health = state["health"]
        if health["status"] == "broken":
            # The pin is not enforced.
            reason = health["problems"][0]["reason"] if health["problems"] else RemoteRefusal.DRIFTED.value
            said = " ".join(problem["message"] for problem in health["problems"])
            return self._told(version, Verdict.FAILED, reason, f"The pin to version {number} is broken. {said}")
        pin = state["pin"]
        message = f"{pin['actor']} pinned version {number} at {pin['pinned_at']}: {pin['reason']}"
        return {**self._told(version, Verdict.SUCCESSFUL, "pinned", message), "evidence": pin}

    def _refused(self, reason: RemoteRefusal, version: Answer | None, message: str) -> Answer:
        return self._told(version, Verdict.FAILED, reason.value, message)

    def _told(self, version: Answer | None, verdict: Verdict, reason: str, message: str) -> Answer:
        known = version or {}
        return {
            "wait_for": str(RemoteCondition(self.wait_for).value),
            "verdict": verdict.value,
            "reason": reason,
            "message": message,
            "dag_id": self.dag_id,
            "bundle_version": self.bundle_version,
            "bundle_name": known.get("bundle_name"),
            "remote_version_number": known.get("version_number"),
            "dag_version_id": known.get("dag_version_id"),
            "dag_hash": known.get("dag_hash"),
            "evidence": None,
        }
