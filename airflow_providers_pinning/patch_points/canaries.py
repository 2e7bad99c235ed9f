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
"""Canary runs, apart from live ones."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EXPERIMENTS, Change, Component, How, PatchPoint

TITLE = "Canary runs, apart from live ones"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.taskinstance",
        name="TaskInstance.register_asset_changes_in_db",
        parameters=("ti", "task_outlets", "outlet_events", "session"),
        patched_by="canaries.asset_events:register_asset_changes_in_db",
        stock="publishes events of the outlets",
        why="live Dags would run on the output of a candidate",
        shown_by="tests/unit/enforcement/canaries/test_asset_events.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.serialization.definitions.dag",
        name="SerializedDAG._process_dagrun_deadline_alerts",
        parameters=("self", "orm_dagrun", "session"),
        patched_by="canaries.alerts:process_dagrun_deadline_alerts",
        stock="gives each run the deadlines of its version",
        why="a trial that takes long would page people",
        shown_by="tests/unit/enforcement/canaries/test_alerts.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("DeadlineAlertModel",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.callbacks.database_callback_sink",
        name="DatabaseCallbackSink.send",
        parameters=("self", "callback", "session"),
        patched_by="canaries.alerts:send",
        stock="has the dag processor run callbacks and send e-mails",
        why="a trial that fails would page people, or repair the live world",
        shown_by="tests/unit/enforcement/canaries/test_alerts.py",
        needed_by=(Component.SCHEDULER, Component.TRIGGERER),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.get_queued_dag_runs_to_set_running",
        parameters=("cls", "session"),
        patched_by=None,
        stock="finds the runs to start, in a statement that passes over canary runs",
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._stamp_team_names",
        parameters=("self", "dag_runs", "session"),
        patched_by=None,
        stock="gives a canary run what listeners look at",
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.active_runs_of_dags",
        parameters=("cls", "dag_ids", "exclude_backfill", "session"),
        patched_by="canaries.slots:active_runs_of_dags",
        stock="counts every run against `max_active_runs`",
        why="a canary run would keep live runs from being created",
        shown_by="tests/unit/enforcement/canaries/test_slots.py",
        needed_by=(Component.SCHEDULER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._start_queued_dagruns",
        parameters=("self", "session"),
        patched_by="canaries.slots:start_queued_dagruns",
        stock="counts every run against `max_active_runs`",
        why="a canary run would keep live runs from being started",
        shown_by="tests/unit/enforcement/canaries/test_slots.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("active_runs_of_dags", "get_queued_dag_runs_to_set_running"),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._schedule_dag_run",
        parameters=("self", "dag_run", "session"),
        patched_by="canaries.slots:schedule_dag_run",
        stock="computes whether the limit is reached when any run ends",
        why="which run it decides about must be known then",
        shown_by="tests/unit/enforcement/canaries/test_slots.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("_set_exceeds_max_active_runs",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._set_exceeds_max_active_runs",
        parameters=("self", "dag_model", "active_non_backfill_runs", "session"),
        patched_by="canaries.slots:set_exceeds_max_active_runs",
        stock="computes whether the limit is reached when any run ends",
        why="a live run could be created that would not have been without the canary run",
        shown_by="tests/unit/enforcement/canaries/test_slots.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("active_runs_of_dags", "max_active_runs"),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._process_executor_events",
        parameters=("self", "executor", "session"),
        patched_by="canaries.slots:process_executor_events",
        stock="forgets that the process of a task has ended",
        why="a live run that a canary run gave way to waits for that",
        shown_by="tests/system/test_gaps.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("process_executor_events",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.dag_runs",
        name="trigger_dag_run",
        parameters=("dag_id", "run_id", "payload", "session", "token"),
        patched_by="canaries.triggered_runs:trigger_dag_run",
        stock="triggers what a task asks for",
        why="a candidate would start live runs of other Dags",
        shown_by="tests/unit/enforcement/canaries/test_triggered_runs.py",
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.schedule_tis",
        parameters=("self", "schedulable_tis", "session", "max_tis_per_query"),
        patched_by="canaries.placement:schedule_tis",
        stock="schedules tasks in the pool, queue and executor of their Dag",
        why="a canary run may be asked to run apart from live ones",
        shown_by="tests/unit/enforcement/canaries/test_placement.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun._check_last_n_dagruns_failed",
        parameters=("self", "dag_id", "max_consecutive_failed_dag_runs", "session"),
        patched_by="canaries.failure_limit:check_last_n_dagruns_failed",
        stock="pauses the Dag when its last runs failed, whichever they are",
        why="canary runs that fail would pause the live Dag",
        shown_by="tests/unit/enforcement/canaries/test_failure_limit.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("DagRun", "is_paused"),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="clear_task_instances",
        parameters=("tis", "session", "dag_run_state", "run_on_latest_version", "prevent_running_task"),
        patched_by="canaries.clearing:clear_task_instances",
        stock="moves a run to the latest version if it is cleared on it",
        why="a canary run would be evidence for a candidate that it no longer runs",
        shown_by="tests/unit/enforcement/canaries/test_clearing.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("run_on_latest_version",),
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
        name="_get_new_task_ids",
        parameters=("dag_id", "run_id", "session"),
        patched_by="canaries.clearing:get_new_task_ids",
        stock="finds the tasks that only the latest version has",
        why="a canary run would be moved for them",
        shown_by="tests/unit/enforcement/canaries/test_clearing.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api_fastapi.core_api.services.public.dag_run",
        name="dry_run_clear_dag_run",
        parameters=("session", "dag_bag", "dag_id", "dag_run_id", "only_failed", "only_new"),
        patched_by="canaries.clearing:dry_run_clear_dag_run",
        stock="tells which new tasks would be added",
        why="it would announce tasks that a canary run does not get",
        shown_by="tests/unit/enforcement/canaries/test_clearing.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("only_new",),
        upstream=EXPERIMENTS,
    ),
)
