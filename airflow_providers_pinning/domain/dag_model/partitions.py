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
"""Pending partitions that stock Airflow drops when a Dag's partition mapping changes."""

from __future__ import annotations

from airflow.models.asset import AssetPartitionDagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.timetables.base import compute_rollup_fingerprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity


def warn_of_dropped_partitions(dag_id: str, version: VersionIdentity, *, session: Session) -> tuple[str, ...]:
    """
    Say how many pending partitions the scheduler will drop once the version is active.

    Rows of partly arrived partitions carry a fingerprint of the mapping they were collected under. The
    scheduler deletes those whose fingerprint is not the active version's, because they could never fire.
    """
    fingerprints = session.scalars(
        select(AssetPartitionDagRun.rollup_fingerprint).where(
            AssetPartitionDagRun.target_dag_id == dag_id, AssetPartitionDagRun.created_dag_run_id.is_(None)
        )
    ).all()
    if not fingerprints:
        return ()
    serialized = session.scalar(
        select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.dag_version_id)
    )
    fingerprint = compute_rollup_fingerprint(serialized.dag.timetable) if serialized else None
    dropped = sum(pending != fingerprint for pending in fingerprints)
    if not dropped:
        return ()
    return (
        f"{plural(dropped, 'pending partition was', 'pending partitions were')} collected under another partition "
        f"mapping than that of version {version.version_number}; the scheduler drops "
        f"{'it' if dropped == 1 else 'them'}. Materialize the assets again if needed.",
    )
