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
Find versions that equal a rejected one, which comes back with a new number when a commit changes something else.

A hash does not cover the code of tasks, so the source of the file is compared too. Imported modules are not compared,
so a version that equals a rejected one may still be its fix: this is a warning, not a refusal.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion


@dataclass(frozen=True)
class RejectedEqual:
    """The newest older, rejected version with the same hash and file."""

    version_number: int
    reason: str


def rejected_equals(dag_version_ids: Collection[UUID], *, session: Session) -> dict[UUID, RejectedEqual]:
    """Find the rejected version that each of the versions equals, with one statement."""
    rows = session.execute(_equals_select(), {"dag_version_ids": list(dag_version_ids)})
    return {row.id: RejectedEqual(row.version_number, row.state_reason or "no reason given") for row in rows}


def warn_of_rejected_equal(version: VersionIdentity, *, session: Session) -> tuple[str, ...]:
    """Warn if a version equals a rejected one."""
    return warn_of_rejected_equals([version], session=session).get(version.dag_version_id, ())


def warn_of_rejected_equals(versions: Collection[VersionIdentity], *, session: Session) -> dict[UUID, tuple[str, ...]]:
    """Warn about versions that equal rejected ones, by version ID."""
    equals = rejected_equals([version.dag_version_id for version in versions], session=session)
    return {
        version.dag_version_id: _warning(version, equals[version.dag_version_id])
        for version in versions
        if version.dag_version_id in equals
    }


def _warning(version: VersionIdentity, equal: RejectedEqual) -> tuple[str, ...]:
    return (
        f"Version {version.version_number} equals version {equal.version_number}, which was rejected: "
        f"{equal.reason.rstrip('.')}. The Dag and its file are identical; only imported modules may differ.",
    )


@cache
def _equals_select() -> Select:
    # Built once, because every change of a pin uses it, and so do lists of versions.
    code, serialized = aliased(DagCode), aliased(SerializedDagModel)
    rejected_code = aliased(DagCode)
    return (
        select(DagVersion.id, ManagedVersion.version_number, ManagedVersion.state_reason)
        .join(serialized, serialized.dag_version_id == DagVersion.id)
        .join(code, code.dag_version_id == DagVersion.id)
        .join(
            ManagedVersion,
            and_(
                ManagedVersion.dag_id == DagVersion.dag_id,
                ManagedVersion.state == VersionState.REJECTED.value,
                ManagedVersion.version_number < DagVersion.version_number,
                ManagedVersion.dag_hash == serialized.dag_hash,
            ),
        )
        .join(
            rejected_code,
            and_(
                rejected_code.dag_version_id == ManagedVersion.dag_version_id,
                rejected_code.source_code_hash == code.source_code_hash,
            ),
        )
        .where(DagVersion.id.in_(bindparam("dag_version_ids", expanding=True)))
        # The last rejection of a version wins.
        .order_by(ManagedVersion.version_number)
    )
