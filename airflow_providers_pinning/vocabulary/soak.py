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
"""What a version is judged by, and the verdict on it."""

from __future__ import annotations

from enum import Enum


class Verdict(str, Enum):
    """What the evidence says of a version."""

    PROGRESSING = "progressing"
    """Not enough yet; go on."""
    SUCCESSFUL = "successful"
    """Every criterion is met."""
    FAILED = "failed"
    """A limit is exceeded."""
    INCONCLUSIVE = "inconclusive"
    """The time is over, or a comparison is impossible, without an answer. It is not a pass."""


class RunKind(str, Enum):
    """Which runs count as evidence."""

    CANARY = "canary"
    """Canary runs: evidence on a candidate."""
    LIVE = "live"
    """
    What the Dag's live runs are: evidence on a version that is active, as a bake needs it.

    That is scheduled and asset-triggered runs, and triggered ones too if the Dag has no schedule.
    """
    ANY = "any"
    """Every run, manual ones and backfills too."""


class FailedTasks(str, Enum):
    """What it means that a task failed after its retries in a run that ended well."""

    COUNT = "count"
    """The run failed, unless the active version's live runs fail in the same tasks."""
    IGNORE = "ignore"
    """Nothing: the run counts as what it ended as."""
