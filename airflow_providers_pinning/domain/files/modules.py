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
"""The modules of its bundle that a Dag file imported when it was parsed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from airflow._shared.timezones import timezone
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import DagModules


def recorded_modules(dag_ids: Collection[str], *, session: Session) -> dict[str, tuple[str, ...]]:
    """Return the recorded modules of Dags."""
    rows = session.execute(select(DagModules.dag_id, DagModules.modules).where(DagModules.dag_id.in_(dag_ids)))
    return {row.dag_id: tuple(row.modules) for row in rows}


def record_modules(dag_ids: Collection[str], modules: Sequence[str], *, session: Session) -> None:
    """
    Record the modules that a file imported.

    :param dag_ids: the Dags of the file
    :param modules: sorted paths inside the bundle
    :param session: database session; the caller commits
    """
    session.execute(
        delete(DagModules).where(DagModules.dag_id.in_(dag_ids)).execution_options(synchronize_session=False)
    )
    now = timezone.utcnow()
    session.add_all(DagModules(dag_id=dag_id, modules=list(modules), recorded_at=now) for dag_id in sorted(dag_ids))
