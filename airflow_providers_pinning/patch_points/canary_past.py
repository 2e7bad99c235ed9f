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
"""What live runs take for their past."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EXPERIMENTS, Change, Component, How, PatchPoint

TITLE = "Canary runs, no part of the past of live ones"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.get_previous_dagrun",
        parameters=("dag_run", "state", "session"),
        patched_by="canaries.history:get_previous_dagrun",
        stock="takes any run of the Dag for the previous one",
        why="a live run would wait for a canary run, or read its data",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("DagRun",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.dagrun",
        name="DagRun.get_previous_scheduled_dagrun",
        parameters=("dag_run_id", "session"),
        patched_by="canaries.history:get_previous_scheduled_dagrun",
        stock="takes the newest earlier run that is no manual one",
        why="a replay would wait for the run that it replays",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("DagRun",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.ti_deps.deps.prev_dagrun_dep",
        name="PrevDagrunDep._has_any_prior_tis",
        parameters=("ti", "session"),
        patched_by="canaries.history:has_any_prior_tis",
        stock="counts any earlier task instance",
        why="a live run would wait for a canary run",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("TI",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.models.xcom",
        name="XComModel.get_many",
        parameters=("cls", "run_id", "key", "task_ids", "dag_ids", "map_indexes", "include_prior_dates", "limit"),
        patched_by="canaries.history:get_many",
        stock="reads XComs of any earlier run for `include_prior_dates`",
        why="a live run would read the XCom of a canary run",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("include_prior_dates",),
        upstream=EXPERIMENTS,
        changes=(
            Change(
                since=(3, 4),
                name="_XComOperations.get_many",
                parameters=(
                    "cls",
                    "run_id",
                    "key",
                    "task_ids",
                    "dag_ids",
                    "map_indexes",
                    "region_id",
                    "include_node_regions",
                    "producer_ids",
                    "include_prior_dates",
                    "limit",
                    "try_number",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.serialization.definitions.deadline",
        name="SerializedReferenceModels.AverageRuntimeDeadline._evaluate_with",
        parameters=("self", "session", "kwargs"),
        patched_by="canaries.history:evaluate_with",
        stock="takes the average runtime of any runs",
        why="the deadlines of live runs would depend on canary runs",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("DagRun",),
        upstream=EXPERIMENTS,
        changes=(Change(since=(3, 4), parameters=("self", "session", "dagrun")),),
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.dag_runs",
        name="get_previous_dagrun",
        parameters=("dag_id", "logical_date", "session", "state"),
        patched_by="canaries.history_routes:get_previous_dagrun",
        stock="takes any run of the Dag",
        why="a canary run would be what a live task takes for its past",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("DagRunModel",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.dag_runs",
        name="get_dr_count",
        parameters=("dag_id", "session", "logical_dates", "run_ids", "states"),
        patched_by="canaries.history_routes:get_dr_count",
        stock="counts any runs of the Dag",
        why="a live task would count canary runs",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("DagRunModel",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(Change(since=(3, 4), patched_by="canaries.history_routes:get_dr_count_later"),),
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="get_previous_successful_dagrun",
        parameters=("task_instance_id", "session"),
        patched_by="canaries.history_routes:get_previous_successful_dagrun",
        stock="takes any run of the Dag",
        why="an incremental load would skip what lies before a canary run",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("DR",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(Change(since=(3, 4), patched_by="canaries.history_routes:get_previous_successful_dagrun_later"),),
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="get_previous_task_instance",
        parameters=("dag_id", "task_id", "session", "logical_date", "map_index", "state"),
        patched_by="canaries.history_routes:get_previous_task_instance",
        stock="takes a task instance of any run",
        why="a canary run would be what a live task takes for its past",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("TI",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(
            Change(
                since=(3, 4),
                parameters=("dag_id", "task_id", "session", "dag_bag", "logical_date", "map_index", "state", "token"),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="get_task_instance_count",
        parameters=(
            "dag_id",
            "session",
            "dag_bag",
            "map_index",
            "task_ids",
            "task_group_id",
            "logical_dates",
            "run_ids",
            "states",
        ),
        patched_by="canaries.history_routes:get_task_instance_count",
        stock="counts task instances of any run",
        why="a live task would count those of canary runs",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("TI",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="get_task_instance_states",
        parameters=(
            "dag_id",
            "session",
            "dag_bag",
            "map_index",
            "task_ids",
            "task_group_id",
            "logical_dates",
            "run_ids",
        ),
        patched_by="canaries.history_routes:get_task_instance_states",
        stock="returns the states of task instances of any run",
        why="a live task would see those of canary runs",
        shown_by="tests/unit/enforcement/canaries/test_history.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("TI",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
)
