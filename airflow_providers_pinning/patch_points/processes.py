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
"""Processes and commands."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import SELECTABLE, Component, PatchPoint

TITLE = "Processes and commands"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.jobs.job",
        name="Job.prepare_for_execution",
        parameters=("self", "session"),
        patched_by="components:prepare_for_execution",
        stock="starts a scheduler, dag processor or triggerer",
        why="pins must be refused while a component does not enforce them",
        shown_by="tests/unit/enforcement/test_components.py",
        needed_by=(Component.SCHEDULER, Component.DAG_PROCESSOR, Component.TRIGGERER),
        relies_on=("commit",),
    ),
    PatchPoint(
        module="airflow.api_fastapi.app",
        name="lifespan",
        parameters=("app",),
        patched_by="components:lifespan",
        stock="spans the life of an API server process",
        why="pins must be refused while a component does not enforce them",
        shown_by="tests/unit/enforcement/test_components.py",
        needed_by=(Component.API_SERVER,),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager._scan_stale_dags",
        parameters=("self",),
        patched_by="dag_processor.maintenance:scan_stale_dags",
        stock="runs about once a second in the dag processor's loop",
        why="maintenance of pins needs a process that can write and is always running",
        shown_by="tests/unit/enforcement/dag_processor/test_maintenance.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("deactivate_stale_dags",),
    ),
    PatchPoint(
        module="airflow.api.common.delete_dag",
        name="delete_dag",
        parameters=("dag_id", "keep_records_in_log", "session"),
        patched_by="versions.deletion:delete_dag",
        stock="deletes Airflow's rows of a Dag",
        why="a leftover pin would block runs of a later Dag with the same ID",
        shown_by="tests/unit/enforcement/versions/test_deletion.py",
        needed_by=(Component.API_SERVER,),
        upstream=SELECTABLE,
    ),
    PatchPoint(
        module="airflow.cli.cli_parser",
        name="get_parser",
        parameters=("dag_parser",),
        patched_by="missing_tables:get_parser",
        stock="ends a command with an SQL traceback while the tables of the pin store are missing",
        why="statements that select a version include the pin",
        shown_by="tests/unit/enforcement/test_missing_tables.py",
    ),
)
