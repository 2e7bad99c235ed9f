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
"""All refusals of the control plane, as one family of exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_providers_pinning.vocabulary import REFUSALS, ExitCode, Refusal

_REASONS = {refusal.exception: reason for reason, refusal in REFUSALS.items()}


class PinningError(Exception):
    """
    Base of every refusal.

    A subclass takes its reason, HTTP status and exit code from the row in
    :data:`~airflow_providers_pinning.vocabulary.REFUSALS` that names it.

    :param message: what was refused, with the offending value and the remedy
    :param data: JSON-serializable details for the caller, such as the current release state
    """

    reason: ClassVar[str] = "pinning_error"
    """Machine-readable reason in REST responses and on the command line."""
    refusal: ClassVar[Refusal] = Refusal(409, ExitCode.REFUSED, "PinningError")
    """How it is reported."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.reason = _REASONS[cls.__name__]
        cls.refusal = REFUSALS[cls.reason]

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data: Mapping[str, Any] = data


class UnknownDagError(PinningError):
    """The Dag does not exist."""


class UnknownVersionError(PinningError):
    """The Dag does not have this version."""


class UnknownRunError(PinningError):
    """A run is not among those of the request; ``data["run_ids"]`` lists it."""


class UnknownEventError(PinningError):
    """The change is not in the history, or not visible to the caller."""


class NotPinnedError(PinningError):
    """The Dag is not pinned, so there is nothing to unpin."""


class RevisionConflictError(PinningError):
    """The pin has changed since the caller read it; ``data["state"]`` is the current release state."""


class VersionDriftedError(PinningError):
    """The version is no longer what was approved or recorded."""


class VersionRejectedError(PinningError):
    """The version was rejected and cannot be pinned until it is restored."""


class VerdictFailedError(PinningError):
    """The runs of the version failed the criteria of the Dag."""


class VersionActiveError(PinningError):
    """The version is pinned. Roll back or pin another version before rejecting it."""


class VersionUnreadableError(PinningError):
    """The stored version cannot be deserialized by this Airflow and its plugins."""


class UnversionedBundleError(PinningError):
    """The version's code cannot be pinned, because its bundle or the Dag is not versioned."""


class VersionDataUnsupportedError(PinningError):
    """The version depends on data that this Airflow does not send to workers."""


class TeamNotPermittedError(PinningError):
    """The version belongs to another team than the Dag, and the caller may not edit the Dag there."""


class CodeUnavailableError(PinningError):
    """The dag processor could not get the version's code from its bundle."""


class NotEnforcedError(PinningError):
    """A live component does not enforce pins; ``data["components"]`` lists all of them."""


class PolicyNotMetError(PinningError):
    """Rules of release policies, or a freeze, block the change; ``data["unmet"]`` lists all of them."""


class ReleaseNotPermittedError(PinningError):
    """Releases require a separate permission here, which the caller does not have."""


class PolicyConflictError(PinningError):
    """The policies have changed since the caller read them; ``data["revision"]`` is the current one."""


class InvalidPolicyError(PinningError):
    """The policy document is not valid; ``data["problems"]`` lists the problems."""


class InvalidPinsError(PinningError):
    """A document of pins is not valid; ``data["problems"]`` has every place that is wrong."""


class UnknownFreezeError(PinningError):
    """The freeze does not exist, or it has ended."""


class FreezeEndsInPastError(PinningError):
    """The end of the freeze is in the past."""


class NotApprovedError(PinningError):
    """The current content of the version has no such approval, or it was revoked."""


class DagHeldError(PinningError):
    """The Dag is on hold: no change without an override until someone lifts the hold."""


class HoldEndsInPastError(PinningError):
    """The end of the hold is in the past."""


class ActivationPendingError(PinningError):
    """A change of the pin is pending; ``data["pending"]`` describes it."""


class ActivationInPastError(PinningError):
    """The effective time of the change is in the past."""


class NothingPendingError(PinningError):
    """No change of the pin is pending, so there is nothing to cancel."""


class RampUnderWayError(PinningError):
    """A ramp of the Dag is in progress; ``data["ramp"]`` describes it."""


class NoRampError(PinningError):
    """The Dag has no ramp in progress, or not in a state that allows the action."""


class ContentNotKeptError(PinningError):
    """A rewritten version cannot be repaired, because its original content is not stored."""


class VersionInUseError(PinningError):
    """The version cannot be repaired while unfinished runs use it as it is now; ``data["run_ids"]`` lists some."""


class NotManagedError(PinningError):
    """The version is not managed, so the next commit may rewrite it; make it a candidate first."""


class InvalidConfError(PinningError):
    """The conf of a run does not match the params of its version."""


class InvalidPartitionKeyError(PinningError):
    """The canary run cannot have this partition key, or needs one."""


class InvalidIsolationError(PinningError):
    """Canary runs cannot be isolated as requested."""


class NothingToReplayError(PinningError):
    """The runs to replay do not exist, are not finished, or are not live runs."""


class RunNotAllowedError(PinningError):
    """The version does not allow manual runs, so it cannot have canary runs."""


class NoTaskError(PinningError):
    """A run of the version would have no tasks now, so it would prove nothing."""


class RunIdNotAllowedError(PinningError):
    """Airflow is configured to refuse the IDs of canary runs; ``data["allowing_pattern"]`` would allow them."""


class NothingToRollBackToError(PinningError):
    """No previously active version can be pinned."""


class RunsNotRepairableError(PinningError):
    """Some runs of the bad version cannot be stopped or rerun; ``data["blocked"]`` lists them with reasons."""


class TooManyRunsError(PinningError):
    """The request would stop or rerun more runs than allowed; ``data["runs"]`` is their number."""


class IdempotencyKeyReusedError(PinningError):
    """The idempotency key was used for another request."""


class UnknownReleaseError(PinningError):
    """The release does not exist, or is not visible to the caller."""


class ReleaseBlockedError(PinningError):
    """Some Dags of a release cannot be changed, so none is; ``data["blocked"]`` lists them with reasons."""


class ReleaseRolledBackError(PinningError):
    """The release was already rolled back; ``data["rolled_back_by"]`` is the release that did it."""


class NothingToReleaseError(PinningError):
    """The release affects no Dag."""


class AmbiguousBundleError(PinningError):
    """Several bundles have the commit; ``data["bundle_names"]`` lists them."""


class DagsForbiddenError(PinningError):
    """The caller may not change some Dags of a release; ``data["dag_ids"]`` lists those that the caller can see."""


class PinUnavailableError(PinningError, ValueError):
    """
    No run is created, because the pinned version is missing or has drifted.

    Also a ``ValueError``, whose message Airflow's trigger endpoints return.
    """


class DatabaseBusyError(PinningError):
    """The database was busy for too long: no change was made, and the same request may succeed soon."""


class DatabaseUnavailableError(PinningError):
    """There is no connection to the database; the message says whether a change may have been made."""
