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
"""Rules and limits of release policies."""

from __future__ import annotations

from enum import Enum

MAX_POLICY_BYTES = 2**20
"""Maximum size in bytes of a policy document."""


MAX_POLICIES = 2000
"""Maximum number of policies in a document."""


MAX_MATCHED_BY = 1000
"""Maximum number of entries in each list of a policy or freeze."""


RELEASES = "Releases"
"""Name of the permission to release in auth managers: a custom view with "can edit"."""


RELEASE_RULES = "Release Rules"
"""Name of the permission to set policies and freezes."""


RELEASE_OVERRIDES = "Release Overrides"
"""Name of the permission to override policies."""


MAX_EVIDENCE_DETAILS = 100_000
"""Maximum size in bytes of the details of evidence."""


MAX_EVIDENCE_URL = 2000
"""Maximum number of characters of the URL of evidence."""


APPROVAL_IS_FOR = "Your approval is for exactly version {version_number} of Dag `{target_dag_id}`"
"""What a task that asks for the approval of a version says, by which the inbox finds it."""


MAX_WITHIN_RUNS = 1000
"""Maximum number of runs among which an automatic rollback counts failures."""


class BreakerState(str, Enum):
    """Why the automatic rollback no longer watches a pinned version."""

    SPENT = "spent"
    """The version became active by a rollback, so it is not rolled back automatically."""
    OPEN = "open"
    """It failed too often, but there was nothing to return to; runs continue with it."""
    WAITING = "waiting"
    """It failed too often, but there was nothing to return to; no runs are created until someone decides."""


class Rule(str, Enum):
    """What may block a change."""

    FREEZE = "freeze"
    """A freeze is in force."""
    WINDOW = "window"
    """The release window is closed."""
    EVIDENCE = "evidence"
    """Required evidence is missing, failed or expired."""
    APPROVALS = "approvals"
    """Approvals are missing."""
    SOAK = "soak"
    """The runs of the version do not meet the criteria, or not yet."""
    RAMP = "ramp"
    """The version did not pass a ramp with the required steps."""
    CANARY = "canary"
    """Canary runs would be less isolated than required."""
