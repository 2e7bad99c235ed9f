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
"""Mapped tasks, whose lengths Airflow keeps in another place since 3.4."""

from __future__ import annotations

from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy.orm import Session

from airflow_providers_pinning.patch_points import RELEASE


def push_items(run: DagRun, task_id: str, length: int, *, session: Session) -> None:
    """Note that a task of a run returned so many items."""
    if RELEASE >= (3, 4):
        from airflow.models.xcom import XComModel

        XComModel.set(
            "return_value",
            list(range(length)),
            dag_id=run.dag_id,
            task_id=task_id,
            run_id=run.run_id,
            mapped_length=length,
            session=session,
        )
    else:
        from airflow.models.taskmap import TaskMap

        session.merge(
            TaskMap(dag_id=run.dag_id, task_id=task_id, run_id=run.run_id, map_index=-1, length=length, keys=None)
        )
    session.flush()


def expand(task: Any, run: DagRun, *, session: Session) -> Any:
    """Expand a mapped task of a run, as the scheduler does."""
    if RELEASE < (3, 4):
        from airflow.models.taskmap import TaskMap

        return TaskMap.expand_mapped_task(task, run.run_id, session=session)
    parts = [ti for ti in run.get_task_instances(session=session) if ti.task_id == task.task_id]
    parts[0].task = task
    return parts[0].expand_mapped_task(session=session)
