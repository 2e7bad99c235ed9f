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
Entry point of the enforcement, loaded by ``import airflow`` in every process.

Airflow loads the entry points of the group ``airflow.policy`` before it configures its database
session, which is before any model is imported, and does not swallow their exceptions. A plugin's
``on_load`` would be too late (``airflow dags trigger`` has read the latest version by then) and would
fail open. Keep this module small: it runs in task processes too.
"""

from __future__ import annotations

from wrapt import register_post_import_hook

from airflow_providers_pinning.enforcement.contract import check_airflow_version

HOOKS = (
    ("airflow.models.dag_version", "version_selection:install_on_dag_version"),
    ("airflow.models.serialized_dag", "serialized_dag:install"),
    ("airflow.models.dagcode", "version_immutability:install_on_dag_code"),
    ("airflow.models.dagbag", "run_version:install_on_dag_bag"),
    ("airflow.models.dagrun", "failed_runs:install"),
    ("airflow.models.dagrun", "outcomes:install_on_dag_run"),
    ("airflow.models.dagrun", "alterations:install_on_dag_run"),
    ("airflow.models.dagrun", "history:install_on_dag_run"),
    ("airflow.models.xcom", "history:install_on_xcom"),
    ("airflow.ti_deps.deps.prev_dagrun_dep", "history:install_on_dependencies"),
    ("airflow.serialization.definitions.deadline", "history:install_on_deadlines"),
    ("airflow.models.dagrun", "slots:install_on_dag_run"),
    ("airflow.models.dag", "file_removal:install_on_dag_model"),
    ("airflow.models.dag", "assets:install_on_dag_model"),
    ("airflow.assets.manager", "assets:install_on_asset_manager"),
    ("airflow.models.taskinstance", "run_version:install_on_task_instance"),
    # Inside the next one: what a canary run publishes is withheld, whether its assets are active or not.
    ("airflow.models.taskinstance", "displaced_assets:install_on_task_instance"),
    ("airflow.models.taskinstance", "asset_events:install"),
    ("airflow.models.taskinstance", "canary_clearing:install_on_task_instance"),
    ("airflow.api_fastapi.core_api.services.public.dag_run", "canary_clearing:install_on_api"),
    ("airflow.models.taskinstance", "alterations:install_on_task_instance"),
    ("airflow.api.common.mark_tasks", "alterations:install_on_mark_tasks"),
    ("airflow.api_fastapi.core_api.security", "alterations:install_on_security"),
    ("airflow.callbacks.database_callback_sink", "workloads:install_on_callback_sink"),
    ("airflow.callbacks.database_callback_sink", "alerts:install_on_callback_sink"),
    ("airflow.serialization.definitions.dag", "alerts:install_on_dag"),
    ("airflow.models.taskmap", "run_version:install_on_task_map"),
    ("airflow.jobs.scheduler_job_runner", "scheduler:install"),
    ("airflow.jobs.scheduler_job_runner", "slots:install_on_scheduler"),
    ("airflow.jobs.scheduler_job_runner", "outcomes:install_on_scheduler"),
    ("airflow.jobs.scheduler_job_runner", "workloads:install_on_scheduler"),
    ("airflow.serialization.definitions.dag", "scheduling_metadata:install_on_dag"),
    ("airflow.serialization.definitions.dag", "run_creation:install"),
    ("airflow.dag_processing.collection", "scheduling_metadata:install_on_collection"),
    ("airflow.dag_processing.collection", "shared_assets:install"),
    ("airflow.dag_processing.collection", "file_removal:install_on_collection"),
    ("airflow.dag_processing.manager", "processor:install"),
    ("airflow.dag_processing.manager", "overtaken_parse:install"),
    ("airflow.dag_processing.manager", "removed_files:install"),
    ("airflow.dag_processing.manager", "bundle_versions:install"),
    ("airflow.executors.workloads.task", "workloads:install_on_task"),
    ("airflow.executors.workloads.callback", "workloads:install_on_callback"),
    ("airflow.api_fastapi.execution_api.routes.task_instances", "fail_fast:install"),
    ("airflow.api_fastapi.execution_api.routes.task_instances", "displaced_assets:install_on_task_instances"),
    ("airflow.api_fastapi.execution_api.routes.task_instances", "history_routes:install_on_task_instances"),
    ("airflow.api_fastapi.execution_api.routes.dag_runs", "history_routes:install_on_dag_runs"),
    ("airflow.api.common.delete_dag", "dag_deletion:install"),
    ("airflow.utils.db_cleanup", "retention:install"),
    ("airflow.cli.cli_parser", "missing_tables:install"),
    ("airflow.jobs.job", "components:install_on_job"),
    ("airflow.api_fastapi.app", "components:install_on_api_server"),
)
"""Airflow's module, and the function that patches it as soon as it is imported."""


def install() -> None:
    """
    Register the patches; modules that are imported already are patched now.

    :raises EnforcementError: if this Airflow is not one that the patches were written for
    """
    check_airflow_version()
    for module, hook in HOOKS:
        register_post_import_hook(f"{__package__}.{hook}", module)


install()
