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
"""What happens to the runs of a version that is rolled back."""

from __future__ import annotations

from enum import Enum


class UnfinishedRuns(str, Enum):
    """What happens to the unfinished runs of a version that is rolled back."""

    KEEP = "keep"
    """They continue."""
    CANCEL = "cancel"
    """They are stopped and marked as failed."""


class FinishedRuns(str, Enum):
    """What happens to the finished runs of a version that is rolled back."""

    KEEP = "keep"
    """They stay as they are."""
    RERUN = "rerun"
    """They are cleared, and run with the version that is active then."""


class RunBlock(str, Enum):
    """Why a run cannot be repaired."""

    TASKS_RUNNING = "tasks_running"
    """It is finished, but one of its tasks is still queued or running."""
    UNFINISHED = "unfinished"
    """It is queued or running, and unfinished runs are kept."""
    DELETED = "deleted"
    """The run does not exist."""
    OTHER_VERSION = "other_version"
    """It uses another version."""
    CANARY = "canary"
    """It is a canary run, which keeps its version."""
    NO_TASKS = "no_tasks"
    """It is finished and has no tasks to rerun."""
    CHANGED = "changed"
    """Someone cleared or ended it during the repair."""
    SUPERSEDED = "superseded"
    """The active version changed again before the run was repaired."""
    BEFORE = "before"
    """It was created before the start of the repair period."""
