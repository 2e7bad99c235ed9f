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
"""Assets."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import Component, How, PatchPoint

TITLE = "Assets"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_find_all_assets",
        parameters=("dags",),
        patched_by=None,
        stock="finds the assets of a version",
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_find_all_asset_aliases",
        parameters=("dags",),
        patched_by=None,
        stock="finds the asset aliases of a version",
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="AssetModelOperation.activate_assets_if_possible",
        parameters=("self", "models", "session"),
        patched_by=None,
        stock="activates the assets of a version",
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="AssetModelOperation.collect",
        parameters=("cls", "dags"),
        patched_by="dag_processor.shared_assets:collect",
        stock="collects the assets of a file without their Dags",
        why="assets of a pinned version could not be distinguished from HEAD's",
        shown_by="tests/unit/enforcement/dag_processor/test_shared_assets.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("_find_all_assets", "_find_all_asset_aliases"),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="AssetModelOperation.sync_assets",
        parameters=("self", "session"),
        patched_by="dag_processor.shared_assets:sync_assets",
        stock="writes a file's definition of an asset at each parse",
        why="HEAD and a pinned version that share an asset would alternate",
        shown_by="tests/unit/enforcement/dag_processor/test_shared_assets.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("assets",),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="AssetModelOperation.sync_asset_aliases",
        parameters=("self", "session"),
        patched_by="dag_processor.shared_assets:sync_asset_aliases",
        stock="writes a file's definition of an alias at each parse",
        why="HEAD and a pinned version that share an alias would alternate",
        shown_by="tests/unit/enforcement/dag_processor/test_shared_assets.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("asset_aliases",),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="AssetModelOperation.add_asset_trigger_references",
        parameters=("self", "assets", "team_name", "session"),
        patched_by="dag_processor.shared_assets:add_asset_trigger_references",
        stock="writes a file's watchers of an asset at each parse",
        why="each parse of one file would stop the trigger that the other starts",
        shown_by="tests/unit/enforcement/dag_processor/test_shared_assets.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("_find_active_assets",),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_find_active_assets",
        parameters=("name_uri_assets", "session"),
        patched_by="dag_processor.shared_assets:find_active_assets",
        stock="stops the watchers of inactive assets",
        why="a pinned Dag would wait in vain for an asset whose name or URI HEAD gave to another",
        shown_by="tests/unit/enforcement/dag_processor/test_shared_assets.py",
        needed_by=(Component.DAG_PROCESSOR, Component.API_SERVER),
        relies_on=("is_paused", "is_stale"),
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.routes.task_instances",
        name="validate_inlets_and_outlets",
        parameters=("task_instance_id", "session", "dag_bag"),
        patched_by="runs.displaced_assets:validate_inlets_and_outlets",
        stock="fails a task before it starts if another asset has the name or URI of one of its own",
        why="tasks of a pinned version would fail because of HEAD",
        shown_by="tests/unit/enforcement/runs/test_displaced_assets.py",
        needed_by=(Component.API_SERVER,),
        relies_on=("inactive_assets",),
        how=How.ROUTE,
    ),
    PatchPoint(
        module="airflow.models.taskinstance",
        name="TaskInstance.register_asset_changes_in_db",
        parameters=("ti", "task_outlets", "outlet_events", "session"),
        patched_by="runs.displaced_assets:register_asset_changes_in_db",
        stock="records no event of an inactive asset",
        why="Dags that wait for the assets of a pinned version would not run",
        shown_by="tests/unit/enforcement/runs/test_displaced_assets.py",
        needed_by=(Component.SCHEDULER, Component.API_SERVER),
        relies_on=("asset_manager", "active"),
    ),
    PatchPoint(
        module="airflow.jobs.scheduler_job_runner",
        name="SchedulerJobRunner._update_asset_orphanage",
        parameters=("self", "session"),
        patched_by="scheduler.dag_runs:update_asset_orphanage",
        stock="crashes the scheduler if another process activates the same asset, or on a deadlock",
        why="a pin change also activates assets",
        shown_by="tests/integration/test_locks.py",
        needed_by=(Component.SCHEDULER,),
        relies_on=("_activate_referenced_assets",),
    ),
)
