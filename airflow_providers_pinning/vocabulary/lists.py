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
"""How lists are sorted, and what an inbox counts."""

from __future__ import annotations

from enum import Enum


class PinOrder(str, Enum):
    """Sort order of pins; ties are sorted by Dag ID."""

    DAG_ID = "dag_id"
    VERSIONS_BEHIND = "versions_behind"
    PINNED_AT = "pinned_at"
    ACTOR = "actor"
    FAILED_RUNS = "failed_runs"


class InboxReason(str, Enum):
    """Why a pinned Dag wants attention; each is also a filter of the list of pins."""

    FAILING = "failing"
    """Its newest finished run since the pin failed."""
    UNHEALTHY = "unhealthy"
    """Its pin is not enforced, or needs attention."""
    WAITING = "waiting"
    """A candidate that is newer than the active version waits for a decision."""
    UNAPPROVED = "unapproved"
    """A version waits for an approval that its release policies, or a task, ask for."""
    HELD = "held"
    """It is on hold."""
    SCHEDULED = "scheduled"
    """A change takes effect later."""
