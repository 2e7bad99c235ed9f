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
A run requested by its commit.

Since 3.4 a request can name the version of a run by ``bundle_version``: in the REST API, the user interface, and when
materializing an asset. For a pinned Dag, this would create a live run of another version than the pin. So it becomes
a canary run of that version, recorded and isolated like any other, if the user may start one. It keeps the logical
date, partition and time of the request, but gets its own run ID, which the response contains. If the request names
the pinned commit, it is an ordinary run, which is refused if the version fails more than policies allow.

Shown by ``tests/unit/enforcement/runs/test_by_commit.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.runs import breaker
from airflow_providers_pinning.enforcement.runs.creation import create_dagrun as create_from_one_version
from airflow_providers_pinning.enforcement.runs.creation import refuse_name_of_canary, set_bundle_version


def answer(call: Call) -> Any:
    """Note the user who requests a run by its commit."""
    from airflow_providers_pinning.domain.resolution.by_commit import RunByCommit, asking_for_run

    if call.body.bundle_version is None:
        return call.proceed()
    with asking_for_run(RunByCommit(call.user, call.body.dag_run_id)):
        return call.proceed()


def create_dagrun(call: Call) -> Any:
    """Create a run from one version; for another commit than the pinned one, as a canary run."""
    from airflow.models.dag_version import DagVersion
    from airflow.utils.types import DagRunTriggeredByType

    from airflow_providers_pinning.domain.locks import may_wait_to_shut_gate
    from airflow_providers_pinning.domain.resolution.active import current_resolution
    from airflow_providers_pinning.domain.resolution.by_commit import run_asked_for
    from airflow_providers_pinning.domain.resolution.locked_pin import lock_active_pin
    from airflow_providers_pinning.domain.resolution.timeline import pinned_id_by_time

    dag, session = call.instance, call.session
    if call.bundle_version is None or call.triggered_by == DagRunTriggeredByType.TEST:
        return create_from_one_version(call)
    if (routed := current_resolution(dag.dag_id)) and routed.routed_to:
        return create_from_one_version(call)
    version = call.dag_version or DagVersion.get_latest_version(
        dag.dag_id, bundle_version=call.bundle_version, session=session
    )
    asked = run_asked_for()
    if version is None or (asked and asked.is_never_pinned(version)):
        return call.proceed()
    refuse_name_of_canary(dag.dag_id, call.run_id, session=session)
    # Before any lock is taken: creating a canary run locks the Dag's row first.
    pinned = pinned_id_by_time(dag.dag_id, call.run_after, session=session)
    if pinned is not None and pinned != version.id:
        # The Dag was pinned for the first time while this request waited for the gate, perhaps as one of several.
        if not may_wait_to_shut_gate(dag.dag_id, session=session):
            raise ValueError(_moved(dag.dag_id))
        return _create_canary_run(call, version, asked)
    pin = lock_active_pin(dag.dag_id, run_after=call.run_after, session=session)
    if (pin.version.dag_version_id if pin.version else None) != pinned:
        raise ValueError(_moved(dag.dag_id))
    if pin.is_pending:
        from airflow_providers_pinning.domain.changes.obstacles import require_no_obstacle

        require_no_obstacle(dag.dag_id, call.run_after, session=session)
    else:
        _require_not_failing(call, pin)
    run = call.proceed(dag_version=version)
    if pin.version:
        set_bundle_version(run, pin.version)
    return run


def _require_not_failing(call: Call, pin: Any) -> None:
    """Refuse a run of a version that is being rolled back, instead of using a commit that was not requested."""
    from airflow_providers_pinning.domain.errors import PinUnavailableError

    if breaker.instead_of_failing(call, pin).version == pin.version:
        return
    dag_id, number = call.instance.dag_id, pin.version.version_number
    raise PinUnavailableError(
        f"No run of Dag {dag_id!r} was created: version {number} of commit {call.bundle_version!r} failed more "
        "often than a release policy allows, and is being rolled back. Omit bundle_version to use the stable "
        "version.",
        dag_id=dag_id,
        version_number=number,
    )


def _moved(dag_id: str) -> str:
    return f"The pin of Dag {dag_id!r} moved while a run was being created. Try again."


def _create_canary_run(call: Call, version: Any, asked: Any) -> Any:
    """Create a canary run of a version from the request."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
    from airflow_providers_pinning.domain.errors import PinningError
    from airflow_providers_pinning.domain.history.events import Change

    dag_id, session = call.instance.dag_id, call.session
    caller = _caller(dag_id, asked, call.bundle_version, session=session)
    _require_free_date(dag_id, call.logical_date)
    request = CanaryRequest(
        version.version_number,
        conf=call.conf or None,
        note=_text_of(call.note),
        partition_key=call.partition_key,
        logical_date=call.logical_date,
        data_interval=call.data_interval,
        run_after=call.run_after,
    )
    change = Change(caller, reason=f"run of {call.bundle_version}", expected_bundle_version=version.bundle_version)
    try:
        created = create_canary_runs(dag_id, request, change, session=session)
    except PinningError as error:
        # Airflow returns the messages of these for an invalid request.
        raise ValueError(str(error)) from error
    return session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == created.run_ids[0]))


def _caller(dag_id: str, asked: Any, commit: str, *, session: Any) -> Any:
    """Return the user who requests a canary run, if they may start one and did not choose its ID."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from airflow.models.dag import DagModel
    from fastapi import HTTPException, status

    from airflow_providers_pinning.domain.history.events import Caller
    from airflow_providers_pinning.vocabulary import MAX_ACTOR

    would = f"Dag {dag_id!r} is pinned to another version than that of {commit!r}, so this would be a canary run"
    if asked is None:
        raise ValueError(f"{would}, but the requesting user is unknown. Start a canary run of the version instead.")
    manager, user = get_auth_manager(), asked.user

    def may_start(dag_id: str, team_name: str | None) -> bool:
        details = DagDetails(id=dag_id, team_name=team_name)
        return manager.is_authorized_dag(method="PUT", details=details, user=user) and manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )

    if not may_start(dag_id, DagModel.get_team_name(dag_id, session=session)):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f"{would}, which user {user.get_name()!r} is not permitted to start. Missing: edit the Dag (FAB: 'can "
            "edit on DAGs').",
        )
    if asked.run_id:
        raise ValueError(f"{would}, whose ID cannot be chosen. Omit dag_run_id, {asked.run_id!r}.")
    return Caller(user.get_name()[:MAX_ACTOR], permitted_in_team=may_start)


def _require_free_date(dag_id: str, logical_date: Any) -> None:
    """Reserve the dates of scheduled runs, which are whole seconds: no two runs may have the same."""
    if logical_date is not None and not logical_date.microsecond:
        raise ValueError(
            f"This would be a canary run of Dag {dag_id!r}, which must not take the logical date of a scheduled "
            f"run; {logical_date.isoformat()} could be one. Omit logical_date, or add a fraction of a second."
        )


def _text_of(note: Any) -> str | None:
    return note[0] if isinstance(note, tuple) else note
