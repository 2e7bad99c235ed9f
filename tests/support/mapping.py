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
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import State
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

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


def expand(task: Any, run: DagRun, *, session: Session) -> None:
    """
    Expand a mapped task of a run, as the scheduler does.

    One that was expanded already is expanded by a scheduler that read it before.
    """
    known = run.get_task_instances(session=session)
    for ti in known:
        ti.task = task.dag.get_task(ti.task_id)
    found = [ti for ti in known if (ti.task_id, ti.map_index) == (task.task_id, -1)]
    unexpanded = found[0] if found else _read_before(task, run)
    finished = [ti for ti in known if ti.state in State.finished]
    _, _, expanded = run._get_ready_tis([unexpanded], finished, session=session)
    assert expanded


def _read_before(task: Any, run: DagRun) -> TaskInstance:
    ti = TaskInstance(task, run_id=run.run_id, map_index=-1, dag_version_id=run.created_dag_version_id)
    # Not by its constructor, which would add it to the session.
    set_committed_value(ti, "dag_run", run)
    return ti
