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
A canary run that is cleared keeps its version.

Stock moves a run to the latest version if it is cleared "on the latest version", as the user, the Dag
(``rerun_with_latest_version``) or the configuration says. While the Dag is pinned, that is the pinned version: a canary
run would become evidence for a candidate that it no longer runs, and its failure would be gone. So canary runs are
cleared on the version that they have, whatever was asked for, also among live runs that do move; and they get no
tasks that only the latest version has.

Shown by ``tests/unit/enforcement/test_canary_clearing.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap

PARAMETERS = ("tis", "session", "dag_run_state", "run_on_latest_version", "prevent_running_task")
"""Of ``clear_task_instances``, in order."""


def install_on_task_instance(module: ModuleType) -> None:
    """Patch ``airflow.models.taskinstance``."""
    wrap(module, "clear_task_instances", clear_task_instances)
    wrap(module, "_get_new_task_ids", get_new_task_ids)


def install_on_api(module: ModuleType) -> None:
    """Patch ``airflow.api_fastapi.core_api.services.public.dag_run``, which tells beforehand what will be cleared."""

    def dry_run_clear_dag_run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.canaries.isolation import is_canary

        if kwargs["only_new"] and is_canary(kwargs["dag_id"], kwargs["dag_run_id"], session=kwargs["session"]):
            return []
        return wrapped(*args, **kwargs)

    wrap(module, "dry_run_clear_dag_run", dry_run_clear_dag_run)


def clear_task_instances(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
    """Clear the tasks of canary runs on their own version, and then the others as they are to be."""
    from airflow_providers_pinning.domain.canaries.isolation import is_canary

    called = {**dict(zip(PARAMETERS, args, strict=False)), **kwargs}
    if called.get("run_on_latest_version"):
        tis, session = called["tis"], called["session"]
        runs = {(ti.dag_id, ti.run_id) for ti in tis}
        canaries = {run for run in runs if is_canary(*run, session=session)}
        if canaries:
            of_canaries = [ti for ti in tis if (ti.dag_id, ti.run_id) in canaries]
            wrapped(**{**called, "tis": of_canaries, "run_on_latest_version": False})
            called["tis"] = [ti for ti in tis if (ti.dag_id, ti.run_id) not in canaries]
            if not called["tis"]:
                return
    wrapped(**called)


def get_new_task_ids(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> list[str]:
    """Find no new tasks for a canary run, which would be moved for them."""
    from airflow_providers_pinning.domain.canaries.isolation import is_canary

    called = {**dict(zip(("dag_id", "run_id", "session"), args, strict=False)), **kwargs}
    if is_canary(called["dag_id"], called["run_id"], session=called["session"]):
        return []
    return wrapped(**called)
