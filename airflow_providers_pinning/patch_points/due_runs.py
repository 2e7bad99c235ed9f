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
"""Creation of due runs."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EXPERIMENTS, SELECTABLE, Component, PatchPoint

TITLE = "The creation of due runs"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._get_current_dag",
        parameters=("self", "dag_id", "session"),
        patched_by="scheduler.dag_runs:get_current_dag",
        stock="returns nothing for a Dag that it cannot read, and retries in each loop",
        why="a Dag whose pin cannot be resolved stays due and starves others",
        shown_by="tests/unit/enforcement/scheduler/test_dag_runs.py",
        needed_by=(Component.SCHEDULER,),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._create_dag_runs",
        parameters=("self", "dag_models", "session"),
        patched_by="scheduler.dag_runs:create_dag_runs",
        stock="creates the scheduled runs of the most overdue Dags, in batches",
        why="a few broken pins would fill every batch",
        shown_by="tests/unit/enforcement/scheduler/test_dag_runs.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("_get_current_dag", "create_dagrun"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._create_dag_runs_asset_triggered",
        parameters=("self", "dag_models", "session"),
        patched_by="scheduler.dag_runs:create_dag_runs_asset_triggered",
        stock="creates asset-triggered runs outside `try`",
        why="one broken pin would end the scheduler",
        shown_by="tests/unit/enforcement/scheduler/test_dag_runs.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("_get_current_dag", "create_dagrun"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._create_dagruns_for_partitioned_asset_dags",
        parameters=("self", "session"),
        patched_by="scheduler.dag_runs:create_dagruns_for_partitioned_asset_dags",
        stock="processes the oldest pending partitions first and creates their runs outside `try`",
        why="the partitions of a broken pin would starve others, or end the scheduler",
        shown_by="tests/unit/enforcement/scheduler/test_dag_runs.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("AssetPartitionDagRun", "create_dagrun"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.dag",
        name="DagModel.dags_needing_dagruns",
        parameters=("cls", "session"),
        patched_by="scheduler.assets:dags_needing_dagruns",
        stock=("deserializes the Dags of all queued asset events together, and counts canary runs as active"),
        why="a pinned version that cannot be deserialized would end the scheduler",
        shown_by="tests/unit/enforcement/scheduler/test_assets.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("NUM_DAGS_PER_DAGRUN_QUERY",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.assets.manager",
        name="AssetManager._queue_partitioned_dags",
        parameters=(
            "cls",
            "asset_id",
            "partition_dags",
            "event",
            "partition_key",
            "partition_date",
            "task_instance",
            "session",
        ),
        patched_by="scheduler.assets:queue_partitioned_dags",
        stock=("queues a partition for every consumer, in the transaction of the task that published the asset"),
        why="a consumer with a broken pin would fail the task of another Dag",
        shown_by="tests/unit/enforcement/scheduler/test_assets.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("partition_dags",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._select_consumed_asset_events",
        parameters=("self", "dag", "records", "limit", "session"),
        patched_by="canaries.consumed_events:select_consumed_asset_events",
        stock="passes over asset events that any run of the Dag has consumed",
        why="an event that only a canary run has would never start a live run",
        shown_by="tests/unit/enforcement/scheduler/test_since_3_4.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("DagRun", "association_table"),
        upstream=EXPERIMENTS,
        since=(3, 4),
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._finalize_draining_dags",
        parameters=("self", "session"),
        patched_by="canaries.slots:finalize_draining_dags",
        stock="pauses a draining Dag once none of its runs is unfinished",
        why="a canary run that waits would keep it from pausing",
        shown_by="tests/unit/enforcement/canaries/test_draining.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("DagRun", "is_draining"),
        upstream=EXPERIMENTS,
        since=(3, 4),
    ),
)
