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
"""
Dags that got no run a moment ago, because their version fails too often.

Airflow catches exceptions from creating scheduled runs, so the scheduler's pending work is kept here, in its process.
If it dies, the next scheduler finds the same.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

_to_roll_back: dict[str, Any] = {}
_waiting: dict[str, UUID | None] = {}


def note_tripped(dag_id: str, tripped: Any) -> None:
    """Note what was found of a version that is to be rolled back."""
    _to_roll_back[dag_id] = tripped


def take_tripped() -> dict[str, Any]:
    """Return what is to be rolled back, once."""
    taken = dict(_to_roll_back)
    for dag_id in taken:
        _to_roll_back.pop(dag_id, None)
    return taken


def note_waiting(dag_id: str, dag_version_id: UUID | None) -> None:
    """Note a Dag that gets no run until somebody decides, and the version that is pinned."""
    _waiting[dag_id] = dag_version_id


def take_waiting() -> dict[str, UUID | None]:
    """Return the Dags that get no run, once."""
    taken = dict(_waiting)
    for dag_id in taken:
        _waiting.pop(dag_id, None)
    return taken
