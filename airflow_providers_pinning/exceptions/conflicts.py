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
"""Changes that the present state forbids."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import PinningApiError


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
    """The bundle cannot provide the code of the version."""


class NotEnforcedError(ConflictError):
    """A live component of the deployment would not honor the pin."""


class DagHeldError(ConflictError):
    """The Dag is on hold until a person lifts it."""


class RampUnderWayError(ConflictError):
    """A ramp of the Dag is under way; ``ramp`` shows it."""


class NoRampError(ConflictError):
    """No ramp of the Dag is under way, or it is not in a state for what is asked."""


class ActivationPendingError(ConflictError):
    """A change of the pin is pending; ``data["pending"]`` says which, and from when on."""


class NothingPendingError(ConflictError):
    """No change of the pin is pending, so there is nothing to cancel."""


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


class ReleaseBlockedError(ConflictError):
    """Some Dags of a release cannot be changed, so none is; ``data["blocked"]`` names each with its reason."""


class ReleaseRolledBackError(ConflictError):
    """The release was rolled back already; ``data["rolled_back_by"]`` is the release that did it."""


class NothingToReleaseError(ConflictError):
    """No Dag is concerned by the release."""


class AmbiguousBundleError(ConflictError):
    """Several bundles have the commit; ``data["bundle_names"]`` names them."""
