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
"""Version of new runs."""

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
            "builds the statement to which the patch of `get_latest_version` adds the pin; it stays unchanged, "
            "because the number of the next version comes from it too"
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
        stock="selects the highest version number",
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
        stock="deserializes the Dag, which does not know its version",
        why="the creation of a run must know the version of its Dag",
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
        stock="looks up the version again for the rows of the run",
        why="a pin that commits in between creates a run with the tasks of one version and the ID of another",
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
        module="airflow.api_fastapi.core_api.routes.public.dag_run",
        name="trigger_dag_run",
        parameters=("dag_id", "body", "dag_bag", "user", "session", "request"),
        patched_by="runs.by_commit:answer",
        stock="creates a run of the requested commit for users who may create runs",
        why="for a pinned Dag this is a canary run, which only users who can edit the Dag may start",
        shown_by="tests/unit/enforcement/runs/test_by_commit.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("get_latest_version_of_dag", "get_latest_version", "create_dagrun"),
        how=How.ROUTE,
        since=(3, 4),
    ),
    PatchPoint(
        module="airflow.api_fastapi.core_api.routes.public.assets",
        name="materialize_asset",
        parameters=("asset_id", "dag_bag", "user", "session", "body"),
        patched_by="runs.by_commit:answer",
        stock="does the same for the Dag that materializes an asset",
        why="the same",
        shown_by="tests/unit/enforcement/runs/test_by_commit.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("get_latest_version_of_dag", "get_latest_version", "create_dagrun"),
        how=How.ROUTE,
        since=(3, 4),
    ),
)
