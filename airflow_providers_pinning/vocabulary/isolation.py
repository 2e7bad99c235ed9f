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
"""How canary runs are kept apart from live ones."""

from __future__ import annotations

from enum import Enum


class Assets(str, Enum):
    """What becomes of the asset events of a canary run."""

    WITHHOLD = "withhold"
    """It does not happen, and is kept with the run as evidence."""
    PUBLISH = "publish"
    """They are events like those of live runs: consumers run on them."""


class Alerts(str, Enum):
    """What becomes of the deadlines, callbacks and e-mails of a canary run."""

    WITHHOLD = "withhold"
    """It does not happen, and is kept with the run as evidence."""
    SEND = "send"
    """They are handled like those of live runs."""


class StateWrites(str, Enum):
    """What becomes of what a canary run writes to Variables and to the state of assets."""

    WITHHOLD = "withhold"
    """It stays inside the run, which reads back what it wrote, and is kept as evidence."""
    WRITE = "write"
    """It is written as by live runs, which read it."""


class Triggers(str, Enum):
    """What becomes of the runs that tasks of a canary run trigger."""

    REFUSE = "refuse"
    """The task fails, with a message that says why."""
    ALLOW = "allow"
    """They are live runs."""


class Slots(str, Enum):
    """When a canary run may start and what a live run does that falls due meanwhile."""

    BEHIND = "behind"
    """It starts when no live run waits, and live runs take no notice of it."""
    GAP = "gap"
    """It starts when no live run is active and the next one is far enough away, and is ended if one falls due."""
    SHARED = "shared"
    """It counts as a live run: it waits as they do, and they wait for it."""
