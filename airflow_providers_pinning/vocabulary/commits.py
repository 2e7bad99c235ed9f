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
"""What a commit means for a Dag, and for its files."""

from __future__ import annotations

from enum import Enum


class Registration(str, Enum):
    """How far a commit got for one Dag."""

    UNSEEN = "unseen"
    """No dag processor has had the commit, or it is no commit of the Dag's bundle."""
    WAITING = "waiting"
    """A dag processor has the commit, and has not parsed the Dag's file since."""
    REGISTERED = "registered"
    """A version of the Dag was current at the commit."""
    BROKEN = "broken"
    """The Dag's file has an import error there, so no version can come of it; a later commit may fix it."""
    OVERTAKEN = "overtaken"
    """A later commit came before the Dag's file was parsed, or changed the Dag and rewrote its version."""
    ABSENT = "absent"
    """Every file was parsed at the commit, and none defines the Dag."""


class Role(str, Enum):
    """What a changed file is to the Dag."""

    DAG = "dag"
    """The Dag is made of it: it is its file, or imported."""
    UNKNOWN = "unknown"
    """Nobody knows whether it matters, so that it counts."""


class FileKind(str, Enum):
    """What happened to a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
