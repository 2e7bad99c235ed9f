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
"""Which version new runs have."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EVERY, SELECTABLE, Change, Component, How, PatchPoint

TITLE = "Which version new runs have"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.dag_version",
        name="DagVersion._latest_version_select",
        parameters=("cls", "dag_id", "bundle_version", "load_dag_model", "load_bundle_model"),
        patched_by=None,
        stock=(
            "builds the statement that the patch of `get_latest_version` adds the pin to; the "
            "number of the next version comes from it too, so it stays as it is"
        ),
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    "cls",
                    "dag_id",
                    "bundle_version",
                    "load_dag_model",
                    "load_bundle_model",
                    "load_serialized_dag",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.models.dag_version",
        name="DagVersion.get_latest_version",
        parameters=("cls", "dag_id", "bundle_version", "load_dag_model", "load_bundle_model", "session"),
        patched_by="versions.selection:get_latest_version",
        stock="takes the highest version number",
        why="new runs and cleared tasks of a pinned Dag would get the newest commit",
        shown_by="tests/unit/enforcement/versions/test_selection.py",
        needed_by=EVERY,
        relies_on=("_latest_version_select",),
        upstream=SELECTABLE,
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    "cls",
                    "dag_id",
                    "bundle_version",
                    "load_dag_model",
                    "load_bundle_model",
                    "load_serialized_dag",
                    "session",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel.latest_item_select_object",
        parameters=("cls", "dag_id"),
        patched_by="versions.serialized_dag:latest_item_select_object",
        stock="selects the Dag of the highest version number",
        why="nearly every reader of a pinned Dag would see the newest commit",
        shown_by="tests/unit/enforcement/versions/test_selection.py",
        needed_by=EVERY,
        relies_on=("DagVersion",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel._latest_by_version_select",
        parameters=("cls", "dag_ids"),
        patched_by="versions.serialized_dag:latest_by_version_select",
        stock="selects the Dags of the highest version numbers of many Dags",
        why="asset conditions and partitions would be those of the newest commit",
        shown_by="tests/unit/enforcement/versions/test_selection.py",
        needed_by=EVERY,
        relies_on=("DagVersion", "version_number"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel.dag",
        parameters=("self",),
        patched_by="versions.serialized_dag:stamped_dag",
        stock="deserializes the Dag, which then does not know its version",
        why="the creation of a run must know which version the Dag in hand is",
        shown_by="tests/unit/enforcement/versions/test_selection.py",
        needed_by=EVERY,
        upstream=SELECTABLE,
        how=How.PROPERTY,
    ),
    PatchPoint(
        module="airflow.serialization.definitions.dag",
        name="SerializedDAG.create_dagrun",
        parameters=(
            "self",
            "run_id",
            "logical_date",
            "data_interval",
            "run_after",
            "conf",
            "run_type",
            "triggered_by",
            "triggering_user_name",
            "state",
            "start_date",
            "creating_job_id",
            "backfill_id",
            "partition_key",
            "partition_date",
            "note",
            "session",
        ),
        patched_by="runs.creation:create_dagrun",
        stock="looks the version up again for the rows of the run",
        why="a pin that commits in between makes a run with one version's tasks and another's id",
        shown_by="tests/unit/enforcement/runs/test_creation.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("_create_orm_dagrun",),
        upstream=SELECTABLE,
        changes=(
            Change(
                since=(3, 4),
                patched_by="runs.by_commit:create_dagrun",
                parameters=(
                    "self",
                    "run_id",
                    "logical_date",
                    "data_interval",
                    "run_after",
                    "conf",
                    "run_type",
                    "triggered_by",
                    "triggering_user_name",
                    "state",
                    "start_date",
                    "creating_job_id",
                    "backfill_id",
                    "partition_key",
                    "bundle_version",
                    "partition_date",
                    "note",
                    "dag_version",
                    "session",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="DagModelOperation.find_orm_dags",
        parameters=("self", "session"),
        patched_by=None,
        stock="reads the rows of a file's Dags again once they are locked",
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_RunInfo.calculate",
        parameters=("cls", "dag", "session"),
        patched_by=None,
        stock="computes the next run of a Dag whose file does not parse",
    ),
    PatchPoint(
        module="airflow.serialization.definitions.dag",
        name="SerializedDAG.bulk_write_to_db",
        parameters=("cls", "bundle_name", "bundle_version", "dags", "parse_duration", "session"),
        patched_by="dag_processor.dag_model:bulk_write_to_db",
        stock="writes the parsed schedule, limits and assets into `DagModel`",
        why="what unfinished canary runs need would be removed with what HEAD does not have",
        shown_by="tests/unit/enforcement/dag_processor/test_dag_model.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("DagModelOperation", "add_dags", "update_dags"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="DagModelOperation.add_dags",
        parameters=("self", "session"),
        patched_by="dag_processor.dag_model:add_dags",
        stock="locks the rows of a file's Dags and goes on with what was parsed",
        why="the schedule, limits and bundle of HEAD would be those of the pinned Dag",
        shown_by="tests/integration/test_concurrent_writes.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("find_orm_dags",),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="DagModelOperation.update_dags",
        parameters=("self", "orm_dags", "parse_duration", "session"),
        patched_by="dag_processor.dag_model:update_dags",
        stock=(
            "writes one bundle for all Dags of a file and leaves references to assets where the "
            "file has none of their kind"
        ),
        why="the pinned version may have another bundle and other assets than HEAD",
        shown_by="tests/unit/enforcement/dag_processor/test_dag_model.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("last_parse_duration", "is_stale"),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._get_current_dag",
        parameters=("self", "dag_id", "session"),
        patched_by="scheduler.dag_runs:get_current_dag",
        stock="returns nothing for a Dag that it cannot read, and tries again in each turn",
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
        why="a few broken pins would take every place of a batch",
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
        stock="looks at the oldest pending partitions first and creates their runs outside `try`",
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
        stock=("deserializes the Dags of all queued asset events in one go, and counts canary runs among active runs"),
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
        stock=("queues a partition for every listener, in the transaction of the task that published the asset"),
        why="a listener with a broken pin would fail the task of another Dag",
        shown_by="tests/unit/enforcement/scheduler/test_assets.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("partition_dags",),
        upstream=SELECTABLE,
    ),
)
