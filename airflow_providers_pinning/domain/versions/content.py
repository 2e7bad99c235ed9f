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
Store the content of managed versions outside Airflow's rows.

A process without the enforcement can rewrite a managed version in place. With the stored content, the version can be
restored, so a pin does not depend on Airflow's rows.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import cast
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import Insert, Select, Table, bindparam, delete, insert, literal, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import ManagedVersion, VersionContent

KEPT_A_ROUND = 100
"""Number of versions whose content one round of maintenance stores. Each may be large."""

_TABLE = cast("Table", VersionContent.__table__)


def keep_content(dag_version_ids: Collection[UUID], *, session: Session) -> None:
    """Store the content of versions that come under management. The database copies it."""
    session.execute(_keep(), {"version_ids": list(dag_version_ids), "now": timezone.utcnow()})


def keep_missing_content(*, session: Session) -> int:
    """
    Store the content of unchanged managed versions that came under management before content was stored.

    :return: the number of versions
    """
    missing = session.scalars(_missing()).all()
    if missing:
        keep_content(missing, session=session)
    return len(missing)


def drop_content(dag_version_ids: Collection[UUID], *, session: Session) -> None:
    """Delete the content of versions that are no longer managed."""
    session.execute(delete(VersionContent).where(VersionContent.dag_version_id.in_(dag_version_ids)))


@cache
def _keep() -> Insert:
    # Built once, because every version that comes under management uses it.
    stored = (
        select(
            SerializedDagModel.dag_version_id,
            SerializedDagModel.dag_id,
            SerializedDagModel.dag_hash,
            SerializedDagModel._data,
            SerializedDagModel._data_compressed,
            DagCode.fileloc,
            DagCode.source_code,
            DagCode.source_code_hash,
            bindparam("now", type_=VersionContent.created_at.type),
        )
        .join(DagCode, DagCode.dag_version_id == SerializedDagModel.dag_version_id)
        .where(
            SerializedDagModel.dag_version_id.in_(bindparam("version_ids", expanding=True)),
            ~select(literal(1))
            .where(VersionContent.dag_version_id == SerializedDagModel.dag_version_id)
            .correlate(SerializedDagModel)
            .exists(),
        )
    )
    return insert(_TABLE).from_select(
        [
            _TABLE.c.dag_version_id,
            _TABLE.c.dag_id,
            _TABLE.c.dag_hash,
            _TABLE.c.data,
            _TABLE.c.data_compressed,
            _TABLE.c.fileloc,
            _TABLE.c.source_code,
            _TABLE.c.source_code_hash,
            _TABLE.c.created_at,
        ],
        stored,
        include_defaults=False,
    )


@cache
def _missing() -> Select:
    kept = (
        select(literal(1))
        .where(VersionContent.dag_version_id == ManagedVersion.dag_version_id)
        .correlate(ManagedVersion)
        .exists()
    )
    return (
        select(ManagedVersion.dag_version_id)
        .join(DagVersion, DagVersion.id == ManagedVersion.dag_version_id)
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == ManagedVersion.dag_version_id)
        .join(DagCode, DagCode.dag_version_id == ManagedVersion.dag_version_id)
        .where(
            ~kept,
            SerializedDagModel.dag_hash == ManagedVersion.dag_hash,
            DagVersion.bundle_name == ManagedVersion.bundle_name,
            DagVersion.bundle_version == ManagedVersion.bundle_version,
        )
        .limit(KEPT_A_ROUND)
    )
