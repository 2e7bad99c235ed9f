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
"""Exit codes, and how each refusal is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType


class ExitCode(IntEnum):
    """Exit code of a command."""

    DONE = 0
    """Success; for soak: successful; for checks: healthy."""
    UNEXPECTED = 1
    """Unexpected failure, such as a database error."""
    USAGE = 2
    """Invalid usage or value."""
    REFUSED = 3
    """The change is refused; the message starts with the reason."""
    NOT_FOUND = 4
    """No such Dag, version or pin."""
    NOT_CONFIRMED = 5
    """The confirmation was not given, so no change was made."""
    UNHEALTHY = 6
    """A pin is not enforced, or the installation needs attention."""
    DIFFERENT = 7
    """The compared versions differ; only with --exit-code."""
    BROKEN = 8
    """The Dag file has an import error at the awaited commit."""
    PROGRESSING = 10
    """The soak, or the awaited runs, need more time."""
    FAILED = 11
    """The soak, an awaited run, or the newest run since the pin failed."""
    INCONCLUSIVE = 12
    """The soak ended without a verdict."""
    INTERRUPTED = 130
    """Ctrl-C was pressed."""


@dataclass(frozen=True)
class Refusal:
    """How one refusal is reported."""

    status: int
    """HTTP status of the REST API."""
    exit_code: ExitCode
    """Exit code of the command line."""
    exception: str
    """Class in :mod:`airflow_providers_pinning.exceptions`, and in :mod:`airflow_providers_pinning.domain.errors`."""


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        "unknown_dag": Refusal(404, ExitCode.NOT_FOUND, "UnknownDagError"),
        "unknown_version": Refusal(404, ExitCode.NOT_FOUND, "UnknownVersionError"),
        "unknown_run": Refusal(404, ExitCode.NOT_FOUND, "UnknownRunError"),
        "unknown_event": Refusal(404, ExitCode.NOT_FOUND, "UnknownEventError"),
        "not_pinned": Refusal(404, ExitCode.NOT_FOUND, "NotPinnedError"),
        "revision_conflict": Refusal(409, ExitCode.REFUSED, "RevisionConflictError"),
        "version_drifted": Refusal(409, ExitCode.REFUSED, "VersionDriftedError"),
        "version_rejected": Refusal(409, ExitCode.REFUSED, "VersionRejectedError"),
        "verdict_failed": Refusal(409, ExitCode.REFUSED, "VerdictFailedError"),
        "version_active": Refusal(409, ExitCode.REFUSED, "VersionActiveError"),
        "version_unreadable": Refusal(409, ExitCode.REFUSED, "VersionUnreadableError"),
        "unversioned_bundle": Refusal(409, ExitCode.REFUSED, "UnversionedBundleError"),
        "version_data_unsupported": Refusal(409, ExitCode.REFUSED, "VersionDataUnsupportedError"),
        "team_not_permitted": Refusal(403, ExitCode.REFUSED, "TeamNotPermittedError"),
        "code_unavailable": Refusal(409, ExitCode.REFUSED, "CodeUnavailableError"),
        "not_enforced": Refusal(409, ExitCode.REFUSED, "NotEnforcedError"),
        "policy": Refusal(409, ExitCode.REFUSED, "PolicyNotMetError"),
        "release_not_permitted": Refusal(403, ExitCode.REFUSED, "ReleaseNotPermittedError"),
        "policy_conflict": Refusal(409, ExitCode.REFUSED, "PolicyConflictError"),
        "invalid_policy": Refusal(422, ExitCode.USAGE, "InvalidPolicyError"),
        "invalid_pins": Refusal(422, ExitCode.USAGE, "InvalidPinsError"),
        "unknown_freeze": Refusal(404, ExitCode.NOT_FOUND, "UnknownFreezeError"),
        "freeze_ends_in_past": Refusal(422, ExitCode.USAGE, "FreezeEndsInPastError"),
        "not_approved": Refusal(409, ExitCode.REFUSED, "NotApprovedError"),
        "held": Refusal(409, ExitCode.REFUSED, "DagHeldError"),
        "hold_ends_in_past": Refusal(422, ExitCode.USAGE, "HoldEndsInPastError"),
        "activation_pending": Refusal(409, ExitCode.REFUSED, "ActivationPendingError"),
        "activation_in_past": Refusal(422, ExitCode.USAGE, "ActivationInPastError"),
        "nothing_pending": Refusal(409, ExitCode.REFUSED, "NothingPendingError"),
        "ramp_under_way": Refusal(409, ExitCode.REFUSED, "RampUnderWayError"),
        "no_ramp": Refusal(409, ExitCode.REFUSED, "NoRampError"),
        "content_not_kept": Refusal(409, ExitCode.REFUSED, "ContentNotKeptError"),
        "version_in_use": Refusal(409, ExitCode.REFUSED, "VersionInUseError"),
        "not_managed": Refusal(409, ExitCode.REFUSED, "NotManagedError"),
        "invalid_conf": Refusal(422, ExitCode.USAGE, "InvalidConfError"),
        "invalid_partition_key": Refusal(422, ExitCode.USAGE, "InvalidPartitionKeyError"),
        "nothing_to_replay": Refusal(409, ExitCode.REFUSED, "NothingToReplayError"),
        "invalid_isolation": Refusal(422, ExitCode.USAGE, "InvalidIsolationError"),
        "run_not_allowed": Refusal(409, ExitCode.REFUSED, "RunNotAllowedError"),
        "no_task": Refusal(409, ExitCode.REFUSED, "NoTaskError"),
        "run_id_not_allowed": Refusal(409, ExitCode.REFUSED, "RunIdNotAllowedError"),
        "nothing_to_roll_back_to": Refusal(409, ExitCode.REFUSED, "NothingToRollBackToError"),
        "runs_not_repairable": Refusal(409, ExitCode.REFUSED, "RunsNotRepairableError"),
        "too_many_runs": Refusal(409, ExitCode.REFUSED, "TooManyRunsError"),
        "idempotency_key_reused": Refusal(409, ExitCode.REFUSED, "IdempotencyKeyReusedError"),
        "unknown_release": Refusal(404, ExitCode.NOT_FOUND, "UnknownReleaseError"),
        "release_blocked": Refusal(409, ExitCode.REFUSED, "ReleaseBlockedError"),
        "release_rolled_back": Refusal(409, ExitCode.REFUSED, "ReleaseRolledBackError"),
        "nothing_to_release": Refusal(409, ExitCode.REFUSED, "NothingToReleaseError"),
        "ambiguous_bundle": Refusal(409, ExitCode.REFUSED, "AmbiguousBundleError"),
        "dags_forbidden": Refusal(403, ExitCode.REFUSED, "DagsForbiddenError"),
        "pin_unavailable": Refusal(409, ExitCode.REFUSED, "PinUnavailableError"),
        "database_busy": Refusal(503, ExitCode.UNEXPECTED, "DatabaseBusyError"),
        "database_unavailable": Refusal(503, ExitCode.UNEXPECTED, "DatabaseUnavailableError"),
        "invalid_source": Refusal(422, ExitCode.USAGE, "InvalidSourceError"),
        "invalid_request": Refusal(422, ExitCode.USAGE, "InvalidRequestError"),
    }
)
"""All refusals by reason. The last two refuse requests that never reach the domain."""


class TaskRefusal(str, Enum):
    """
    Why Airflow's Execution API refuses a request of a canary run's task, with 403.

    The task fails with the message; clients of the REST API never see it.
    """

    TRIGGERS_NO_RUN = "canary_triggers_no_run"
    """It would trigger a live run."""
    STATE_TOO_LARGE = "canary_state_too_large"
    """It wrote more to Variables or asset state than the limit."""
    WRITES_ELSEWHERE = "canary_writes_elsewhere"
    """It would write an XCom of another run."""
    FORGOTTEN = "canary_forgotten"
    """Its run was deleted, so its isolation is unknown."""
