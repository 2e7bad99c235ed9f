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
A task runs from the file and bundle of its run's version.

Stock takes the bundle's name and the file's path of ``ExecuteTask``, ``ExecuteCallback`` and the callbacks and
e-mails that the dag processor runs from
``DagModel``, which describes the active version, and the bundle's version from the run. While the pin
moves between versions whose file or bundle differ, a run that is under way would look for the file of
one version in the code of another.

Clearing some tasks on the latest version moves their run there, commit and all, while the other tasks keep the
version that they had. They run from the run's commit, so the file is looked for where the run's version has it.
Callbacks may have either commit, and the file is that of the version with the same one.

The scheduler hands tasks over inside its critical section. What is needed of the pin comes along with ``DagModel``,
which it reads for these tasks anyway.

Shown by ``tests/unit/enforcement/test_workloads.py``.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap


def install_on_scheduler(module: ModuleType) -> None:
    """Patch ``airflow.jobs.scheduler_job_runner``."""

    def executable_task_instances_to_queued(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.resolution.places import places_told

        with places_told(kwargs["session"] if "session" in kwargs else args[1]):
            return wrapped(*args, **kwargs)

    wrap(module, "SchedulerJobRunner._executable_task_instances_to_queued", executable_task_instances_to_queued)


def install_on_task(module: ModuleType) -> None:
    """Patch ``airflow.executors.workloads.task``."""

    def make(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        ti = args[0] if args else kwargs["ti"]
        dag_version_id = ti.dag_run.created_dag_version_id or ti.dag_version_id
        return wrapped(*args, **_located(kwargs, ti, dag_version_id, ti.dag_run))

    wrap(module, "ExecuteTask.make", make)


def install_on_callback(module: ModuleType) -> None:
    """Patch ``airflow.executors.workloads.callback``."""

    def make(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        run = args[1] if len(args) > 1 else kwargs["dag_run"]
        return wrapped(*args, **_located(kwargs, run, run.created_dag_version_id, run))

    wrap(module, "ExecuteCallback.make", make)


def install_on_callback_sink(module: ModuleType) -> None:
    """Patch ``airflow.callbacks.database_callback_sink``, which executors use, and triggers that end their task."""

    def send(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        _locate_callback(args[0] if args else kwargs["callback"])
        wrapped(*args, **kwargs)

    wrap(module, "DatabaseCallbackSink.send", send)


def _locate_callback(request: Any) -> None:
    """Put the place of the version into a callback or an e-mail, if it need not be the active one's."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.resolution.places import place_of_callback

    if request.bundle_version is None:
        return
    ti = getattr(request, "ti", None)
    # The scheduler sends callbacks where its own session must not be committed, and the common one is that.
    with create_session(scoped=False) as session:
        if ti is None:
            version = place_of_callback(request.dag_id, request.run_id, request.bundle_version, session=session)
        else:
            version = place_of_callback(
                ti.dag_id, ti.run_id, request.bundle_version, dag_version_id=ti.dag_version_id, session=session
            )
    if version is not None and version.relative_fileloc and version.bundle_name:
        request.filepath, request.bundle_name = version.relative_fileloc, version.bundle_name


def _located(kwargs: dict[str, Any], of_dag: Any, dag_version_id: Any, run: Any) -> dict[str, Any]:
    """Add the place of the run's version to the arguments, if it need not be the active one's."""
    from airflow.executors.workloads.base import BundleInfo
    from sqlalchemy.orm import object_session

    from airflow_providers_pinning.domain.resolution.places import place_of_inactive_version, places_told

    session = object_session(run)
    if session is None or run.bundle_version is None or kwargs.get("bundle_info") or kwargs.get("dag_rel_path"):
        return kwargs
    if "dag_model" not in of_dag.__dict__:
        # Stock reads it now.
        with places_told(session):
            _ = of_dag.dag_model
    version = place_of_inactive_version(of_dag.dag_model, dag_version_id, session=session)
    if version is None:
        return kwargs
    return {
        **kwargs,
        "dag_rel_path": Path(version.relative_fileloc or ""),
        "bundle_info": BundleInfo(name=version.bundle_name or "", version=run.bundle_version),
    }
