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
"""Whether a run of a version would have any task, by Airflow's rules for creating runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airflow.serialization.definitions.dag import SerializedDAG

from airflow_providers_pinning.domain.errors import NoTaskError
from airflow_providers_pinning.domain.versions.identity import VersionIdentity


def has_task_at(dag: SerializedDAG, moment: datetime) -> bool:
    """Return whether a run of a logical date would have any task."""
    return any(
        (task.start_date is None or task.start_date <= moment) and (task.end_date is None or moment <= task.end_date)
        for task in dag.tasks
    )


def require_tasks(
    dag: SerializedDAG, version: VersionIdentity, moments: Iterable[datetime], *, replays: bool = False
) -> None:
    """
    Refuse runs if one would have no tasks, because it would succeed without doing anything.

    Airflow leaves out the tasks whose ``start_date`` is after the run's logical date, or whose ``end_date`` is before
    it.

    :param dag: the version's Dag
    :param version: the version
    :param moments: logical dates of the runs
    :param replays: whether the dates are those of live runs, and not the present
    :raises NoTaskError: if a run would have none
    """
    for moment in sorted(set(moments)):
        if not has_task_at(dag, moment):
            raise _no_task(dag, version, moment, f"of {moment.isoformat(timespec='seconds')}" if replays else "now")


def _no_task(dag: SerializedDAG, version: VersionIdentity, moment: datetime, when: str) -> NoTaskError:
    tasks = list(dag.tasks)
    late = [task.start_date for task in tasks if task.start_date and task.start_date > moment]
    over = [task.end_date for task in tasks if task.end_date and task.end_date < moment]
    if not tasks:
        why = "it has no tasks. Add one, and use the resulting version"
    elif len(late) == len(tasks):
        why = (
            f"its first task starts at {min(late).isoformat()} (start_date). Wait until then, or use an earlier "
            "start_date in a new version"
        )
    elif len(over) == len(tasks):
        why = f"its last task ended at {max(over).isoformat()} (end_date). Use a later end_date in a new version"
    else:
        why = "all of its tasks are outside their start_date and end_date. Change the dates in a new version"
    return NoTaskError(
        f"Dag {dag.dag_id!r}, {version.label}, cannot have a canary run {when}: {why}.",
        dag_id=dag.dag_id,
        version_number=version.version_number,
    )
