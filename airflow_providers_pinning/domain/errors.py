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
"""Every refusal of the control plane, as one family of exceptions."""

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

    :param message: what was refused, with the value at fault, and what to do about it
    :param data: JSON-serializable facts for the caller, such as the current release state
    """

    reason: ClassVar[str] = "pinning_error"
    """Machine word that names the refusal in REST answers and on the command line."""
    refusal: ClassVar[Refusal] = Refusal(409, ExitCode.REFUSED, "PinningError")
    """How it is shown."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.reason = _REASONS[cls.__name__]
        cls.refusal = REFUSALS[cls.reason]

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data: Mapping[str, Any] = data


class UnknownDagError(PinningError):
    """No Dag of this id is registered."""


class UnknownVersionError(PinningError):
    """The Dag has no such version."""


class UnknownRunError(PinningError):
    """A run is not among those that the request is about; ``data["run_ids"]`` names it."""


class UnknownEventError(PinningError):
    """There is no such change in the history, or not for the caller."""


class NotPinnedError(PinningError):
    """The Dag is not pinned, so there is nothing to unpin."""


class RevisionConflictError(PinningError):
    """The pin changed since the caller read it; ``data["state"]`` holds the current release state."""


class VersionDriftedError(PinningError):
    """The version is no longer what was approved or recorded."""


class VersionRejectedError(PinningError):
    """The version was rejected and may not be pinned until it is restored."""


class VerdictFailedError(PinningError):
    """The runs of the version failed the criteria of the Dag."""


class VersionActiveError(PinningError):
    """The version is pinned, so it cannot be rejected in place."""


class VersionUnreadableError(PinningError):
    """The stored version cannot be deserialized by this Airflow and its plugins."""


class UnversionedBundleError(PinningError):
    """The version's code cannot be pinned, because its bundle or the Dag is not versioned."""


class VersionDataUnsupportedError(PinningError):
    """The version is described by data that this Airflow does not hand to workers."""


class TeamNotPermittedError(PinningError):
    """The version belongs to another team than the Dag does now, and the caller may not edit the Dag there."""


class CodeUnavailableError(PinningError):
    """The dag processor could not get the version's code from its bundle."""


class NotEnforcedError(PinningError):
    """A live component runs without the enforcement; ``data["components"]`` names them."""


class PolicyNotMetError(PinningError):
    """Rules of release policies, or a freeze, stand in the way; ``data["unmet"]`` lists every one of them."""


class ReleaseNotPermittedError(PinningError):
    """Releases need a permission of their own here, which the caller does not have."""


class PolicyConflictError(PinningError):
    """The policies changed since the caller read them; ``data["revision"]`` is the present one."""


class InvalidPolicyError(PinningError):
    """A document of policies cannot be used; ``data["problems"]`` names each place."""


class InvalidPinsError(PinningError):
    """A document of pins is not valid; ``data["problems"]`` has every place that is wrong."""


class UnknownFreezeError(PinningError):
    """There is no such freeze, or it is over."""


class FreezeEndsInPastError(PinningError):
    """The end that is given for a freeze is over already."""


class NotApprovedError(PinningError):
    """There is no such approval of the version as it is now, or it was revoked."""


class DagHeldError(PinningError):
    """The Dag is on hold: no change without an override until a person lifts it."""


class HoldEndsInPastError(PinningError):
    """The end that is given for a hold is over already."""


class ActivationPendingError(PinningError):
    """A change of the pin is pending; ``data["pending"]`` says which, and from when on."""


class ActivationInPastError(PinningError):
    """The time from which a change is to be in effect is over already."""


class NothingPendingError(PinningError):
    """No change of the pin is pending, so there is nothing to cancel."""


class RampUnderWayError(PinningError):
    """A ramp of the Dag is under way; ``data["ramp"]`` shows it."""


class NoRampError(PinningError):
    """No ramp of the Dag is under way, or it is not in a state for what is asked."""


class ContentNotKeptError(PinningError):
    """A version that was rewritten cannot be written again, because what it consisted of is not kept."""


class VersionInUseError(PinningError):
    """Unfinished runs use the version as it is now, so it cannot be written again; ``data["run_ids"]`` names some."""


class NotManagedError(PinningError):
    """The version is not managed, so it may be rewritten by the next commit; make it a candidate first."""


class InvalidConfError(PinningError):
    """The configuration of a run does not fit the parameters of its version."""


class InvalidPartitionKeyError(PinningError):
    """A canary run cannot have a partition key, or none that was given."""


class InvalidIsolationError(PinningError):
    """Canary runs cannot be kept apart from live ones as it was asked for."""


class NothingToReplayError(PinningError):
    """The runs that are to be replayed are not there, not finished, or no live runs."""


class RunNotAllowedError(PinningError):
    """The version does not allow manual runs, so it can have no canary runs."""


class NoTaskError(PinningError):
    """A run of the version would have no task now, so it would show nothing."""


class RunIdNotAllowedError(PinningError):
    """Airflow is configured to refuse the ids of canary runs; ``data["allowing_pattern"]`` would allow them."""


class NothingToRollBackToError(PinningError):
    """No version that was active before can be pinned."""


class RunsNotRepairableError(PinningError):
    """Some runs of the bad version cannot be stopped or rerun; ``data["blocked"]`` names them, each with a reason."""


class TooManyRunsError(PinningError):
    """More runs would be stopped or rerun than one request may; ``data["runs"]`` is how many."""


class IdempotencyKeyReusedError(PinningError):
    """The idempotency key belongs to another request."""


class UnknownReleaseError(PinningError):
    """There is no such release, or not for the caller."""


class ReleaseBlockedError(PinningError):
    """Some Dags of a release cannot be changed, so none is; ``data["blocked"]`` names each with its reason."""


class ReleaseRolledBackError(PinningError):
    """The release was rolled back already; ``data["rolled_back_by"]`` is the release that did it."""


class NothingToReleaseError(PinningError):
    """No Dag is concerned by the release."""


class AmbiguousBundleError(PinningError):
    """Several bundles have the commit; ``data["bundle_names"]`` names them."""


class DagsForbiddenError(PinningError):
    """The caller may not change some Dags of a release; ``data["dag_ids"]`` names those that the caller may see."""


class PinUnavailableError(PinningError, ValueError):
    """
    A run was asked for while the pinned version vanished or drifted: no run is made.

    It is a ``ValueError`` too, because that is what Airflow's trigger endpoints answer with the message.
    """


class DatabaseBusyError(PinningError):
    """Others were in the way in the database for too long: nothing was changed, and the same may succeed soon."""


class DatabaseUnavailableError(PinningError):
    """There is no connection to the database; the message says whether a change may have been made."""
