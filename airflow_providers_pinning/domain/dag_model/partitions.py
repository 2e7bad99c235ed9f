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
"""Pending partitions that Airflow drops when a Dag's partition mapping changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from airflow.models.asset import AssetPartitionDagRun
from airflow.timetables.base import compute_rollup_fingerprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
from airflow_providers_pinning.domain.text import plural


def warn_all_of_dropped_partitions(
    versions: Mapping[str, tuple[int, ActiveVersion]], *, session: Session
) -> dict[str, tuple[str, ...]]:
    """
    Warn, by Dag, how many pending partitions the scheduler will drop once versions are active, with one statement.

    Rows of incomplete partitions carry a fingerprint of the mapping they were collected under. The
    scheduler deletes those whose fingerprint is not the active version's, because they could never fire.

    :param versions: the number of the version and the version, by Dag
    :param session: database session
    """
    pending = _pending(list(versions), session=session) if versions else {}
    return {
        dag_id: _warnings(number, compute_rollup_fingerprint(version.timetable), pending[dag_id])
        for dag_id, (number, version) in versions.items()
        if dag_id in pending
    }


def _pending(dag_ids: list[str], *, session: Session) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    rows = session.execute(
        select(AssetPartitionDagRun.target_dag_id, AssetPartitionDagRun.rollup_fingerprint).where(
            AssetPartitionDagRun.target_dag_id.in_(dag_ids), AssetPartitionDagRun.created_dag_run_id.is_(None)
        )
    )
    for row in rows:
        found[row.target_dag_id].append(row.rollup_fingerprint)
    return found


def _warnings(number: int, fingerprint: Any, fingerprints: list[Any]) -> tuple[str, ...]:
    dropped = sum(pending != fingerprint for pending in fingerprints)
    if not dropped:
        return ()
    return (
        f"{plural(dropped, 'pending partition was', 'pending partitions were')} collected under another partition "
        f"mapping than that of version {number}; the scheduler drops {'it' if dropped == 1 else 'them'}. Materialize "
        "the assets again if needed.",
    )
