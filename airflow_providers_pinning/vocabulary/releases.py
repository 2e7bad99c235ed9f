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
"""How many Dags one request may name."""

MAX_PINS_BYTES = 2**22
"""Bytes of a document of pins."""


class ReleaseAction(str, Enum):
    """What a release does with its Dags."""

    PIN = "pin"
    """They are pinned."""
    UNPIN = "unpin"
    """Their pins are lifted: their latest versions become active."""
    ROLLBACK = "rollback"
    """What an earlier release changed is put back."""
    APPLY = "apply"
    """Pins become what a document says."""


class ReleaseScope(str, Enum):
    """Which Dags of the bundle a release takes, of those that the other conditions leave."""

    CHANGED = "changed"
    """Pinned Dags for which the commit changes something related, compared with what they run now."""
    PINNED = "pinned"
    """Every pinned Dag."""
    ALL = "all"
    """Every Dag, pinned or not."""


class ReleaseOutcome(str, Enum):
    """What a release does, or would do, with one Dag."""

    CHANGED = "changed"
    """Its active version or its pin becomes another."""
    UNCHANGED = "unchanged"
    """It is as asked for already."""
    BLOCKED = "blocked"
    """It cannot be changed, so that no Dag of the release is."""
    LEFT = "left"
    """It is left as it is, as asked for or because the commit does not have it."""


class ReleaseStatus(str, Enum):
    """What became of a release."""

    RELEASED = "released"
    """It stands."""
    ROLLED_BACK = "rolled_back"
    """It was rolled back, as a whole or for those Dags that had not moved since."""
