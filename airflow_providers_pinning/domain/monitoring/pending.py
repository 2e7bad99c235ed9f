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
"""Views of pending changes, which take effect at a given time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.monitoring.health import HealthStatus, Problem
from airflow_providers_pinning.domain.monitoring.health_flags import OVERDUE_AFTER
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, require_dag
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import TimedStatus


@dataclass(frozen=True)
class PendingChange:
    """A pin, unpin or rollback that takes effect at a given time."""

    id: int
    dag_id: str
    action: str
    effective_from: datetime
    version: VersionIdentity | None
    """The version to become active; ``None`` for an unpin, which activates the latest version at that time."""
    actor: str
    reason: str
    created_at: datetime
    is_due: bool
    """Whether its time has come by the database's clock, so the schedulers are putting it into effect."""
    is_overdue: bool
    """Whether its time was more than :data:`OVERDUE_AFTER` ago."""
    waits_for: datetime | None
    """Due time of the last scheduled run that the old schedule must create before it; ``None`` if there is none."""

    def as_dict(self) -> dict[str, Any]:
        """Return a description of the change as plain JSON values."""
        return {
            "id": self.id,
            "action": self.action,
            "effective_from": self.effective_from.isoformat(),
            "version_number": self.version and self.version.version_number,
            "actor": self.actor,
            "reason": self.reason,
        }


def pending_change(pin: Pin | None, *, session: Session) -> PendingChange | None:
    """Return the pending change of a Dag, if there is one."""
    if pin is None or pin.pending_from is None:
        return None
    return next(iter(_read([pin.dag_id], limit=1, offset=0, session=session)), None)


def pending_changes(dag_ids: Collection[str], *, session: Session) -> dict[str, PendingChange]:
    """Return the pending changes of several Dags, by ID."""
    if not dag_ids:
        return {}
    return {one.dag_id: one for one in _read(dag_ids, limit=None, offset=0, session=session)}


def list_pending(sight: Sight | None, *, limit: int, offset: int, session: Session) -> tuple[list[PendingChange], int]:
    """
    List pending changes, the next one first, and count them all.

    :param sight: which Dags the caller may see; ``None`` means all
    :param limit: maximum number of changes
    :param offset: number of changes to skip
    :param session: database session
    """
    waiting = (
        select(TimedChange.dag_id)
        .where(TimedChange.status == TimedStatus.PENDING.value)
        .order_by(TimedChange.effective_from, TimedChange.dag_id)
    )
    found = session.scalars(waiting).all()
    seen = sight.among(found) if sight and found else None
    dag_ids = [dag_id for dag_id in found if seen is None or dag_id in seen]
    shown = dag_ids[offset : offset + limit]
    return _read(shown, limit=None, offset=0, session=session) if shown else [], len(dag_ids)


def _read(dag_ids: Collection[str] | None, *, limit: int | None, offset: int, session: Session) -> list[PendingChange]:
    query = (
        select(TimedChange, DagModel.next_dagrun_create_after)
        .outerjoin(DagModel, DagModel.dag_id == TimedChange.dag_id)
        .where(TimedChange.status == TimedStatus.PENDING.value)
        .order_by(TimedChange.effective_from, TimedChange.dag_id)
    )
    if dag_ids is not None:
        query = query.where(TimedChange.dag_id.in_(dag_ids))
    rows = session.execute(query.limit(limit).offset(offset)).all()
    now = database_clock(session=session) if rows else None
    return [_describe(row.TimedChange, row.next_dagrun_create_after, now) for row in rows]


def _describe(pending: TimedChange, next_run: datetime | None, now: datetime | None) -> PendingChange:
    is_due = now is not None and pending.effective_from <= now
    return PendingChange(
        id=pending.id,
        dag_id=pending.dag_id,
        action=pending.action,
        effective_from=pending.effective_from,
        version=VersionIdentity.from_dict(pending.to_version) if pending.to_version else None,
        actor=pending.actor,
        reason=pending.reason,
        created_at=pending.created_at,
        is_due=is_due,
        is_overdue=now is not None and pending.effective_from <= now - OVERDUE_AFTER,
        waits_for=next_run if is_due and next_run is not None and next_run < pending.effective_from else None,
    )


def activation_problems(pin: Pin | None, pending: PendingChange | None) -> tuple[Problem, ...]:
    """Report a timed change that could not take effect, or should have by now."""
    if pin is None:
        return ()
    failed = pin.activation_failure and Problem("activation_failed", pin.activation_failure, HealthStatus.DEGRADED)
    overdue = overdue_words(pending) if pending else None
    late = overdue and Problem("activation_overdue", overdue, HealthStatus.DEGRADED)
    return tuple(problem for problem in (failed, late) if problem)


def overdue_words(pending: PendingChange) -> str | None:
    """Explain why a change is not in effect long after its time, with a remedy; ``None`` if it is not overdue."""
    if not pending.is_overdue:
        return None
    since = f"A {pending.action} should have taken effect at {pending.effective_from.isoformat()}"
    if pending.waits_for is None:
        return (
            f"{since}, but no scheduler has made it. Check that a scheduler with this package is running (airflow "
            "pinning doctor), and its log."
        )
    return (
        f"{since}, but the old schedule still has to create the run of {pending.waits_for.isoformat()}. Let the "
        "Dag's active runs finish, or pause the Dag: the change does not wait for a paused Dag."
    )


def pending_of(dag_id: str, *, session: Session) -> PendingChange | None:
    """
    Return the pending change of a Dag, if there is one.

    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    return pending_change(session.get(Pin, dag_id), session=session)


def failure_of(dag_id: str, *, session: Session) -> str | None:
    """Return why the last pending change of a Dag did not take effect, unless the pin has changed since."""
    pin = session.get(Pin, dag_id)
    return pin.activation_failure if pin else None
