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
"""Signs of workers without the package. Workers have no database connection, so there is no direct way to tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from airflow._shared.timezones import timezone
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskreschedule import TaskReschedule
from airflow.utils.session import create_session
from sqlalchemy import func, select

from airflow_providers_pinning.cli.findings import Finding, ok, warning

OPERATORS = (
    "PinDagVersionOperator",
    "UnpinDagVersionOperator",
    "RollbackDagVersionOperator",
    "RejectDagVersionOperator",
    "TriggerCanaryRunOperator",
)
"""Operators that never reschedule themselves: only a worker that cannot import the Dag file reschedules them."""

RECENT = timedelta(days=1)
"""How far back to look."""


def check_workers() -> Iterator[Finding]:
    """Find workers that silently rescheduled tasks of this package because they could not start them."""
    with create_session(scoped=False) as session:
        rows = session.execute(
            select(TaskInstance.hostname, TaskInstance.dag_id, func.count().label("tasks"))
            .join(TaskReschedule, TaskReschedule.ti_id == TaskInstance.id)
            .where(
                TaskInstance.operator.in_(OPERATORS),
                TaskReschedule.start_date > timezone.utcnow() - RECENT,
            )
            .group_by(TaskInstance.hostname, TaskInstance.dag_id)
            .order_by(TaskInstance.hostname, TaskInstance.dag_id)
        ).all()
    if not rows:
        yield ok("workers", "none reported an import failure for tasks of this package")
    for row in rows:
        yield warning(
            "workers",
            f"tasks of Dag {row.dag_id!r} were put off {row.tasks} times on {row.hostname or 'an unknown host'}, as "
            "happens where the Dag's file cannot be imported",
            "Install airflow-providers-pinning on that worker and restart it; `airflow pinning doctor` there "
            "shows what is missing.",
        )
