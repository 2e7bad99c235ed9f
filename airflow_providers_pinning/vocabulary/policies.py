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
"""The rules and the limits of release policies."""

from __future__ import annotations

from enum import Enum

MAX_POLICY_BYTES = 2**20
"""Bytes of a document of policies."""


MAX_POLICIES = 2000
"""How many policies a document has."""


MAX_MATCHED_BY = 1000
"""Entries of each list of a policy or a freeze."""


RELEASES = "Releases"
"""What auth managers call the permission to release, as a custom view that is edited."""


RELEASE_RULES = "Release Rules"
"""What they call the permission to set policies and freezes."""


RELEASE_OVERRIDES = "Release Overrides"
"""What they call the permission to override policies."""


MAX_EVIDENCE_DETAILS = 100_000
"""Bytes of the details of evidence."""


MAX_EVIDENCE_URL = 2000
"""Characters of the address at which evidence can be seen."""


MAX_WITHIN_RUNS = 1000
"""Among how many runs an automatic rollback counts failures at most."""


class BreakerState(str, Enum):
    """Why the automatic rollback of a pinned version does not watch it any more."""

    SPENT = "spent"
    """The version became active by a rollback, so it is not rolled back by itself."""
    OPEN = "open"
    """It failed too often and there was nothing to return to; runs go on with it."""
    WAITING = "waiting"
    """It failed too often and there was nothing to return to; no run is created until somebody decides."""


class Rule(str, Enum):
    """What may stand in the way of a change."""

    FREEZE = "freeze"
    """Somebody stopped changes."""
    WINDOW = "window"
    """It is not the time for changes."""
    EVIDENCE = "evidence"
    """Something that must be found of the version is not found, failed or expired."""
    APPROVALS = "approvals"
    """Too few people agreed."""
    SOAK = "soak"
    """The runs of the version do not meet the criteria, or not yet."""
    RAMP = "ramp"
    """The version did not pass a ramp with the steps that are asked for."""
    CANARY = "canary"
    """Canary runs would be kept apart from live ones less than they must be."""
