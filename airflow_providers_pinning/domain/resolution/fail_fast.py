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
"""Whether a run stops at its first failure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from sqlalchemy import BindParameter, Select, bindparam, case, literal, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.resolution.active import is_active
from airflow_providers_pinning.models import ManagedVersion


@dataclass(frozen=True)
class FailFast:
    """The setting in ``DagModel``, which describes the active version."""

    fail_fast: bool
    holds_for_run: bool
    """Whether it also applies to the run. It does not if versions are managed and the run has another one."""


def read_fail_fast(dag_id: str, run_version_id: UUID | None, *, session: Session) -> FailFast:
    """
    Read the setting in ``DagModel``, and whether it applies to a run, with one statement.

    :param dag_id: the Dag
    :param run_version_id: the version that the run was created with
    :param session: database session
    """
    row = session.execute(_fail_fast(), {"dag_id": dag_id}).one_or_none()
    if row is None:
        return FailFast(fail_fast=False, holds_for_run=True)
    follows_dag = not row.is_managed or run_version_id is None or run_version_id == row.active_id
    return FailFast(fail_fast=bool(row.fail_fast), holds_for_run=follows_dag)


@cache
def _fail_fast() -> Select:
    # Built once, because it is used for each failed task.
    dag_id: BindParameter[str] = bindparam("dag_id")
    is_managed = select(literal(1)).where(ManagedVersion.dag_id == dag_id).exists()
    active_id = (
        select(DagVersion.id)
        .where(DagVersion.dag_id == dag_id, is_active(DagVersion, dag_ids=[dag_id]))
        .order_by(DagVersion.version_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        DagModel.fail_fast, is_managed.label("is_managed"), case((is_managed, active_id)).label("active_id")
    ).where(DagModel.dag_id == dag_id)
