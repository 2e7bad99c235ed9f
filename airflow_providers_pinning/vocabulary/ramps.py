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
"""Ramps: a share of new runs has another version than the pinned one."""

from __future__ import annotations

from enum import Enum

MAX_RAMP_STEPS = 20
"""How many steps a ramp has at most."""


class RampStatus(str, Enum):
    """What a ramp is doing, or how it ended."""

    RUNNING = "running"
    """Some of the new runs have its version."""
    PAUSED = "paused"
    """No new run has its version until it is resumed."""
    ABORTED = "aborted"
    """It ended, and the pinned version stayed."""
    PROMOTED = "promoted"
    """It ended, and its version was pinned."""


class RampAction(str, Enum):
    """What can be done with a ramp."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    PROMOTE = "promote"
    """Pin its version now, whatever steps are left."""


class RampPromotion(str, Enum):
    """What happens after the last step."""

    AUTOMATIC = "automatic"
    """The version is pinned."""
    MANUAL = "manual"
    """The last step goes on until someone promotes or aborts."""
