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
"""What a parse writes for the scheduler: schedule, limits, assets and bundle."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import SELECTABLE, Component, PatchPoint

TITLE = "What the scheduler works from"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="DagModelOperation.find_orm_dags",
        parameters=("self", "session"),
        patched_by=None,
        stock="reads the rows of a file's Dags again after locking them",
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_RunInfo.calculate",
        parameters=("cls", "dag", "session"),
        patched_by="dag_processor.run_info:calculate",
        stock="reads the latest and active runs of each Dag with separate statements",
        why="a release of thousands of Dags would lock their rows for as many extra round trips",
        shown_by="tests/unit/enforcement/dag_processor/test_run_info.py",
        needed_by=(Component.API_SERVER,),
    ),
    PatchPoint(
        module="airflow.serialization.definitions.dag",
        name="SerializedDAG.bulk_write_to_db",
        parameters=("cls", "bundle_name", "bundle_version", "dags", "parse_duration", "session"),
        patched_by="dag_processor.dag_model:bulk_write_to_db",
        stock="writes the parsed schedule, limits and assets into `DagModel`",
        why="data that unfinished canary runs need would be removed if HEAD does not have it",
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
        stock="locks the rows of a file's Dags and continues with the parsed ones",
        why="a pinned Dag would get the schedule, limits and bundle of HEAD",
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
            "writes one bundle for all Dags of a file, and keeps asset references if the file has none of their kind"
        ),
        why="the pinned version may have another bundle and other assets than HEAD",
        shown_by="tests/unit/enforcement/dag_processor/test_dag_model.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("last_parse_duration", "is_stale"),
        upstream=SELECTABLE,
    ),
)
