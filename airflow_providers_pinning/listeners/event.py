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
"""What a listener receives: plain values without a database session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_providers_pinning.vocabulary import CallerKind, EventKind


@dataclass(frozen=True)
class EventVersion:
    """A Dag version as it was when the change was made."""

    dag_version_id: str
    """Primary key of Airflow's ``dag_version`` row."""
    version_number: int
    """Number that Airflow shows, starting at 1 for each Dag."""
    bundle_name: str | None
    """Dag bundle that the version was parsed from."""
    bundle_version: str | None
    """Version of the bundle, such as a commit."""
    dag_hash: str
    """Hash of the serialized Dag, as Airflow computes it."""
    relative_fileloc: str | None
    """Path of the Dag file inside the bundle."""


@dataclass(frozen=True)
class DagVersionEvent:
    """One change of the history, after its commit."""

    event_id: int
    """Number of the event; the same change always has the same one."""
    dag_id: str
    kind: EventKind
    """Kind of change. It is also a string: ``event.kind == "rolled_back"``."""
    revision: int
    """Number of changes of the Dag's pin so far, which orders the events of a Dag."""
    from_version: EventVersion | None
    """The previously active version."""
    to_version: EventVersion | None
    """The version that became active, or was tried, rejected or restored."""
    actor: str
    actor_kind: CallerKind
    """Whether a user, a command or Airflow itself made the change."""
    source: Mapping[str, Any] | None
    """Source of the request, such as Dag, run and task IDs."""
    reason: str
    override_reason: str | None
    """Reason for overriding a hold or a rejection."""
    evidence: Mapping[str, Any]
    """Data that led to the change."""
    release_id: str | None
    """The release that includes the change."""
    at: datetime
    """When the change was made."""
