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
"""What canary runs read and write."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import EXPERIMENTS, Change, Component, How, PatchPoint

TITLE = "Canary runs with substitutes and their own state"
"""Heading in the documentation."""

_SECRETS = "tests/unit/enforcement/canaries/test_secrets.py"
_PROCESSES = "tests/unit/enforcement/canaries/test_own_processes.py"
_TASK_ALERTS = "tests/unit/enforcement/canaries/test_task_alerts.py"
_OTHER_RUNS = "tests/unit/enforcement/canaries/test_other_runs.py"
_ROUTES = "airflow.api_fastapi.execution_api.routes"

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.api_fastapi.execution_api.security",
        name="JWTBearer.__call__",
        parameters=("self", "request", "services"),
        patched_by="canaries.asking:identify",
        stock="validates the token of a task",
        why="what a canary run gets depends on the run, which only its token can identify without a statement",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER,),
        relies_on=("TIClaims",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.api_fastapi.execution_api.security",
        name="require_auth",
        parameters=("security_scopes", "request", "token"),
        patched_by=None,
        stock="takes from an archived try which alarm it has withheld, and no other write",
        relies_on=("_REQUEST_SCOPE_LIVE_ATTEMPT_KEY",),
        since=(3, 4),
    ),
    PatchPoint(
        module=f"{_ROUTES}.task_instances",
        name="ti_run",
        parameters=("task_instance_id", "ti_run_payload", "response", "session", "dag_bag", "services", "token"),
        patched_by="canaries.asking:ti_run",
        stock="starts a task, and issues a token that identifies the task instance",
        why="the token of a canary run must name the run",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER,),
        relies_on=("TIRunContext", "workload"),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.xcoms",
        name="set_xcom",
        parameters=(
            *("dag_id", "run_id", "task_id", "key", "session", "value", "map_index", "dag_result", "mapped_length"),
        ),
        patched_by="canaries.xcoms:set_xcom",
        stock="sets an XCom of any run",
        why="live runs would read what a candidate wrote",
        shown_by=_OTHER_RUNS,
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    *("dag_id", "run_id", "task_id", "key", "session", "dag_bag", "value", "map_index", "dag_result"),
                    *("mapped_length", "token"),
                ),
            ),
        ),
    ),
    PatchPoint(
        module=f"{_ROUTES}.xcoms",
        name="delete_xcom",
        parameters=("session", "dag_id", "run_id", "task_id", "key", "map_index"),
        patched_by="canaries.xcoms:delete_xcom",
        stock="deletes an XCom of any run",
        why="live runs would miss what a candidate deleted",
        shown_by=_OTHER_RUNS,
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(
            Change(
                since=(3, 4),
                parameters=("session", "dag_bag", "dag_id", "run_id", "task_id", "key", "map_index", "token"),
            ),
        ),
    ),
    PatchPoint(
        module=f"{_ROUTES}.dag_runs",
        name="clear_dag_run",
        parameters=("dag_id", "run_id", "session", "dag_bag"),
        patched_by="canaries.triggered_runs:clear_dag_run",
        stock="clears a run that a task requests",
        why="a candidate would rerun live runs",
        shown_by=_OTHER_RUNS,
        needed_by=(Component.API_SERVER,),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.connections",
        name="get_connection",
        parameters=("connection_id", "team_name"),
        patched_by="canaries.secret_routes:get_connection",
        stock="returns any connection",
        why="a candidate would work on the systems of live runs",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        relies_on=("get_connection_from_secrets",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.variables",
        name="get_variable",
        parameters=("variable_key", "team_name"),
        patched_by="canaries.secret_routes:get_variable",
        stock="returns any Variable",
        why="a canary run gets substitutes, and reads back its own writes",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        relies_on=("Variable", "get"),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.variables",
        name="put_variable",
        parameters=("variable_key", "body", "team_name"),
        patched_by="canaries.secret_routes:put_variable",
        stock="sets a Variable",
        why="live runs would read what a candidate wrote",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        relies_on=("Variable", "set"),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.variables",
        name="delete_variable",
        parameters=("variable_key", "team_name"),
        patched_by="canaries.secret_routes:delete_variable",
        stock="deletes a Variable",
        why="live runs would miss it",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        relies_on=("Variable", "delete"),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
    ),
    PatchPoint(
        module=f"{_ROUTES}.variables",
        name="get_variable_keys",
        parameters=("session", "team_name", "prefix", "limit", "offset"),
        patched_by="canaries.secret_routes:get_variable_keys",
        stock="lists the keys of Variables",
        why="a canary run sees the Variables that it set, but not those that it deleted",
        shown_by=_SECRETS,
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        relies_on=("VariableKeysResponse",),
        upstream=EXPERIMENTS,
        how=How.ROUTE,
        changes=(Change(since=(3, 4), patched_by="canaries.secret_routes:get_variable_keys_later"),),
    ),
    PatchPoint(
        module=f"{_ROUTES}.asset_state_store",
        name="get_state_backend",
        parameters=(),
        patched_by="canaries.asset_state:get_state_backend",
        stock="returns the store of asset state, for each route",
        why="a live run would continue where a candidate ended",
        shown_by="tests/unit/enforcement/canaries/test_asset_state.py",
        needed_by=(Component.API_SERVER, Component.TRIGGERER),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module=f"{_ROUTES}.asset_state_store",
        name="_resolve_asset_id_by_name",
        parameters=("name", "session"),
        patched_by="canaries.asking:unmark_asset_name",
        stock="finds an asset by its name",
        why="requests of a trigger have the canary run in the name",
        shown_by=_PROCESSES,
        needed_by=(Component.TRIGGERER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module=f"{_ROUTES}.asset_state_store",
        name="_resolve_asset_id_by_uri",
        parameters=("uri", "session"),
        patched_by="canaries.asking:unmark_asset_uri",
        stock="finds an asset by its URI",
        why="requests of a trigger have the canary run in the name",
        shown_by=_PROCESSES,
        needed_by=(Component.TRIGGERER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.sdk.execution_time.task_runner",
        name="parse",
        parameters=("what", "log"),
        patched_by="canaries.task_process:parse",
        stock="parses the Dag file in a task process",
        why="the process of a canary run must know its substitutes first",
        shown_by=_PROCESSES,
        relies_on=("bundle_info",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.sdk.execution_time.supervisor",
        name="ensure_secrets_backend_loaded",
        parameters=(),
        patched_by="canaries.task_process:ensure_secrets_backend_loaded",
        stock="returns the secrets backends of a process, those of the worker first",
        why="they would return live connections and Variables",
        shown_by=_PROCESSES,
        needed_by=(Component.TRIGGERER,),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.sdk.execution_time.context",
        name="_get_worker_state_store_backend",
        parameters=(),
        patched_by="canaries.task_process:get_worker_state_store_backend",
        stock="returns the state store of the worker, if it has one, which keeps values outside Airflow",
        why="a candidate would overwrite or delete what live runs store there",
        shown_by=_PROCESSES,
        relies_on=("state_store_backend",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.sdk.execution_time.task_runner",
        name="_run_task_state_change_callbacks",
        parameters=("task", "kind", "context", "log"),
        patched_by="canaries.task_alerts:run_task_state_change_callbacks",
        stock="calls the callbacks of a task in its process",
        why="a trial that fails would page people",
        shown_by=_TASK_ALERTS,
        relies_on=("kind",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.sdk.execution_time.task_runner",
        name="_send_error_email_notification",
        parameters=("task", "ti", "context", "error", "log"),
        patched_by="canaries.task_alerts:send_error_email_notification",
        stock="sends the e-mails about a task that failed, in its process",
        why="a trial that fails would write to people",
        shown_by=_TASK_ALERTS,
        relies_on=("email",),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.triggerer_job_runner",
        name="TriggerRunner.run_trigger",
        parameters=("self", "trigger_id", "trigger", "timeout_after", "context"),
        patched_by="canaries.trigger_process:run_trigger",
        stock="runs a trigger next to those of other runs",
        why="a trigger of a canary run uses its substitutes, and shares no poll with live runs",
        shown_by=_PROCESSES,
        needed_by=(Component.TRIGGERER,),
        relies_on=("task_instance", "shared_stream_key"),
        upstream=EXPERIMENTS,
    ),
    PatchPoint(
        module="airflow.jobs.triggerer_job_runner",
        name="TriggerCommsDecoder.asend",
        parameters=("self", "msg"),
        patched_by="canaries.trigger_process:asend",
        stock="sends requests of a trigger without naming the trigger",
        why="what a trigger of a canary run gets depends on the run",
        shown_by=_PROCESSES,
        needed_by=(Component.TRIGGERER,),
        upstream=EXPERIMENTS,
    ),
)
