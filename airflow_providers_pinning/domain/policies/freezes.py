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
"""Freezes: an emergency stop of all changes except rollbacks, for some Dags or all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import FreezeEndsInPastError, UnknownFreezeError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import EVERY_DAG, Change
from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.policies.store import current
from airflow_providers_pinning.domain.policies.views import FreezeView
from airflow_providers_pinning.models import Freeze
from airflow_providers_pinning.vocabulary import EventKind


def freeze(
    change: Change, *, match: Match | None = None, until: datetime | None = None, session: Session
) -> FreezeView:
    """
    Block changes. Once this is committed, no change that was checked before can still be made.

    :param change: who asks and why; refused callers see the reason
    :param match: which Dags (default: all)
    :param until: when the freeze expires, by the database's clock; ``None`` keeps it until it is lifted
    :param session: database session; the caller commits
    :raises FreezeEndsInPastError: if that is in the past
    """
    locks.lock_rules(session=session)
    selection = (match or Match()).as_dict() or None
    request = {
        "action": "freeze",
        "dag_id": EVERY_DAG,
        "match": selection,
        "until": until.isoformat() if until else None,
    }
    if repeated := events.find_repeated(change, request, session=session):
        return FreezeView.of(session.get_one(Freeze, (repeated.evidence or {})["freeze"]["id"]))
    now = database_clock(session=session)
    if until is not None and until <= now:
        raise FreezeEndsInPastError(
            f"The end of the freeze, {until.isoformat()}, is in the past: it is {now.isoformat()}. Give a later "
            "time, or none to freeze until someone lifts it."
        )
    row = Freeze(selection=selection, until=until, actor=change.caller.name, reason=change.reason, created_at=now)
    session.add(row)
    session.flush()
    _record(EventKind.FROZEN, row, change, request, session=session)
    return FreezeView.of(row)


def thaw(freeze_id: int, change: Change, *, session: Session) -> FreezeView:
    """
    Lift a freeze.

    :raises UnknownFreezeError: if no freeze with the ID is in force
    """
    locks.lock_rules(session=session)
    request = {"action": "thaw", "dag_id": EVERY_DAG, "freeze_id": freeze_id}
    if events.find_repeated(change, request, session=session):
        return FreezeView.of(session.get_one(Freeze, freeze_id))
    row = session.get(Freeze, freeze_id, populate_existing=True)
    now = database_clock(session=session)
    if row is None or row.lifted_at is not None or (row.until is not None and row.until <= now):
        over = "" if row is None else " any more"
        raise UnknownFreezeError(
            f"Freeze {freeze_id} is not in force{over}. See the current freezes (CLI: airflow pinning freezes).",
            freeze_id=freeze_id,
        )
    row.lifted_at, row.lifted_by, row.lift_reason = now, change.caller.name, change.reason
    session.flush()
    _record(EventKind.THAWED, row, change, request, session=session)
    return FreezeView.of(row)


def list_freezes(*, over: bool = False, limit: int = 100, session: Session) -> list[FreezeView]:
    """
    List freezes, newest first.

    :param over: include freezes that were lifted or have ended
    """
    query = select(Freeze).order_by(Freeze.id.desc()).limit(limit)
    if not over:
        now = database_clock(session=session)
        query = query.where(Freeze.lifted_at.is_(None), or_(Freeze.until.is_(None), Freeze.until > now))
    return [FreezeView.of(row) for row in session.scalars(query)]


def _record(kind: EventKind, row: Freeze, change: Change, request: dict, *, session: Session) -> None:
    facts = {"id": row.id, "match": row.selection, "until": row.until.isoformat() if row.until else None}
    events.record(
        kind,
        dag_id=EVERY_DAG,
        revision=current(session=session).revision,
        change=change,
        request=request,
        from_version=None,
        to_version=None,
        evidence={"freeze": facts},
        session=session,
    )
