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
A run that is asked for by its commit.

Since 3.4 Airflow creates a run of the version that a request names by ``bundle_version``: the REST API, its own user
interface, the materialization of an asset. Of a pinned Dag that would be a live run of another version than the pin. So
it becomes a canary run of that version, recorded and isolated as any other; whoever may create the one may create the
other. It has a run id and a logical date of its own, which the answer tells. If the request names the pinned commit, it
is an ordinary run.

Shown by ``tests/unit/enforcement/runs/test_by_commit.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.runs.creation import create_dagrun as create_from_one_version
from airflow_providers_pinning.enforcement.runs.creation import set_bundle_version


def create_dagrun(call: Call) -> Any:
    """Create a run from one version, which is looked up once; one of another commit than is pinned as a canary run."""
    from airflow.models.dag_version import DagVersion
    from airflow.utils.types import DagRunTriggeredByType

    from airflow_providers_pinning.domain.resolution.active import (
        current_resolution,
        lock_active_pin,
        pinned_version_ids,
    )

    dag, session = call.instance, call.session
    if call.bundle_version is None or call.triggered_by == DagRunTriggeredByType.TEST:
        return create_from_one_version(call)
    if (routed := current_resolution(dag.dag_id)) and routed.routed_to:
        return create_from_one_version(call)
    version = call.dag_version or DagVersion.get_latest_version(
        dag.dag_id, bundle_version=call.bundle_version, session=session
    )
    if version is None:
        return call.proceed()
    # Before anything is locked: the creation of a canary run locks the Dag's row first.
    pinned = pinned_version_ids([dag.dag_id], session=session).get(dag.dag_id)
    if pinned is not None and pinned != version.id:
        return _create_canary_run(call, version)
    pin = lock_active_pin(dag.dag_id, session=session)
    if (pin.version.dag_version_id if pin.version else None) != pinned:
        raise ValueError(f"The pin of Dag {dag.dag_id!r} moved while a run was being created. Try again.")
    run = call.proceed(dag_version=version)
    if pin.version:
        set_bundle_version(run, pin.version)
    return run


def _create_canary_run(call: Call, version: Any) -> Any:
    """Create a canary run of a version, with the configuration that was asked for."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
    from airflow_providers_pinning.domain.errors import PinningError
    from airflow_providers_pinning.domain.history.events import Caller, Change

    dag_id, session = call.instance.dag_id, call.session
    if call.partition_key is not None:
        raise ValueError(
            f"Dag {dag_id!r} is pinned to another version than that of {call.bundle_version!r}, so this would be a "
            "canary run, which can have no partition key. Leave out partition_key or bundle_version."
        )
    request = CanaryRequest(version.version_number, conf=call.conf or None, note=_text_of(call.note))
    change = Change(
        Caller(call.triggering_user_name or "Airflow"),
        reason=f"run of {call.bundle_version}",
        expected_bundle_version=version.bundle_version,
    )
    try:
        created = create_canary_runs(dag_id, request, change, session=session)
    except PinningError as error:
        # Airflow answers a request that is wrong with the message of these.
        raise ValueError(str(error)) from error
    return session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == created.run_ids[0]))


def _text_of(note: Any) -> str | None:
    return note[0] if isinstance(note, tuple) else note
