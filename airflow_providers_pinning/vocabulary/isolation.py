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
"""How canary runs are isolated from live runs."""

from __future__ import annotations

from enum import Enum


class Assets(str, Enum):
    """What happens to the asset events of a canary run."""

    WITHHOLD = "withhold"
    """Nothing is published; the events are recorded with the run as evidence."""
    PUBLISH = "publish"
    """They are published like those of live runs, and trigger consumers."""


class Alerts(str, Enum):
    """What happens to the deadlines, callbacks and emails of a canary run."""

    WITHHOLD = "withhold"
    """Nothing is sent; they are recorded with the run as evidence."""
    SEND = "send"
    """They are handled like those of live runs."""


class StateWrites(str, Enum):
    """What happens to writes of a canary run to Variables and asset state."""

    WITHHOLD = "withhold"
    """They stay inside the run, which can read them back, and are recorded as evidence."""
    WRITE = "write"
    """They are written and visible to live runs."""


class Triggers(str, Enum):
    """What happens if a task of a canary run triggers a Dag run."""

    REFUSE = "refuse"
    """The task fails with an explanation."""
    ALLOW = "allow"
    """It creates a live run."""


class Slots(str, Enum):
    """When a canary run may start, and what happens if a live run falls due meanwhile."""

    BEHIND = "behind"
    """It starts when no live run is waiting; live runs ignore it."""
    GAP = "gap"
    """It starts when no live run is active and the next one is far enough away, and is stopped if one falls due."""
    SHARED = "shared"
    """It counts as a live run: both wait for each other."""
