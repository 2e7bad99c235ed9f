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
"""The replays of a version, each with its original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.determinism import baselines, without_chance
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import RoutedRun

INTERNAL = frozenset({"counted", "original_dag_version_id", "timed"})
"""Stored values of a comparison that are only used internally."""


@dataclass(frozen=True)
class Pair:
    """A replay and its original."""

    run_id: str
    state: str | None
    """Final state of the replay; ``None`` until it has finished."""
    counts_as: str | None
    seconds: float | None
    original_run_id: str
    baseline_run_id: str | None
    """ID of the active version's replay of the same original."""
    comparison: Mapping[str, Any]
    """Result of the comparison when the replay finished, see ``domain.canaries.comparison``; empty until then."""


def list_pairs(
    dag_id: str, version: VersionIdentity, *, limit: int, offset: int, session: Session
) -> tuple[list[Pair], int]:
    """Return the replays of a version, newest first, and how many there are."""
    of_version = (
        RoutedRun.dag_id == dag_id,
        RoutedRun.dag_version_id == version.dag_version_id,
        RoutedRun.replay_of.is_not(None),
    )
    total = session.scalar(select(func.count()).select_from(RoutedRun).where(*of_version)) or 0
    newest = (
        select(RoutedRun)
        .where(*of_version)
        .order_by(RoutedRun.created_at.desc(), RoutedRun.run_id.desc())
        .limit(limit)
        .offset(offset)
    )
    listed = list(session.scalars(newest))
    by_active = baselines(dag_id, {run.baseline_run_id for run in listed if run.baseline_run_id}, session=session)
    return [
        Pair(
            run.run_id,
            run.state,
            run.counts_as,
            run.active_seconds,
            run.replay_of or "",
            run.baseline_run_id,
            without_chance((run.outcome or {}).get("replay") or {}, by_active.get(run.baseline_run_id or "")),
        )
        for run in listed
    ], total
