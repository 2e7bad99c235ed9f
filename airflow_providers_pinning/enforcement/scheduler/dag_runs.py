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
In the scheduler, runs keep their version, and a broken pin does not block other Dags.

Airflow's ``_verify_integrity_if_dag_changed`` moves the unfinished task instances of a run without a bundle version
to the latest version. A pin would move runs created before it.

A Dag whose pin cannot be resolved stays due. The scheduler takes the most overdue Dags first, in batches, so a few
broken pins would starve the rest. This scheduler remembers them, requests as many more (see
``enforcement.scheduler.assets``), and retries each once a minute. Nothing is stored, because another scheduler may be
able to read the Dag. Their runs are created inside ``try``: on the asset paths, an exception would end the scheduler.

Airflow's ``_update_asset_orphanage`` activates assets, as do the dag processor and pin changes. Two processes can
activate the same asset, or several in different orders and deadlock. The scheduler would crash if it loses. Here it
continues, and retries at the next interval.

When the scheduler creates scheduled and asset-triggered runs, it has locked the Dags' rows, which blocks pin changes.
So the run gets the version that it has read, without another lock or read.

Shown by ``tests/unit/enforcement/scheduler/test_dag_runs.py`` and ``tests/integration/test_locks.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.scheduler import retry_backoff

log = logging.getLogger(__name__)


def verify_integrity_if_dag_changed(call: Call) -> bool:
    """Keep the version that the runs of a pinned Dag were created with."""
    from airflow_providers_pinning.domain.resolution.run_versions import answered, read_latest

    run = call.dag_run
    if not run.created_dag_version_id:
        return bool(call.proceed())
    # This replaces the lookup that Airflow is about to make.
    latest = read_latest(run.dag_id, session=call.session)
    if latest.is_pinned:
        return True
    with answered(latest):
        return bool(call.proceed())


def get_current_dag(call: Call) -> Any:
    """Read the active version; if the pin cannot be resolved, log and remember it."""
    from airflow_providers_pinning.domain.resolution.locked_pin import pinned_version_ids

    dag_id, session = call.dag_id, call.session
    dag = call.proceed()
    if dag is not None:
        retry_backoff.note_success(dag_id)
    elif (pinned := pinned_version_ids([dag_id], session=session).get(dag_id)) and retry_backoff.note_failure(
        dag_id, pinned
    ):
        log.error(
            "No run of Dag %s was created: its pinned version is missing, changed or unreadable. Pin another "
            "version or unpin the Dag. Retrying every %d seconds.",
            dag_id,
            retry_backoff.RETRY_AFTER,
        )
    return dag


def create_dag_runs(call: Call) -> None:
    """Create the scheduled runs of Dags whose rows are locked."""
    from airflow_providers_pinning.domain.resolution.locked_rows import rows_locked

    session = call.session
    dag_models = _worth_trying(call.dag_models, session=session)
    if dag_models:
        with rows_locked([dag_model.dag_id for dag_model in dag_models], session=session):
            call.proceed(dag_models=dag_models)
    _remember_waiting()


def create_dag_runs_asset_triggered(call: Call) -> None:
    """Create the runs Dag by Dag, so a broken pin fails alone; these rows are locked too."""
    from airflow_providers_pinning.domain.errors import PinUnavailableError
    from airflow_providers_pinning.domain.resolution.locked_rows import rows_locked

    session = call.session
    dag_models = _worth_trying(call.dag_models, session=session)
    with rows_locked([dag_model.dag_id for dag_model in dag_models], session=session):
        for dag_model in dag_models:
            try:
                call.proceed(dag_models=[dag_model])
            except PinUnavailableError as error:
                log.error("%s", error)
    _remember_waiting()


def _remember_waiting() -> None:
    """Postpone Dags that get no run until someone decides, so they do not take others' places."""
    from airflow_providers_pinning.domain.resolution.refused_runs import take_waiting

    for dag_id, pinned in take_waiting().items():
        retry_backoff.note_failure(dag_id, pinned)


def _worth_trying(dag_models: Any, *, session: Any) -> list[Any]:
    """Skip the Dags that failed recently, unless their pin has changed since."""
    from airflow_providers_pinning.domain.resolution.locked_pin import pinned_version_ids

    failed = retry_backoff.waiting(dag_model.dag_id for dag_model in dag_models)
    if not failed:
        return list(dag_models)
    pinned = pinned_version_ids(failed, session=session)
    return [dag for dag in dag_models if dag.dag_id not in failed or pinned.get(dag.dag_id) != failed[dag.dag_id]]


def create_dagruns_for_partitioned_asset_dags(call: Call) -> Any:
    """
    Skip the partitions of broken pins, which Airflow would process first every time.

    If a pin breaks between its selection and the creation of the run, this round ends there.
    """
    from airflow_providers_pinning.domain.errors import PinUnavailableError
    from airflow_providers_pinning.domain.resolution.asset_listeners import blocked_partitions_passed_over

    try:
        with blocked_partitions_passed_over(call.session):
            return call.proceed()
    except PinUnavailableError as error:
        log.error("%s", error)
        return {error.data["dag_id"]}


def update_asset_orphanage(call: Call) -> None:
    """Clean up; on a conflict, roll back and leave it to the next interval."""
    from sqlalchemy.exc import DBAPIError

    from airflow_providers_pinning.domain.changes.database_errors import is_lost_race

    try:
        call.proceed()
    except DBAPIError as error:
        # In a caller's session, the caller must end the failed transaction.
        if call.has("session") or not is_lost_race(error):
            raise
        log.warning(
            "The cleanup of assets conflicted with another process, and is retried in the next loop: %s", error.orig
        )
