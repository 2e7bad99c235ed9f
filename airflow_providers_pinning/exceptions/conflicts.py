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
"""Changes that conflict with the current state."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import PinningApiError


class ConflictError(PinningApiError):
    """The change conflicts with the current state (409). It is never retried automatically."""


class RevisionConflictError(ConflictError):
    """The pin has changed since it was read; ``state`` is the current release state."""


class VersionDriftedError(ConflictError):
    """The version is no longer the one that was tested or approved."""


class VersionRejectedError(ConflictError):
    """The version was rejected and cannot be pinned until it is restored."""


class VerdictFailedError(ConflictError):
    """The runs of the version failed the criteria of the Dag."""


class ContentNotKeptError(ConflictError):
    """A rewritten version cannot be repaired, because its original content is not stored."""


class VersionInUseError(ConflictError):
    """The version cannot be repaired while unfinished runs use it as it is now."""


class VersionActiveError(ConflictError):
    """The version is pinned. Roll back or pin another version before rejecting it."""


class VersionUnreadableError(ConflictError):
    """The stored version cannot be deserialized by the server's Airflow and its plugins."""


class UnversionedBundleError(ConflictError):
    """The code of the version cannot be pinned, because its bundle or Dag is not versioned."""


class VersionDataUnsupportedError(ConflictError):
    """The version depends on data that Airflow does not send to workers."""


class CodeUnavailableError(ConflictError):
    """The bundle cannot provide the code of the version."""


class NotEnforcedError(ConflictError):
    """A live component of the deployment would not enforce the pin."""


class DagHeldError(ConflictError):
    """The Dag is on hold until someone lifts the hold."""


class RampUnderWayError(ConflictError):
    """A ramp of the Dag is in progress; ``ramp`` describes it."""


class NoRampError(ConflictError):
    """The Dag has no ramp in progress, or not in a state that allows the action."""


class ActivationPendingError(ConflictError):
    """A change of the pin is pending; ``data["pending"]`` describes it."""


class NothingPendingError(ConflictError):
    """No change of the pin is pending, so there is nothing to cancel."""


class NotManagedError(ConflictError):
    """The version is not managed, so the next commit may rewrite it and it has no verdict."""


class RunNotAllowedError(ConflictError):
    """The version does not allow manual runs, so it cannot have canary runs."""


class NoTaskError(ConflictError):
    """A run of the version would have no tasks now, so it would prove nothing."""


class RunIdNotAllowedError(ConflictError):
    """Airflow is configured to refuse the run IDs of canary runs; ``data["allowing_pattern"]`` would allow them."""


class PinUnavailableError(ConflictError):
    """No run can be created, because the pinned version is missing or has drifted."""


class RunsNotRepairableError(ConflictError):
    """Some runs of the bad version cannot be stopped or rerun; ``data["blocked"]`` lists them with reasons."""


class TooManyRunsError(ConflictError):
    """The request would stop or rerun more runs than allowed; ``data["runs"]`` is their number."""


class IdempotencyKeyReusedError(ConflictError):
    """The idempotency key was used for another request about this Dag."""


class NothingToReplayError(ConflictError):
    """A run to replay does not exist, is not finished, or is not a live run."""


class NothingToRollBackToError(ConflictError):
    """No previously active version can be pinned."""


class ReleaseBlockedError(ConflictError):
    """Some Dags of a release cannot be changed, so none is; ``data["blocked"]`` lists them with reasons."""


class ReleaseRolledBackError(ConflictError):
    """The release was already rolled back; ``data["rolled_back_by"]`` is the release that did it."""


class NothingToReleaseError(ConflictError):
    """The release affects no Dag."""


class AmbiguousBundleError(ConflictError):
    """Several bundles have the commit; ``data["bundle_names"]`` lists them."""
