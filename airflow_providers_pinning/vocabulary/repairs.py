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
"""What becomes of the runs of a version that is rolled back."""

from __future__ import annotations

from enum import Enum


class UnfinishedRuns(str, Enum):
    """What becomes of the unfinished runs of a version that is rolled back."""

    KEEP = "keep"
    """They go on."""
    CANCEL = "cancel"
    """They are stopped, and end as failed."""


class FinishedRuns(str, Enum):
    """What becomes of the finished runs of a version that is rolled back."""

    KEEP = "keep"
    """They stay as they are."""
    RERUN = "rerun"
    """They are cleared, and run on the version that is active then."""


class RunBlock(str, Enum):
    """Why a run cannot be repaired."""

    TASKS_RUNNING = "tasks_running"
    """It is finished, but one of its tasks is still queued or running."""
    UNFINISHED = "unfinished"
    """It is queued or running, and unfinished runs are kept."""
    DELETED = "deleted"
    """There is no such run any more."""
    OTHER_VERSION = "other_version"
    """It is a run of another version."""
    CANARY = "canary"
    """It is a canary run, which keeps its version."""
    NO_TASKS = "no_tasks"
    """It is finished and has no tasks, so there is nothing to run again."""
    CHANGED = "changed"
    """Someone cleared or ended it while the repair was under way."""
    SUPERSEDED = "superseded"
    """Another change of the active version came before its turn."""
    BEFORE = "before"
    """It is from before the time that the repair is about."""
