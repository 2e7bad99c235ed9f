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
"""Criteria for a version, and the verdict."""

from __future__ import annotations

from enum import Enum


class Verdict(str, Enum):
    """Verdict on a version."""

    PROGRESSING = "progressing"
    """Not enough evidence yet."""
    SUCCESSFUL = "successful"
    """Every criterion is met."""
    FAILED = "failed"
    """A limit was exceeded."""
    INCONCLUSIVE = "inconclusive"
    """The time is up, or a comparison is impossible, without a result. This is not a pass."""


class RunKind(str, Enum):
    """Which runs count as evidence."""

    CANARY = "canary"
    """Canary runs: evidence on a candidate."""
    LIVE = "live"
    """
    Live runs: evidence on an active version, for a bake. These are scheduled and asset-triggered runs, and also
    triggered runs if the Dag has no schedule.
    """
    ANY = "any"
    """All runs, including manual runs and backfills."""


class FailedTasks(str, Enum):
    """What a task that failed after its retries means for a successful run."""

    COUNT = "count"
    """The run failed, unless live runs of the active version fail in the same tasks."""
    IGNORE = "ignore"
    """Nothing: the state of the run counts."""
