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
"""Ramps: a share of new runs gets another version than the pinned one."""

from __future__ import annotations

from enum import Enum

MAX_RAMP_STEPS = 20
"""Maximum number of steps of a ramp."""


class RampStatus(str, Enum):
    """Status of a ramp."""

    RUNNING = "running"
    """A share of the new runs gets its version."""
    PAUSED = "paused"
    """No new run gets its version until it is resumed."""
    ABORTED = "aborted"
    """It ended; the pin stayed."""
    PROMOTED = "promoted"
    """It ended; its version was pinned."""


class RampAction(str, Enum):
    """Actions on a ramp."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    PROMOTE = "promote"
    """Pin its version now, skipping the remaining steps."""


class RampPromotion(str, Enum):
    """What happens after the last step."""

    AUTOMATIC = "automatic"
    """The version is pinned."""
    MANUAL = "manual"
    """The last step continues until someone promotes or aborts the ramp."""
