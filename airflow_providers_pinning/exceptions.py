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
"""What can go wrong for those who use the REST API: hooks, operators, sensors and the notifier."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.exceptions import AirflowProviderDeprecationWarning
from airflow.sdk.exceptions import AirflowException, AirflowFailException


class PinningApiError(AirflowException):
    """
    Base of every answer that is not the one asked for.

    :param message: what was refused, and what to do about it
    :param status: HTTP status, or ``None`` if there was no answer
    :param reason: the server's machine word, such as ``revision_conflict``
    :param data: further facts from the server; ``state`` is the current release state
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "pinning_api_error",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.data: dict[str, Any] = dict(data or {})

    @property
    def state(self) -> dict[str, Any] | None:
        """The current release state, if the server sent it."""
        return self.data.get("state")

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]"

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain JSON values, from which ``client.errors.error_from_dict`` makes it again."""
        return {"message": self.message, "status": self.status, "reason": self.reason, "data": self.data}


class TransientError(PinningApiError):
    """The API server could not answer now; the same request may succeed later."""

    @property
    def retry_after(self) -> float:
        """Seconds after which the server wants to be asked again; 0 if it did not say."""
        try:
            return max(0.0, float(self.data.get("retry_after") or 0))
        except (TypeError, ValueError):
            return 0.0


class ApiUnreachableError(TransientError):
    """There was no answer: no connection, or it broke, or it took too long."""


class ServerUnavailableError(TransientError):
    """The API server, or a proxy before it, is overloaded or restarting (429, 502, 503, 504)."""


class DatabaseBusyError(ServerUnavailableError):
    """Others were in the way in the server's database for too long; nothing was changed."""


class DatabaseUnavailableError(ServerUnavailableError):
    """The server has no connection to its database; the message says whether a change may have been made."""


class ServerFaultError(PinningApiError):
    """The API server failed (other 5xx). Whether the change was made is unknown."""


class InvalidRequestError(PinningApiError):
    """The request makes no sense to the server (400, 422)."""


class InvalidConfError(InvalidRequestError):
    """The configuration of a canary run does not fit the parameters of its version."""


class InvalidPartitionKeyError(InvalidRequestError):
    """A canary run cannot have a partition key, or none that was given."""


class InvalidIsolationError(InvalidRequestError):
    """Canary runs cannot be kept apart from live ones as it was asked for."""


class InvalidSourceError(InvalidRequestError):
    """What a request says of where it comes from is no flat JSON object of texts and whole numbers."""


class HoldEndsInPastError(InvalidRequestError):
    """The end that is given for a hold is over already."""


class NotAuthenticatedError(PinningApiError):
    """The credentials of the connection are wrong, or its token expired (401)."""


class NotPermittedError(PinningApiError):
    """The user of the connection may not do this (403)."""


class TeamNotPermittedError(NotPermittedError):
    """The version belongs to a team for which the user may not edit the Dag."""


class NotFoundError(PinningApiError):
    """There is no such thing (404)."""


class UnknownDagError(NotFoundError):
    """No Dag of this id is registered."""


class UnknownVersionError(NotFoundError):
    """The Dag has no such version."""


class UnknownRunError(NotFoundError):
    """A run is not reported as escaped, so it cannot be acknowledged."""


class UnknownEventError(NotFoundError):
    """There is no such change in the history, or not for the user."""


class NotPinnedError(NotFoundError):
    """The Dag is not pinned, so there is nothing to unpin."""


class ConflictError(PinningApiError):
    """The present state forbids the change (409). It is never tried again by itself."""


class RevisionConflictError(ConflictError):
    """The pin changed since it was read; ``state`` is the current release state."""


class VersionDriftedError(ConflictError):
    """The version is no longer the one that was tested or approved."""


class VersionRejectedError(ConflictError):
    """The version was rejected, and may not be pinned until it is restored."""


class VerdictFailedError(ConflictError):
    """The runs of the version failed the criteria of the Dag."""


class ContentNotKeptError(ConflictError):
    """A version that was rewritten cannot be repaired, because what it consisted of is not kept."""


class VersionInUseError(ConflictError):
    """Unfinished runs use the version as it is now, so it cannot be repaired."""


class VersionActiveError(ConflictError):
    """The version is pinned, so it cannot be rejected in place."""


class VersionUnreadableError(ConflictError):
    """The stored version cannot be deserialized by the server's Airflow and its plugins."""


class UnversionedBundleError(ConflictError):
    """The code of the version cannot be pinned, because its bundle or Dag is not versioned."""


class VersionDataUnsupportedError(ConflictError):
    """The version is described by data that Airflow does not hand to workers."""


class CodeUnavailableError(ConflictError):
    """The code of the version cannot be had from its bundle."""


class NotEnforcedError(ConflictError):
    """A live component of the deployment would not honor the pin."""


class DagHeldError(ConflictError):
    """The Dag is on hold until a person lifts it."""


class NotManagedError(ConflictError):
    """The version is not managed, so the next commit may rewrite it, and there is no verdict on it."""


class RunNotAllowedError(ConflictError):
    """The version allows no manual runs, so it can have no canary runs."""


class NoTaskError(ConflictError):
    """A run of the version would have no task now, so it would show nothing."""


class RunIdNotAllowedError(ConflictError):
    """Airflow is configured to refuse the run ids of canary runs; ``data["allowing_pattern"]`` would allow them."""


class PinUnavailableError(ConflictError):
    """No run can be made, because the pinned version vanished or drifted."""


class RunsNotRepairableError(ConflictError):
    """Some runs of the bad version cannot be stopped or rerun; ``data["blocked"]`` names them, each with a reason."""


class TooManyRunsError(ConflictError):
    """More runs would be stopped or rerun than one request may; ``data["runs"]`` is how many."""


class IdempotencyKeyReusedError(ConflictError):
    """The idempotency key belongs to another request about this Dag."""


class NothingToReplayError(ConflictError):
    """A run that is to be replayed is not there, not finished, or no live run."""


class NothingToRollBackToError(ConflictError):
    """No version that was active before can be pinned."""


class CommitBrokenError(AirflowFailException):
    """
    The Dag's file has an import error at the commit that is waited for, so no version can come of it.

    :param message: which file, the error's first line, and what to do about it
    :param broken_files: ``relative_fileloc`` and ``message`` of each
    """

    def __init__(self, message: str, *, broken_files: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.broken_files = [dict(file) for file in broken_files]


class QuestionOutdatedError(AirflowFailException):
    """
    Airflow shows a question that the task asked before it was cleared, and it differs from the present one.

    Whoever approved would approve what they do not see.
    """


class RollbackFailedError(PinningApiError):
    """
    Some of several Dags could not be rolled back.

    :param done: release states of the Dags that were rolled back, by Dag id
    :param failed: what went wrong with the others, by Dag id
    """

    def __init__(self, *, done: Mapping[str, dict[str, Any]], failed: Mapping[str, PinningApiError]) -> None:
        self.done = dict(done)
        self.failed = dict(failed)
        listed = "; ".join(f"{dag_id}: {error}" for dag_id, error in failed.items())
        super().__init__(
            f"{len(failed)} of {len(done) + len(failed)} Dags could not be rolled back: {listed}. "
            f"Rolled back: {', '.join(done) or 'none'}.",
            reason="rollback_failed",
            data={"done": sorted(done), "failed": {dag_id: error.as_dict() for dag_id, error in failed.items()}},
        )


_RENAMED = frozenset(
    {
        "ApiUnreachable",
        "CodeUnavailable",
        "Conflict",
        "DagHeld",
        "InvalidConf",
        "InvalidRequest",
        "NotAuthenticated",
        "NotEnforced",
        "NotFound",
        "NotPermitted",
        "NotPinned",
        "NothingToRollBackTo",
        "RevisionConflict",
        "RollbackFailed",
        "ServerFault",
        "ServerUnavailable",
        "UnknownDag",
        "UnknownVersion",
        "UnversionedBundle",
        "VersionActive",
        "VersionDrifted",
        "VersionRejected",
    }
)
"""Classes that had no ``Error`` at the end of their names in 0.1.0."""


def __getattr__(name: str) -> Any:
    """Return a class by the name that it had in 0.1.0."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = f"{name}Error"
    warnings.warn(f"{__name__}.{name} is now called {new}.", AirflowProviderDeprecationWarning, stacklevel=2)
    return globals()[new]
