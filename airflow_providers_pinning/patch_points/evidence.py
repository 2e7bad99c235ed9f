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
"""Evidence of canary runs."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EXPERIMENTS, Change, Component, How, PatchPoint

TITLE = "Evidence"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.update_state",
        parameters=("self", "session", "execute_callbacks"),
        patched_by="canaries.outcomes:update_state",
        stock="ends a run, and stores only its current state",
        why="a verdict that reads it could be changed by clearing or deleting the run",
        shown_by="tests/unit/enforcement/canaries/test_outcomes.py",
        needed_by=(Component.SCHEDULER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._schedule_dag_run",
        parameters=("self", "dag_run", "session"),
        patched_by="canaries.outcomes:schedule_dag_run",
        stock="fails a run that timed out without deciding it",
        why="the outcome of a canary run that timed out would not be recorded",
        shown_by="tests/unit/enforcement/canaries/test_outcomes.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("update_state", "dagrun_timeout"),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api.common.mark_tasks",
        name="set_state",
        parameters=("tasks", "run_id", "upstream", "downstream", "future", "past", "state", "commit", "session"),
        patched_by="canaries.alterations:set_state",
        stock="sets the state of tasks and forgets the old one",
        why="a user could turn a failed canary run into a successful one",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("get_run_ids",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api.common.mark_tasks",
        name="get_run_ids",
        parameters=("dag", "run_id", "future", "past", "session"),
        patched_by="canaries.alterations:get_run_ids",
        stock="finds the runs whose tasks will be set",
        why="failures of canary runs must be read before they are overwritten",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api.common.mark_tasks",
        name="_set_dag_run_terminal_state",
        parameters=("dag", "run_id", "run_state", "ti_state", "commit", "session"),
        patched_by="canaries.alterations:set_dag_run_terminal_state",
        stock="ends a run by hand, with its tasks",
        why="a user could turn a hanging canary run into a successful one",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("_set_dag_run_state",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api.common.mark_tasks",
        name="_set_dag_run_state",
        parameters=("dag_id", "run_id", "state", "session"),
        patched_by="canaries.alterations:set_dag_run_state",
        stock="sets the state of a run",
        why="a user could turn a failed canary run into a successful one",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="clear_task_instances",
        parameters=("tis", "session", "dag_run_state", "run_on_latest_version", "prevent_running_task"),
        patched_by="canaries.alterations:clear_task_instances",
        stock="clears tasks and forgets their state",
        why="the failure of a canary run would be lost",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    "tis",
                    "session",
                    "dag_run_state",
                    "run_on_latest_version",
                    "prevent_running_task",
                    "whole_task_keys",
                    "superseded_ti_ids",
                ),
                returns="list[TaskInstance]",
            ),
        ),
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="TaskInstance",
        parameters=(),
        patched_by="canaries.alterations:listen_to_task_instances",
        stock="deletes task instances",
        why="the failure of a canary run would be lost",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
        how=How.MODULE,
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="TaskInstance.delete_attempts",
        parameters=("cls", "dag_id", "run_id", "task_id", "map_index", "region_id", "session"),
        patched_by="canaries.alterations:delete_attempts",
        stock="deletes every try of a task with a statement",
        why="the failure of a canary run would be lost, and no listener sees the statement",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
        since=(3, 4),
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun",
        parameters=(),
        patched_by="canaries.alterations:listen_to_runs",
        stock="deletes runs",
        why="the failure of a canary run would be lost",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
        how=How.MODULE,
    ),
    PatchPoint(
        module="airflow.api_fastapi.core_api.security",
        name="resolve_user_from_token",
        parameters=("token_str",),
        patched_by="canaries.alterations:resolve_user_from_token",
        stock="authenticates the user, whom the functions above do not know",
        why="the record of an alteration needs the name",
        shown_by="tests/unit/enforcement/canaries/test_alterations.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("get_user_from_token",),
        upstream=EXPERIMENTS,
    ),
)
