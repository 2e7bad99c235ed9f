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
"""Releases of many Dags."""

from __future__ import annotations

from enum import Enum

MAX_RELEASED_DAGS = 20_000
"""Maximum number of Dags in one request."""

MAX_PINS_BYTES = 2**22
"""Bytes of a document of pins."""


class ReleaseAction(str, Enum):
    """Action of a release."""

    PIN = "pin"
    """Pin the Dags."""
    UNPIN = "unpin"
    """Unpin the Dags: their latest versions become active."""
    ROLLBACK = "rollback"
    """What an earlier release changed is put back, or Dags return to the versions before."""
    APPLY = "apply"
    """Pins become what a document says."""


class ReleaseScope(str, Enum):
    """Which Dags of the bundle to release, among those that match the other conditions."""

    CHANGED = "changed"
    """Pinned Dags with a related change in the commit, compared with their active version."""
    PINNED = "pinned"
    """Every pinned Dag."""
    ALL = "all"
    """Every Dag, pinned or not."""


class ReleaseOutcome(str, Enum):
    """Effect of a release on one Dag."""

    CHANGED = "changed"
    """Its active version or its pin changes."""
    UNCHANGED = "unchanged"
    """It is already as requested."""
    BLOCKED = "blocked"
    """It cannot be changed, which blocks the release."""
    LEFT = "left"
    """It is not changed, as requested or because the commit does not define it."""
    SCHEDULED = "scheduled"
    """Its active version changes at the time of the release."""
    FAILED = "failed"
    """It could not be changed at the time of the release, and keeps its version."""
    CANCELED = "canceled"
    """Its change was canceled before its time."""


class ReleaseStatus(str, Enum):
    """Status of a release."""

    RELEASED = "released"
    """It is in effect."""
    SCHEDULED = "scheduled"
    """It takes effect later, or some of its Dags are not changed yet."""
    INCOMPLETE = "incomplete"
    """Its time came, but not all of its Dags were changed."""
    CANCELED = "canceled"
    """It was canceled before its time."""
    ROLLED_BACK = "rolled_back"
    """It was rolled back, entirely or for those Dags that had not changed since."""
