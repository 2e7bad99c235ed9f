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
"""What of a version's tasks is not apart from live runs, or not as in them, told to who asks for canary runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow.serialization.definitions.dag import SerializedDAG
from pendulum import DateTime

from airflow_providers_pinning.domain.changes.canary_shape import Shape

_WAITING = "ExternalTaskSensor"
"""Type of tasks that wait for a run of another Dag, by the logical date of their own."""


def warn_of_tasks(dag: SerializedDAG, shape: Shape, runs: Mapping[str, DateTime]) -> Iterator[str]:
    """
    Name the tasks for which live ones may wait, and those that may wait in vain.

    :param dag: the version's Dag
    :param shape: what the runs work on
    :param runs: the runs, each with a time that it has to itself
    """
    if limited := sorted(task.task_id for task in dag.tasks if task.max_active_tis_per_dag is not None):
        yield (
            f"max_active_tis_per_dag counts tasks of canary runs and of live runs together, so live ones of these "
            f"tasks may wait: {', '.join(limited)}. Skip them in canary runs if they must not."
        )
    alone = any(
        given.replay_of is None and given.logical_date == runs[run_id] for run_id, given in shape.inputs.items()
    )
    if not (alone and dag.timetable.can_be_scheduled):
        return
    if waiting := sorted(task.task_id for task in dag.tasks if task.task_type == _WAITING):
        yield (
            "The logical date of the runs is a time of their own, at which other Dags have no run, so these tasks will "
            f"wait in vain: {', '.join(waiting)}. Replay live runs instead, or skip them in canary runs."
        )
