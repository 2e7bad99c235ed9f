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
Create a run from exactly one version.

Airflow's ``SerializedDAG.create_dagrun`` uses a Dag that was read earlier, and looks up the version again for the
run's rows: if a pin commits in between, the run has the tasks of one version and the ID of another. So the version is
looked up once, under a lock, with Airflow's own lookup. If the given Dag has another version, the run is created from
the right one, and the inner lookups return the same version. A canary run specifies its version, and no other run of
a managed Dag gets an ID like it. Around a timed change of the pin, a run gets the version for its due time; runs from
the schedule or an asset wait until the change is in effect. If a version fails too often, the run gets the stable
one, see ``enforcement.runs.breaker``; during a ramp, some runs get its version, see ``enforcement.runs.ramp``.
``dag.test`` and ``airflow tasks test`` are exempt: they run local code.

Shown by ``tests/unit/enforcement/runs/test_creation.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.runs import breaker, ramp
from airflow_providers_pinning.enforcement.versions.serialized_dag import stamp_of

log = logging.getLogger(__name__)


def create_dagrun(call: Call) -> Any:
    """Create a run from one version, which is looked up once."""
    from airflow.utils.types import DagRunTriggeredByType

    from airflow_providers_pinning.domain.resolution.active import Resolution, current_resolution, resolved
    from airflow_providers_pinning.domain.resolution.locked_pin import lock_active_pin

    dag, session = call.instance, call.session
    if (routed := current_resolution(dag.dag_id)) and routed.routed_to:
        run = call.proceed()
        set_bundle_version(run, routed.routed_to)
        return run
    # ``airflow tasks test`` also runs local code, which was not read from the database.
    is_local = call.triggered_by == DagRunTriggeredByType.CLI and stamp_of(dag) is None
    if call.triggered_by == DagRunTriggeredByType.TEST or is_local:
        with resolved(Resolution(dag.dag_id, None)):
            return call.proceed()
    refuse_name_of_canary(dag.dag_id, call.run_id, session=session)
    if (run := _create_from_dag_in_hand(call)) is not None:
        return run
    pin = lock_active_pin(dag.dag_id, run_after=call.run_after, session=session)
    if pin.is_pending:
        from airflow_providers_pinning.domain.changes.obstacles import require_no_obstacle

        _require_no_schedule(call)
        require_no_obstacle(dag.dag_id, call.run_after, session=session)
    else:
        pin = ramp.by_share(call, breaker.instead_of_failing(call, pin))
    if pin.recorded:
        dag = pin.dag or _dag_of(dag, pin.version, session=session)
    resolution = Resolution(dag.dag_id, pin.version.dag_version_id if pin.version else None, row=pin.row)
    with resolved(resolution), ramp.inserting(pin, session=session):
        run = call.proceed_on(dag)
    if pin.version and not dag.disable_bundle_versioning:
        set_bundle_version(run, pin.version)
    return run


def refuse_name_of_canary(dag_id: str, run_id: Any, *, session: Any) -> None:
    """Refuse a live run whose ID would make its tasks treat it as a canary run."""
    from airflow_providers_pinning.vocabulary import CANARY_RUN_ID

    if not isinstance(run_id, str) or CANARY_RUN_ID.fullmatch(run_id) is None:
        return
    from airflow_providers_pinning.domain.resolution.creation import is_managed

    if is_managed(dag_id, session=session):
        raise ValueError(
            f"No run of Dag {dag_id!r} was created: {run_id!r} is the ID of a canary run, so tasks would treat "
            "this run as one. Use another ID, or start a canary run."
        )


def _require_no_schedule(call: Call) -> None:
    """Postpone runs from the old version's schedule or assets until the new version decides whether they are due."""
    from airflow.utils.types import DagRunType

    from airflow_providers_pinning.domain.errors import PinUnavailableError

    if call.run_type in (DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED):
        dag_id = call.instance.dag_id
        raise PinUnavailableError(
            f"Dag {dag_id!r} gets no run for {call.run_after.isoformat()} from the schedule or the assets of its "
            "current version: another version takes effect before that. The schedulers apply that change first.",
            dag_id=dag_id,
        )


def _create_from_dag_in_hand(call: Call) -> Any:
    """Create the run like Airflow, unless it needs another version; then nothing was written."""
    from airflow_providers_pinning.domain.resolution.creation import DagNotInHandError, creating_run
    from airflow_providers_pinning.domain.resolution.locked_rows import has_ramp

    dag = call.instance
    if (stamp := stamp_of(dag)) is None or has_ramp(dag.dag_id):
        return None
    try:
        with creating_run(
            dag.dag_id,
            stamp,
            run_after=call.run_after,
            guard=breaker.guard_of(dag, session=call.session),
            session=call.session,
        ) as creation:
            run = call.proceed()
    except DagNotInHandError:
        return None
    if creation.is_pinned:
        set_bundle_version(run, creation)
    return run


def _dag_of(dag: Any, version: Any, *, session: Any) -> Any:
    """Return the Dag of the resolved version: the given one if it matches, otherwise read it."""
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    from airflow_providers_pinning.domain.errors import PinUnavailableError
    from airflow_providers_pinning.domain.resolution.active import Resolution, resolved

    if version is None:
        with resolved(Resolution(dag.dag_id, None)):
            latest = session.scalar(SerializedDagModel.latest_item_select_object(dag.dag_id))
        return dag if latest is None or stamp_of(dag) == (latest.dag_version_id, latest.dag_hash) else latest.dag
    if stamp_of(dag) == (version.dag_version_id, version.dag_hash):
        return dag
    log.info(
        "The pin of Dag %s moved while a run was being created; it gets version %s", dag.dag_id, version.version_number
    )
    stored = session.scalar(
        select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.dag_version_id)
    )
    try:
        return stored.dag
    except Exception as error:
        # On the scheduler's asset paths, any other exception would end its loop.
        raise PinUnavailableError(
            f"No run of Dag {dag.dag_id!r} was created: it would use {version.label}, which cannot be deserialized "
            f"({type(error).__name__}: {error}). Install the plugins that it was parsed with, or pin another "
            "version.",
            dag_id=dag.dag_id,
            version_number=version.version_number,
        ) from error


def set_bundle_version(run: Any, version: Any) -> None:
    """Airflow reads it from ``DagModel``, which a host without the enforcement may have overwritten."""
    if run.bundle_version != version.bundle_version:
        run.bundle_version = version.bundle_version
