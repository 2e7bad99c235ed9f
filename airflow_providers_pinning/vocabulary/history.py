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
"""What the history has."""

from __future__ import annotations

from enum import Enum


class EventKind(str, Enum):
    """What a change did."""

    PINNED = "pinned"
    """A version became active by choice."""
    UNPINNED = "unpinned"
    """The latest version became active again."""
    ROLLED_BACK = "rolled_back"
    """A version that was active before became active again."""
    CANDIDATE = "candidate"
    """A version came under management for evaluation; the active version stayed."""
    CANARY = "canary"
    """Runs of a version were started while the active version stayed."""
    CONFIRMED = "confirmed"
    """A request found everything as it asks for; kept because of its idempotency key."""
    REJECTED = "rejected"
    """A version was rejected, so it cannot be pinned."""
    RESTORED = "restored"
    """A rejected version may be pinned again."""
    REPAIRED = "repaired"
    """A managed version that something had rewritten was written again as it was recorded."""
    ACKNOWLEDGED = "acknowledged"
    """Runs that had escaped the pin are no longer reported."""
    CRITERIA_SET = "criteria_set"
    """What versions of the Dag are judged by was changed; every version and the pin stayed."""
    FAILING = "failing"
    """The newest run since the version was pinned failed; told once for each pin, and nothing was changed."""
    RUNS_REPAIRED = "runs_repaired"
    """The runs that a rollback left behind were stopped or rerun, as it had asked for."""
    HELD = "held"
    """The Dag was put on hold: no change but a rollback until the hold ends or is lifted."""
    UNHELD = "unheld"
    """A hold was lifted."""
    POLICY_APPLIED = "policy_applied"
    """Another document of policies is in force; about every Dag."""
    FROZEN = "frozen"
    """Changes of some or all Dags were stopped, but for rollbacks; about every Dag."""
    THAWED = "thawed"
    """A freeze was lifted; about every Dag."""
    EVIDENCE = "evidence"
    """Someone said what was found of a version outside of this package."""
    APPROVED = "approved"
    """Someone agreed to the release of a version."""
    APPROVAL_REVOKED = "approval_revoked"
    """An approval counts no more."""
    ACTIVATION_SCHEDULED = "activation_scheduled"
    """A pin, unpin or rollback was asked for that takes effect at a given time; the active version stayed."""
    ACTIVATION_CANCELED = "activation_canceled"
    """A change that was to take effect at a given time will not."""
    ACTIVATION_FAILED = "activation_failed"
    """A change could not take effect when it was due; the active version stayed."""
    BREAKER_OPENED = "breaker_opened"
    """The active version failed more than a policy allows, and there was no stable version to return to."""
    RAMP_STARTED = "ramp_started"
    """Some of the new runs got another version than the pinned one, which stayed."""
    RAMP_ADVANCED = "ramp_advanced"
    """A step of a ramp was passed, and the next one began."""
    RAMP_PAUSED = "ramp_paused"
    """No new run has the version of the ramp until it is resumed."""
    RAMP_RESUMED = "ramp_resumed"
    """A ramp goes on."""
    RAMP_ABORTED = "ramp_aborted"
    """A ramp ended, and the pinned version stayed."""
    FORGOTTEN = "forgotten"
    """The Dag was deleted from Airflow, and its pin with it."""


class CallerKind(str, Enum):
    """Who asks for changes."""

    USER = "user"
    """A person or a service through the REST API."""
    CLI = "cli"
    """A command on a host of the deployment."""
    SYSTEM = "system"
    """Airflow itself."""


class TimedAction(str, Enum):
    """What a change does that takes effect at a given time."""

    PIN = "pin"
    """It pins a version."""
    UNPIN = "unpin"
    """It unpins the Dag."""
    ROLLBACK = "rollback"
    """It rolls back."""


class TimedStatus(str, Enum):
    """What became of a change that takes effect at a given time."""

    PENDING = "pending"
    """It has not taken effect yet."""
    IN_EFFECT = "in_effect"
    """It took effect."""
    CANCELED = "canceled"
    """Somebody canceled it, or another change took its place."""
    FAILED = "failed"
    """It could not take effect when it was due."""
