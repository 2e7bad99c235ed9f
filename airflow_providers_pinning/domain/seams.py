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
"""
The list of places in Airflow that must be patched for a pin to hold.

It stands here, below the enforcement that patches them, because two components agree about pins
exactly if they patch the same places in the same way: the fingerprint of this list is what they compare.
"""

from __future__ import annotations

import hashlib

ENFORCEMENT_REVISION = 2
"""Raised whenever a patch decides differently, so that unlike components are told apart."""

SEAMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "airflow.models.dag_version",
        "DagVersion.get_latest_version",
        ("cls", "dag_id", "bundle_version", "load_dag_model", "load_bundle_model", "session"),
    ),
    (
        "airflow.models.dag_version",
        "DagVersion._latest_version_select",
        ("cls", "dag_id", "bundle_version", "load_dag_model", "load_bundle_model"),
    ),
    ("airflow.models.serialized_dag", "SerializedDagModel.latest_item_select_object", ("cls", "dag_id")),
    ("airflow.models.serialized_dag", "SerializedDagModel._latest_by_version_select", ("cls", "dag_ids")),
    ("airflow.models.serialized_dag", "SerializedDagModel.dag", ("self",)),
    (
        "airflow.models.serialized_dag",
        "SerializedDagModel._prefetch_dag_write_metadata",
        ("cls", "dag_ids", "session"),
    ),
    (
        "airflow.models.serialized_dag",
        "SerializedDagModel._try_reuse_deadline_uuids",
        ("cls", "existing_deadline_uuids", "new_deadline_data", "session"),
    ),
    (
        "airflow.models.serialized_dag",
        "SerializedDagModel.write_dag",
        (
            "cls",
            "dag",
            "bundle_name",
            "bundle_version",
            "version_data",
            "min_update_interval",
            "session",
            "_prefetched",
        ),
    ),
    ("airflow.models.dagcode", "DagCode.update_source_code", ("cls", "dag_id", "fileloc", "session")),
    ("airflow.models.dagbag", "DBDagBag._version_from_dag_run", ("dag_run", "session")),
    ("airflow.models.dagbag", "DBDagBag.get_latest_version_of_dag", ("self", "dag_id", "session")),
    ("airflow.models.dagbag", "DBDagBag._read_dag", ("self", "serdag")),
    (
        "airflow.models.dagrun",
        "DagRun._check_last_n_dagruns_failed",
        ("self", "dag_id", "max_consecutive_failed_dag_runs", "session"),
    ),
    ("airflow.models.dagrun", "DagRun.update_state", ("self", "session", "execute_callbacks")),
    ("airflow.models.dagrun", "DagRun.get_previous_dagrun", ("dag_run", "state", "session")),
    ("airflow.ti_deps.deps.prev_dagrun_dep", "PrevDagrunDep._has_any_prior_tis", ("ti", "session")),
    (
        "airflow.models.xcom",
        "XComModel.get_many",
        ("cls", "run_id", "key", "task_ids", "dag_ids", "map_indexes", "include_prior_dates", "limit"),
    ),
    (
        "airflow.serialization.definitions.deadline",
        "SerializedReferenceModels.AverageRuntimeDeadline._evaluate_with",
        ("self", "session", "kwargs"),
    ),
    (
        "airflow.models.dagrun",
        "DagRun.active_runs_of_dags",
        ("cls", "dag_ids", "exclude_backfill", "session"),
    ),
    ("airflow.models.dagrun", "DagRun.get_queued_dag_runs_to_set_running", ("cls", "session")),
    ("airflow.models.dag", "DagModel.deactivate_deleted_dags", ("cls", "bundle_name", "rel_filelocs", "session")),
    ("airflow.models.dag", "DagModel.dags_needing_dagruns", ("cls", "session")),
    (
        "airflow.assets.manager",
        "AssetManager._queue_partitioned_dags",
        (
            "cls",
            "asset_id",
            "partition_dags",
            "event",
            "partition_key",
            "partition_date",
            "task_instance",
            "session",
        ),
    ),
    (
        "airflow.api_fastapi.core_api.services.public.dag_run",
        "dry_run_clear_dag_run",
        ("session", "dag_bag", "dag_id", "dag_run_id", "only_failed", "only_new"),
    ),
    (
        "airflow.models.taskinstance",
        "TaskInstance.register_asset_changes_in_db",
        ("ti", "task_outlets", "outlet_events", "session"),
    ),
    ("airflow.cli.cli_parser", "get_parser", ("dag_parser",)),
    (
        "airflow.models.taskinstance",
        "clear_task_instances",
        ("tis", "session", "dag_run_state", "run_on_latest_version", "prevent_running_task"),
    ),
    (
        "airflow.api.common.mark_tasks",
        "set_state",
        ("tasks", "run_id", "upstream", "downstream", "future", "past", "state", "commit", "session"),
    ),
    (
        "airflow.api.common.mark_tasks",
        "_set_dag_run_terminal_state",
        ("dag", "run_id", "run_state", "ti_state", "commit", "session"),
    ),
    ("airflow.api.common.mark_tasks", "get_run_ids", ("dag", "run_id", "future", "past", "session")),
    ("airflow.api.common.mark_tasks", "_set_dag_run_state", ("dag_id", "run_id", "state", "session")),
    ("airflow.api_fastapi.core_api.security", "resolve_user_from_token", ("token_str",)),
    ("airflow.models.taskinstance", "_get_new_task_ids", ("dag_id", "run_id", "session")),
    ("airflow.callbacks.database_callback_sink", "DatabaseCallbackSink.send", ("self", "callback", "session")),
    ("airflow.models.taskmap", "TaskMap.expand_mapped_task", ("cls", "task", "run_id", "session")),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._verify_integrity_if_dag_changed",
        ("self", "dag_run", "session"),
    ),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._schedule_dag_run", ("self", "dag_run", "session")),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._process_executor_events",
        ("self", "executor", "session"),
    ),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._start_queued_dagruns", ("self", "session")),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._stamp_team_names", ("self", "dag_runs", "session")),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._set_exceeds_max_active_runs",
        ("self", "dag_model", "active_non_backfill_runs", "session"),
    ),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._get_current_dag", ("self", "dag_id", "session")),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._create_dag_runs", ("self", "dag_models", "session")),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._create_dag_runs_asset_triggered",
        ("self", "dag_models", "session"),
    ),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._create_dagruns_for_partitioned_asset_dags",
        ("self", "session"),
    ),
    ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner._update_asset_orphanage", ("self", "session")),
    (
        "airflow.jobs.scheduler_job_runner",
        "SchedulerJobRunner._executable_task_instances_to_queued",
        ("self", "max_tis", "session"),
    ),
    (
        "airflow.serialization.definitions.dag",
        "SerializedDAG.bulk_write_to_db",
        ("cls", "bundle_name", "bundle_version", "dags", "parse_duration", "session"),
    ),
    (
        "airflow.serialization.definitions.dag",
        "SerializedDAG._process_dagrun_deadline_alerts",
        ("self", "orm_dagrun", "session"),
    ),
    (
        "airflow.serialization.definitions.dag",
        "SerializedDAG.create_dagrun",
        (
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
    ),
    ("airflow.dag_processing.collection", "DagModelOperation.find_orm_dags", ("self", "session")),
    ("airflow.dag_processing.collection", "AssetModelOperation.collect", ("cls", "dags")),
    ("airflow.dag_processing.collection", "AssetModelOperation.sync_assets", ("self", "session")),
    ("airflow.dag_processing.collection", "AssetModelOperation.sync_asset_aliases", ("self", "session")),
    (
        "airflow.dag_processing.collection",
        "AssetModelOperation.activate_assets_if_possible",
        ("self", "models", "session"),
    ),
    (
        "airflow.dag_processing.collection",
        "AssetModelOperation.add_asset_trigger_references",
        ("self", "assets", "team_name", "session"),
    ),
    ("airflow.dag_processing.collection", "_find_active_assets", ("name_uri_assets", "session")),
    ("airflow.dag_processing.collection", "_find_all_assets", ("dags",)),
    ("airflow.dag_processing.collection", "_find_all_asset_aliases", ("dags",)),
    ("airflow.dag_processing.collection", "DagModelOperation.add_dags", ("self", "session")),
    ("airflow.dag_processing.collection", "_RunInfo.calculate", ("cls", "dag", "session")),
    (
        "airflow.dag_processing.collection",
        "DagModelOperation.update_dags",
        ("self", "orm_dags", "parse_duration", "session"),
    ),
    (
        "airflow.dag_processing.collection",
        "_update_import_errors",
        ("files_parsed", "bundle_name", "import_errors", "session"),
    ),
    (
        "airflow.dag_processing.manager",
        "DagFileProcessorManager.deactivate_stale_dags",
        ("self", "last_parsed", "session"),
    ),
    ("airflow.dag_processing.manager", "DagFileProcessorManager._scan_stale_dags", ("self",)),
    ("airflow.dag_processing.manager", "DagFileProcessorManager._refresh_dag_bundles", ("self", "known_files")),
    ("airflow.dag_processing.manager", "DagFileProcessorManager._create_process", ("self", "dag_file")),
    (
        "airflow.dag_processing.manager",
        "DagFileProcessorManager.handle_parsing_result",
        ("self", "file", "proc", "session"),
    ),
    (
        "airflow.dag_processing.manager",
        "DagFileProcessorManager.purge_removed_files_from_queue",
        ("self", "present"),
    ),
    ("airflow.dag_processing.manager", "DagFileProcessorManager.terminate_orphan_processes", ("self", "present")),
    (
        "airflow.dag_processing.manager",
        "DagFileProcessorManager._add_files_to_queue",
        ("self", "files", "mode"),
    ),
    (
        "airflow.executors.workloads.task",
        "ExecuteTask.make",
        ("cls", "ti", "dag_rel_path", "generator", "bundle_info", "sentry_integration"),
    ),
    (
        "airflow.executors.workloads.callback",
        "ExecuteCallback.make",
        ("cls", "callback", "dag_run", "dag_rel_path", "generator", "bundle_info"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "_handle_fail_fast_for_dag",
        ("ti", "dag_id", "session", "dag_bag"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "_stop_remaining_tasks",
        ("task_instance", "task_teardown_map", "session"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "validate_inlets_and_outlets",
        ("task_instance_id", "session", "dag_bag"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "get_previous_successful_dagrun",
        ("task_instance_id", "session"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "get_previous_task_instance",
        ("dag_id", "task_id", "session", "logical_date", "map_index", "state"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "get_task_instance_count",
        (
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
    ),
    (
        "airflow.api_fastapi.execution_api.routes.task_instances",
        "get_task_instance_states",
        ("dag_id", "session", "dag_bag", "map_index", "task_ids", "task_group_id", "logical_dates", "run_ids"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.dag_runs",
        "get_previous_dagrun",
        ("dag_id", "logical_date", "session", "state"),
    ),
    (
        "airflow.api_fastapi.execution_api.routes.dag_runs",
        "get_dr_count",
        ("dag_id", "session", "logical_dates", "run_ids", "states"),
    ),
    ("airflow.api.common.delete_dag", "delete_dag", ("dag_id", "keep_records_in_log", "session")),
    ("airflow.jobs.job", "Job.prepare_for_execution", ("self", "session")),
    ("airflow.api_fastapi.app", "lifespan", ("app",)),
)
"""Module, qualified name and parameter names of everything that the enforcement wraps or relies on."""

FINGERPRINT = hashlib.sha256(f"{ENFORCEMENT_REVISION}{SEAMS}".encode()).hexdigest()[:16]
"""What two components compare to know that they enforce pins alike."""
