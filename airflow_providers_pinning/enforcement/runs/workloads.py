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
A task runs with the file and bundle of its run's version.

For ``ExecuteTask``, ``ExecuteCallback`` and callbacks and emails in the dag processor, Airflow takes the bundle name
and file path from ``DagModel``, which describes the active version, but the bundle version from the run. If the pin
moves between versions with different files or bundles, a run in progress would look for the file of one version in
the code of another.

Clearing some tasks with the latest version moves their run there, including the commit, while the other tasks keep
their version. They run from the run's commit, so they use the file of the run's version. Callbacks may have either
commit, and use the file of the version with that commit.

The scheduler sends tasks to executors inside its critical section. The required data of the pin comes with
``DagModel``, which it reads for these tasks anyway.

Shown by ``tests/unit/enforcement/runs/test_workloads.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_providers_pinning.domain.resolution.told import is_told_unmanaged
from airflow_providers_pinning.enforcement.call import Call, passing_on


def executable_task_instances_to_queued(call: Call) -> Any:
    """Find the tasks to execute, and also read which version ``DagModel`` describes."""
    from airflow_providers_pinning.domain.resolution.places import places_told

    with places_told(call.session):
        return call.proceed()


@passing_on("ti", is_told_unmanaged)
def make_task(call: Call) -> Any:
    """Create the workload of a task, with the file and bundle of its run's version."""
    ti = call.ti
    run = ti.dag_run
    return _located(call, ti, run.created_dag_version_id or ti.dag_version_id, run)


@passing_on("dag_run", is_told_unmanaged)
def make_callback(call: Call) -> Any:
    """Create the workload of a callback, with the file and bundle of its run's version."""
    run = call.dag_run
    return _located(call, run, run.created_dag_version_id, run)


def send(call: Call) -> None:
    """Send a callback or email, with the file and bundle of its version."""
    # Executors use it, and triggers that end their task.
    from airflow_providers_pinning.domain.resolution.callbacks import CallbackOf, Place, hand_over

    request = call.callback
    if request.bundle_version is None:
        call.proceed()
        return
    ti = getattr(request, "ti", None)
    of_run = request if ti is None else ti
    of = CallbackOf(
        of_run.dag_id,
        of_run.run_id,
        request.bundle_version,
        said=Place(request.bundle_name, request.filepath),
        dag_version_id=None if ti is None else ti.dag_version_id,
    )

    def make(place: Place) -> Any:
        request.bundle_name, request.filepath = place
        taker = _Taker()
        call.proceed(session=taker)
        return taker.taken

    hand_over(of, make, session=call.session)


class _Taker:
    """Receives what Airflow adds, in place of a session."""

    taken: Any = None

    def add(self, row: Any) -> None:
        self.taken = row


def _located(call: Call, of_dag: Any, dag_version_id: Any, run: Any) -> Any:
    """Call Airflow's function, with the file and bundle of the run's version if it may differ from the active one."""
    from sqlalchemy.orm import object_session

    from airflow_providers_pinning.domain.resolution.places import place_of_inactive_version, places_told

    session = object_session(run)
    if session is None or run.bundle_version is None or call.bundle_info or call.dag_rel_path:
        return call.proceed()
    if "dag_model" not in of_dag.__dict__:
        # Airflow reads it right away.
        with places_told(session):
            _ = of_dag.dag_model
    version = place_of_inactive_version(of_dag.dag_model, dag_version_id, session=session)
    if version is None:
        return call.proceed()
    return call.proceed(
        dag_rel_path=Path(version.relative_fileloc or ""),
        bundle_info=_bundle_of_run(version.bundle_name or "", run),
    )


def _bundle_of_run(name: str, run: Any) -> Any:
    """Return the bundle of a run, with its version data if Airflow sends it to workers."""
    from airflow.executors.workloads.base import BundleInfo
    from airflow.models import dag_version

    versions: Any = dag_version
    given = {}
    if "version_data" in BundleInfo.model_fields:
        given["version_data"] = versions._resolve_version_data(run.created_dag_version, run.bundle_version)
    return BundleInfo(name=name, version=run.bundle_version, **given)
