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
"""Acknowledge escaped runs, so they are no longer reported."""

from __future__ import annotations

from collections.abc import Collection

from airflow.models.dagrun import DagRun
from sqlalchemy import delete, literal, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.errors import UnknownRunError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.versions.identity import pinned_identity
from airflow_providers_pinning.models import Acknowledgement
from airflow_providers_pinning.vocabulary import MAX_ACKNOWLEDGED_RUNS, EventKind


def acknowledge_runs(dag_id: str, run_ids: Collection[str] | None, change: Change, *, session: Session) -> ReleaseState:
    """
    Acknowledge runs that were created with another version than the pinned one. The runs themselves do not change.

    :param dag_id: the Dag
    :param run_ids: the runs; ``None`` means all reported ones, up to the newest ``MAX_ACKNOWLEDGED_RUNS``
    :param change: who has reviewed them, and the result
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownRunError: if one of the runs is not reported as escaped
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    """
    wanted = None if run_ids is None else sorted(set(run_ids))
    request = {"action": "acknowledge", "dag_id": dag_id, "run_ids": wanted}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    escaped = escaped_run_ids(dag_id, limit=MAX_ACKNOWLEDGED_RUNS, session=session)
    if unknown := set(wanted or ()).difference(escaped):
        raise UnknownRunError(
            f"These runs of Dag {dag_id!r} are not reported as escaped: {', '.join(sorted(unknown))}. They use the "
            "pinned version, were created before the pin, or were already acknowledged. See GET /health for the "
            "reported runs.",
            dag_id=dag_id,
            run_ids=sorted(unknown),
        )
    chosen = escaped if wanted is None else wanted
    session.add_all(
        Acknowledgement(dag_id=dag_id, run_id=run_id, actor=change.caller.name, reason=change.reason)
        for run_id in chosen
    )
    if chosen or change.idempotency_key:
        pinned = pinned_identity(pin)
        events.record(
            EventKind.ACKNOWLEDGED if chosen else EventKind.CONFIRMED,
            dag_id=dag_id,
            revision=pin.revision,
            change=change,
            request=request,
            from_version=pinned,
            to_version=pinned,
            evidence={"run_ids": chosen},
            session=session,
        )
    return release_state(dag_id, session=session)


def expect_run(dag_id: str, run_id: str, actor: str, reason: str, *, session: Session) -> None:
    """Note in the transaction of a run why it has another version than the pinned one, so that it is not reported."""
    session.merge(Acknowledgement(dag_id=dag_id, run_id=run_id, actor=actor, reason=reason))


def forget_acknowledgements(*, session: Session) -> None:
    """Drop the acknowledgements of runs that were deleted from Airflow."""
    present = (
        select(literal(1))
        .where(DagRun.dag_id == Acknowledgement.dag_id, DagRun.run_id == Acknowledgement.run_id)
        .correlate(Acknowledgement)
        .exists()
    )
    session.execute(delete(Acknowledgement).where(~present).execution_options(synchronize_session=False))
