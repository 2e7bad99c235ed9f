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
In the scheduler, runs keep their version, and one broken pin does not stop the others.

Airflow's ``_verify_integrity_if_dag_changed`` moves the unfinished task instances of a run without a
bundle version to the latest version. A pin would move runs that were created before it.

A Dag whose pin cannot be honored is due for a run for ever, because none is made. Airflow picks the longest due Dags
first, a few at a time, so such Dags would take every place. This scheduler remembers them, makes room for as many
more (see ``enforcement.scheduler.assets``), and tries each again once a minute. Nothing is written down, since
another scheduler may well be able to read the Dag. Its runs are not created outside ``try`` either: on the asset
paths an exception would end the scheduler.

Airflow's ``_update_asset_orphanage`` activates assets, as the dag processor and a change of a pin do with those of a
Dag. Two of them can activate the same one, or several in different orders and so wait for each other. The scheduler
would end if it is the one that loses. Here it goes on, and cleans up with the next turn of the timer.

When it creates scheduled and asset-triggered runs, the scheduler has locked the Dags' rows, which no change of
a pin gets past. So the version that it reads is the one that the run gets, and nothing is locked or read once more.

Shown by ``tests/unit/enforcement/scheduler/test_dag_runs.py`` and ``tests/integration/test_locks.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.scheduler import retry_backoff

log = logging.getLogger(__name__)


def verify_integrity_if_dag_changed(call: Call) -> bool:
    """Leave the runs of a pinned Dag with the version they were created with."""
    from airflow_providers_pinning.domain.resolution.run_versions import answered, read_latest

    run = call.dag_run
    if not run.created_dag_version_id:
        return bool(call.proceed())
    # Instead of the look-up that Airflow is about to make, not beside it.
    latest = read_latest(run.dag_id, session=call.session)
    if latest.is_pinned:
        return True
    with answered(latest):
        return bool(call.proceed())


def get_current_dag(call: Call) -> Any:
    """Read the active version; if a pin stands in the way, say so and remember it."""
    from airflow_providers_pinning.domain.resolution.locked_pin import pinned_version_ids

    dag_id, session = call.dag_id, call.session
    dag = call.proceed()
    if dag is not None:
        retry_backoff.note_success(dag_id)
    elif (pinned := pinned_version_ids([dag_id], session=session).get(dag_id)) and retry_backoff.note_failure(
        dag_id, pinned
    ):
        log.error(
            "No run of Dag %s is created: its pinned version is gone, changed or unreadable. Pin another version or "
            "unpin it. It is tried again every %d seconds.",
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
    """Create the runs Dag by Dag, so that a pin that cannot be honored fails alone; these rows are locked too."""
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
    """Try the Dags later that get no run until somebody decides, or they would take others' places."""
    from airflow_providers_pinning.domain.resolution.refused_runs import take_waiting

    for dag_id, pinned in take_waiting().items():
        retry_backoff.note_failure(dag_id, pinned)


def _worth_trying(dag_models: Any, *, session: Any) -> list[Any]:
    """Leave out the Dags that failed a moment ago, unless their pin has changed since."""
    from airflow_providers_pinning.domain.resolution.locked_pin import pinned_version_ids

    failed = retry_backoff.waiting(dag_model.dag_id for dag_model in dag_models)
    if not failed:
        return list(dag_models)
    pinned = pinned_version_ids(failed, session=session)
    return [dag for dag in dag_models if dag.dag_id not in failed or pinned.get(dag.dag_id) != failed[dag.dag_id]]


def create_dagruns_for_partitioned_asset_dags(call: Call) -> Any:
    """
    Pass over the partitions of pins that cannot be honored, which Airflow would look at first every time.

    Should a pin break between its selection and the creation of the run, this round ends there.
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
    """Clean up; if someone else was faster, the transaction is taken back and left to the next turn."""
    from sqlalchemy.exc import DBAPIError

    from airflow_providers_pinning.domain.changes.database_errors import is_lost_race

    try:
        call.proceed()
    except DBAPIError as error:
        # In a session of the caller's, the failed transaction is the caller's to end.
        if call.has("session") or not is_lost_race(error):
            raise
        log.warning(
            "The clean-up of assets met others at the same assets, and is made at its next turn: %s", error.orig
        )
