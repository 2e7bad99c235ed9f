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

Airflow takes the bundle's name and the file's path of ``ExecuteTask``, ``ExecuteCallback`` and the callbacks and
e-mails that the dag processor runs from
``DagModel``, which describes the active version, and the bundle's version from the run. While the pin
moves between versions whose file or bundle differ, a run that is under way would look for the file of
one version in the code of another.

Clearing some tasks on the latest version moves their run there, commit and all, while the other tasks keep the
version that they had. They run from the run's commit, so the file is looked for where the run's version has it.
Callbacks may have either commit, and the file is that of the version with the same one.

The scheduler hands tasks over inside its critical section. What is needed of the pin comes along with ``DagModel``,
which it reads for these tasks anyway.

Shown by ``tests/unit/enforcement/runs/test_workloads.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_providers_pinning.domain.resolution.told import is_told_unmanaged
from airflow_providers_pinning.enforcement.call import Call, passing_on


def executable_task_instances_to_queued(call: Call) -> Any:
    """Find the tasks to hand over, and read along which version ``DagModel`` describes."""
    from airflow_providers_pinning.domain.resolution.places import places_told

    with places_told(call.session):
        return call.proceed()


@passing_on("ti", is_told_unmanaged)
def make_task(call: Call) -> Any:
    """Make the workload of a task, with the file and bundle of its run's version."""
    ti = call.ti
    run = ti.dag_run
    return _located(call, ti, run.created_dag_version_id or ti.dag_version_id, run)


@passing_on("dag_run", is_told_unmanaged)
def make_callback(call: Call) -> Any:
    """Make the workload of a callback, with the file and bundle of its run's version."""
    run = call.dag_run
    return _located(call, run, run.created_dag_version_id, run)


def send(call: Call) -> None:
    """Hand a callback or e-mail over, with the file and bundle of its version."""
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
    """Takes, in place of a session, what Airflow adds to it."""

    taken: Any = None

    def add(self, row: Any) -> None:
        self.taken = row


def _located(call: Call, of_dag: Any, dag_version_id: Any, run: Any) -> Any:
    """Proceed, with the place of the run's version if it need not be the active one's."""
    from sqlalchemy.orm import object_session

    from airflow_providers_pinning.domain.resolution.places import place_of_inactive_version, places_told

    session = object_session(run)
    if session is None or run.bundle_version is None or call.bundle_info or call.dag_rel_path:
        return call.proceed()
    if "dag_model" not in of_dag.__dict__:
        # Airflow reads it now.
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
    """Return the bundle of a run, with the data of its version where Airflow hands that to workers."""
    from airflow.executors.workloads.base import BundleInfo
    from airflow.models import dag_version

    versions: Any = dag_version
    given = {}
    if "version_data" in BundleInfo.model_fields:
        given["version_data"] = versions._resolve_version_data(run.created_dag_version, run.bundle_version)
    return BundleInfo(name=name, version=run.bundle_version, **given)
