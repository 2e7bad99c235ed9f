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
"""What a listener is told: plain values, without a database session behind them."""

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
    """What the change did. It is a string too: ``event.kind == "rolled_back"``."""
    revision: int
    """Number of changes of the Dag's pin so far, which puts the events of a Dag in order."""
    from_version: EventVersion | None
    """What was active before."""
    to_version: EventVersion | None
    """What the change is about: the version that became active, or was tried, rejected or restored."""
    actor: str
    actor_kind: CallerKind
    """Whether a user, a command or Airflow itself made the change."""
    source: Mapping[str, Any] | None
    """Where the request came from, such as Dag, run and task ids."""
    reason: str
    override_reason: str | None
    """Why a hold or a rejection was passed over."""
    evidence: Mapping[str, Any]
    """Facts that led to the change."""
    release_id: str | None
    """The release that the change is part of."""
    at: datetime
    """When the change was made."""
