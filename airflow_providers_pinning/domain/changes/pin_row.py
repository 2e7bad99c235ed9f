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
"""The row of a pin: locked first, written last."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from sqlalchemy import BindParameter, Select, bindparam, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, require_dag
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import BreakerState

READ_AT_ONCE = 5000
"""How many pins to read at a time."""


def lock_pin(dag_id: str, *, session: Session) -> Pin:
    """
    Lock a Dag's row and then its pin's, in this order, and return the pin.

    A Dag that was never pinned gets a row that chooses nothing, which is kept only if the change is.

    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, lock=True, session=session)
    pin = session.get(Pin, dag_id, with_for_update=True, populate_existing=True)
    if pin is None:
        pin = Pin(dag_id=dag_id, revision=0, last_run_before=0)
        session.add(pin)
        session.flush()
    return pin


def lock_pins(dag_ids: Collection[str], *, session: Session) -> dict[str, Pin]:
    """
    Do what :func:`lock_pin` does for several Dags, with a number of statements that does not grow with them.

    :return: the pins by Dag; those of Dags that are not there are missing
    """
    locks.shut_gates(dag_ids, session=session)
    present = session.scalars(locks.for_change(_rows_in_order()), {"dag_ids": list(dag_ids)}).all()
    rows = session.scalars(
        select(Pin).where(Pin.dag_id.in_(present)).order_by(Pin.dag_id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    pins = {pin.dag_id: pin for pin in rows}
    new = [Pin(dag_id=dag_id, revision=0, last_run_before=0) for dag_id in present if dag_id not in pins]
    session.add_all(new)
    session.flush()
    return pins | {pin.dag_id: pin for pin in new}


def read_pins(dag_ids: Collection[str], *, session: Session) -> dict[str, Pin]:
    """Read pins without locking them; a Dag that was never pinned has one that chooses nothing and is not stored."""
    found: dict[str, Pin] = {}
    for page in pages(sorted(dag_ids), READ_AT_ONCE):
        present = session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(page))).all()
        rows = {pin.dag_id: pin for pin in session.scalars(select(Pin).where(Pin.dag_id.in_(page)))}
        found |= {dag_id: rows.get(dag_id) or Pin(dag_id=dag_id, revision=0, last_run_before=0) for dag_id in present}
    return found


def _rows_in_order() -> Select:
    asked: BindParameter[str] = bindparam("dag_ids", expanding=True)
    # As the dag processor does, by the order of the database.
    return select(DagModel.dag_id).where(DagModel.dag_id.in_(asked)).order_by(DagModel.dag_id)


def newest_run(*, session: Session) -> int:
    """Return the highest id of a run, for :func:`choose`."""
    return session.scalar(select(func.max(DagRun.id))) or 0


def retain_active(pin: Pin, rows: Mapping[UUID, ManagedVersion]) -> None:
    """
    Keep the version that stops being active, so that it can be rolled back to unchanged.

    :param rows: management rows, by version; that of the pinned version among them, if it has one
    """
    row = rows.get(pin.dag_version_id) if pin.dag_version_id else None
    if row is not None and row.state == VersionState.ACTIVE.value:
        row.state = VersionState.RETAINED.value
        row.state_changed_at = row.evaluated_since = timezone.utcnow()


def choose(pin: Pin, version: VersionIdentity, change: Change, *, last_run: int, is_rollback: bool = False) -> None:
    """
    Let a pin choose a version.

    :param last_run: what :func:`newest_run` returned in this transaction
    :param is_rollback: the version is a rollback target, which is not rolled back automatically
    """
    pin.revision += 1
    pin.breaker, pin.breaker_after = BreakerState.SPENT.value if is_rollback else None, None
    pin.dag_version_id = version.dag_version_id
    pin.version_number = version.version_number
    pin.bundle_name = version.bundle_name
    pin.bundle_version = version.bundle_version
    pin.dag_hash = version.dag_hash
    pin.relative_fileloc = version.relative_fileloc
    pin.last_run_before = last_run
    _stamp(pin, change)


def choose_nothing(pin: Pin, change: Change) -> None:
    """Clear the pin; its revision continues."""
    pin.revision += 1
    pin.dag_version_id = pin.version_number = pin.bundle_name = pin.bundle_version = None
    pin.dag_hash = pin.relative_fileloc = pin.head_missing_at = None
    pin.breaker = pin.breaker_after = None
    _stamp(pin, change)


def _stamp(pin: Pin, change: Change) -> None:
    pin.reason, pin.actor, pin.actor_kind = change.reason, change.caller.name, change.caller.kind.value
    pin.changed_at = timezone.utcnow()
    end_timeline(pin)


def end_timeline(pin: Pin) -> None:
    """Let the present choice hold for runs of any time, and nothing be pending or reported as failed."""
    pin.pending_from = pin.effective_from = pin.schedule_from = pin.timeline_id = pin.activation_failure = None


def lift_hold(pin: Pin) -> None:
    """Clear the hold."""
    pin.hold_reason = pin.hold_actor = pin.hold_at = pin.hold_until = None
