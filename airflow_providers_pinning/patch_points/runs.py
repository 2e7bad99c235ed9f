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
"""Which version a run keeps."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EVERY, SELECTABLE, Change, Component, PatchPoint

TITLE = "Which version a run keeps"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.dagbag",
        name="DBDagBag._read_dag",
        parameters=("self", "serdag"),
        patched_by=None,
        stock="reads the Dag of the version whose pin is held",
    ),
    PatchPoint(
        module="airflow.models.dagbag",
        name="DBDagBag._version_from_dag_run",
        parameters=("dag_run", "session"),
        patched_by="runs.version:version_from_dag_run",
        stock="uses the latest version for a run without a bundle version",
        why="a run created before a pin would change its tasks halfway",
        shown_by="tests/unit/enforcement/runs/test_version.py",
        needed_by=EVERY,
        relies_on=("get_latest_version",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.dagbag",
        name="DBDagBag.get_latest_version_of_dag",
        parameters=("self", "dag_id", "session"),
        patched_by="runs.version:get_latest_version_of_dag",
        stock="looks up the latest version again",
        why="clearing with the latest version would mix two versions in a run if a pin moves meanwhile",
        shown_by="tests/unit/enforcement/runs/test_version.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("_read_dag",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._verify_integrity_if_dag_changed",
        parameters=("self", "dag_run", "session"),
        patched_by="scheduler.dag_runs:verify_integrity_if_dag_changed",
        stock="moves unfinished tasks of a run without a bundle version to the latest version",
        why="a pin would move runs created before it",
        shown_by="tests/unit/enforcement/scheduler/test_dag_runs.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("get_latest_version",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._do_scheduling",
        parameters=("self", "session"),
        patched_by="scheduler.pending_changes:do_scheduling",
        stock="runs the loop, starting with the search for due runs",
        why="pending changes must take effect before that, and nothing else runs at their time",
        shown_by="tests/unit/enforcement/scheduler/test_pending_changes.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("_create_dagruns_for_dags", "prohibit_commit"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun._get_ready_tis",
        parameters=("self", "schedulable_tis", "finished_tis", "session"),
        patched_by="runs.version:get_ready_tis",
        stock="expands mapped tasks with the latest version if their original row was deleted",
        why="they would have another version than their run",
        shown_by="tests/unit/enforcement/runs/test_version.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("expand_mapped_task",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="clear_task_instances",
        parameters=("tis", "session", "dag_run_state", "run_on_latest_version", "prevent_running_task"),
        patched_by="runs.version:hold_pins",
        stock="looks up the latest version for each task instance, for the run and for the bundle",
        why="a pin that moves in between would mix two versions in a run",
        shown_by="tests/unit/enforcement/runs/test_version.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("run_on_latest_version", "get_latest_version"),
        upstream=SELECTABLE,
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
        name="_get_new_task_ids",
        parameters=("dag_id", "run_id", "session"),
        patched_by="runs.version:hold_pins",
        stock="looks up the latest version before moving the run to it",
        why="a pin that moves in between would mix two versions in a run",
        shown_by="tests/unit/enforcement/runs/test_version.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("get_latest_version_of_dag",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._executable_task_instances_to_queued",
        parameters=("self", "max_tis", "session"),
        patched_by="runs.workloads:executable_task_instances_to_queued",
        stock="reads `DagModel` with each task that it sends to an executor",
        why="the same statement must tell which version the row describes",
        shown_by="tests/unit/enforcement/runs/test_workloads.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("dag_model",),
        upstream=SELECTABLE,
        changes=(
            Change(
                since=(3, 4),
                name="SchedulerJobRunner._select_task_instances_to_queue",
                parameters=("self", "max_tis", "pools", "starved_pools", "session"),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.executors.workloads.task",
        name="ExecuteTask.make",
        parameters=("cls", "ti", "dag_rel_path", "generator", "bundle_info", "sentry_integration"),
        patched_by="runs.workloads:make_task",
        stock="takes the bundle and the file path from `DagModel`",
        why="a run of another version would look for a file in the wrong code",
        shown_by="tests/unit/enforcement/runs/test_workloads.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("dag_model", "relative_fileloc", "bundle_name"),
        upstream=SELECTABLE,
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    "cls",
                    "ti",
                    "dag_rel_path",
                    "generator",
                    "bundle_info",
                    "sentry_integration",
                    "log_context",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.executors.workloads.callback",
        name="ExecuteCallback.make",
        parameters=("cls", "callback", "dag_run", "dag_rel_path", "generator", "bundle_info"),
        patched_by="runs.workloads:make_callback",
        stock="takes the bundle and the file path from `DagModel`",
        why="a run of another version would look for a file in the wrong code",
        shown_by="tests/unit/enforcement/runs/test_workloads.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("dag_model", "relative_fileloc", "bundle_name"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.callbacks.database_callback_sink",
        name="DatabaseCallbackSink.send",
        parameters=("self", "callback", "session"),
        patched_by="runs.workloads:send",
        stock="sends a request with the path from `DagModel`",
        why="the callback of another version would not find its file",
        shown_by="tests/unit/enforcement/runs/test_workloads.py",
        needed_by=(Component.SCHEDULER, Component.TRIGGERER),
        relies_on=("DbCallbackRequest",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="_stop_remaining_tasks",
        parameters=("task_instance", "task_teardown_map", "session"),
        patched_by=None,
        stock="stops the remaining tasks of a run that is fail-fast",
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="_handle_fail_fast_for_dag",
        parameters=("ti", "dag_id", "session", "dag_bag"),
        patched_by="runs.fail_fast:handle_fail_fast_for_dag",
        stock="checks `DagModel` for whether a run stops at its first failure",
        why="the active version would decide this for a run of another version",
        shown_by="tests/unit/enforcement/runs/test_fail_fast.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("fail_fast", "_stop_remaining_tasks"),
        upstream=SELECTABLE,
    ),
)
