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
Remember Dags that just got no run, because their version fails too often.

Airflow catches exceptions from creating scheduled runs, so the work that follows is kept here, in the scheduler's
process. If that dies, the next scheduler finds the same.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

_to_roll_back: dict[str, Any] = {}
_waiting: dict[str, UUID | None] = {}


def note_tripped(dag_id: str, tripped: Any) -> None:
    """Remember a version to roll back."""
    _to_roll_back[dag_id] = tripped


def take_tripped() -> dict[str, Any]:
    """Return the versions to roll back, and forget them."""
    taken = dict(_to_roll_back)
    for dag_id in taken:
        _to_roll_back.pop(dag_id, None)
    return taken


def note_waiting(dag_id: str, dag_version_id: UUID | None) -> None:
    """Remember a Dag that gets no runs until a user decides, and its pinned version."""
    _waiting[dag_id] = dag_version_id


def take_waiting() -> dict[str, UUID | None]:
    """Return the Dags that get no runs, and forget them."""
    taken = dict(_waiting)
    for dag_id in taken:
        _waiting.pop(dag_id, None)
    return taken
