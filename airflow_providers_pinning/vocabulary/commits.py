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
"""What a commit means for a Dag and its files."""

from __future__ import annotations

from enum import Enum


class Registration(str, Enum):
    """Registration of a commit for one Dag."""

    UNSEEN = "unseen"
    """No dag processor has seen the commit, or it is not a commit of the Dag's bundle."""
    WAITING = "waiting"
    """A dag processor has the commit, but has not parsed the Dag file since."""
    REGISTERED = "registered"
    """The Dag had a version at the commit."""
    BROKEN = "broken"
    """The Dag file has an import error at the commit, so no version will be registered; a later commit may fix it."""
    OVERTAKEN = "overtaken"
    """A later commit overtook it before the Dag file was parsed, or changed the Dag and rewrote its version."""
    ABSENT = "absent"
    """Every file was parsed at the commit, and none defines the Dag."""


class Role(str, Enum):
    """How a changed file relates to the Dag."""

    DAG = "dag"
    """The Dag file itself, or a file that it imports."""
    UNKNOWN = "unknown"
    """It is unknown whether the file matters, so it counts."""


class FileKind(str, Enum):
    """What happened to a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
