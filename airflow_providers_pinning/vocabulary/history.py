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
"""The history of changes."""

from __future__ import annotations

from enum import Enum


class EventKind(str, Enum):
    """Kind of change."""

    PINNED = "pinned"
    """A version was pinned."""
    UNPINNED = "unpinned"
    """The pin was removed; the latest version became active."""
    ROLLED_BACK = "rolled_back"
    """A previously active version became active again."""
    CANDIDATE = "candidate"
    """A version was put under evaluation; the active version stayed."""
    CANARY = "canary"
    """Runs of a version were started; the active version stayed."""
    CONFIRMED = "confirmed"
    """A request changed nothing; recorded because of its idempotency key."""
    REJECTED = "rejected"
    """A version was rejected, so it cannot be pinned."""
    RESTORED = "restored"
    """A rejected version can be pinned again."""
    REPAIRED = "repaired"
    """The recorded content of a rewritten version was restored."""
    ACKNOWLEDGED = "acknowledged"
    """Escaped runs are no longer reported."""
    CRITERIA_SET = "criteria_set"
    """The criteria of the Dag changed; versions and pin stayed."""
    FAILING = "failing"
    """The newest run since the pin failed; reported once per pin, without changing anything."""
    RUNS_REPAIRED = "runs_repaired"
    """The runs that a rollback left behind were stopped or rerun, as requested."""
    HELD = "held"
    """The Dag was put on hold: only rollbacks until the hold expires or is lifted."""
    UNHELD = "unheld"
    """A hold was lifted."""
    POLICY_APPLIED = "policy_applied"
    """The release policies were replaced; applies to every Dag."""
    FROZEN = "frozen"
    """Changes of some or all Dags were blocked, except rollbacks; applies to every Dag."""
    THAWED = "thawed"
    """A freeze was lifted; applies to every Dag."""
    EVIDENCE = "evidence"
    """Evidence on a version was recorded from outside this package."""
    APPROVED = "approved"
    """A user approved a version."""
    APPROVAL_REVOKED = "approval_revoked"
    """An approval was revoked."""
    ACTIVATION_SCHEDULED = "activation_scheduled"
    """A pin, unpin or rollback was scheduled for a given time; the active version stayed."""
    ACTIVATION_CANCELED = "activation_canceled"
    """A scheduled change was canceled."""
    ACTIVATION_FAILED = "activation_failed"
    """A scheduled change could not take effect when it was due; the active version stayed."""
    BREAKER_OPENED = "breaker_opened"
    """The active version failed more often than a policy allows, but there was no stable version to return to."""
    RAMP_STARTED = "ramp_started"
    """A ramp started: a share of the new runs gets another version; the pin stayed."""
    RAMP_ADVANCED = "ramp_advanced"
    """A step of a ramp was completed, and the next one started."""
    RAMP_PAUSED = "ramp_paused"
    """New runs no longer get the version of the ramp, until it is resumed."""
    RAMP_RESUMED = "ramp_resumed"
    """A paused ramp was resumed."""
    RAMP_ABORTED = "ramp_aborted"
    """A ramp ended; the pin stayed."""
    FORGOTTEN = "forgotten"
    """The Dag and its pin were deleted from Airflow."""


EVENT_COLUMNS = (
    "id",
    "created_at",
    "dag_id",
    "kind",
    "revision",
    "from_version",
    "to_version",
    "actor",
    "actor_kind",
    "reason",
    "override_reason",
    "source",
    "release_id",
    "commit",
    "commit_author",
    "commit_message",
)
"""Columns of the history as CSV."""


class CallerKind(str, Enum):
    """Origin of a change."""

    USER = "user"
    """A user or a service, through the REST API."""
    CLI = "cli"
    """A command on a host of the deployment."""
    SYSTEM = "system"
    """Airflow itself."""


class TimedAction(str, Enum):
    """Action of a change that takes effect at a given time."""

    PIN = "pin"
    """Pin a version."""
    UNPIN = "unpin"
    """Unpin the Dag."""
    ROLLBACK = "rollback"
    """Roll back."""


class TimedStatus(str, Enum):
    """Outcome of a change that takes effect at a given time."""

    PENDING = "pending"
    """It has not taken effect yet."""
    IN_EFFECT = "in_effect"
    """It took effect."""
    CANCELED = "canceled"
    """A user canceled it, or another change replaced it."""
    FAILED = "failed"
    """It could not take effect when it was due."""
