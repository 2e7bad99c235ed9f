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
Track which changes were announced, to listeners and in metrics.

Only one process can claim an event, and it announces the change: the process that made the change, right after its
commit, or else the dag processor a little later. The claim comes first, so a change is never announced twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import sqlalchemy
from airflow._shared.timezones import timezone
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, object_session

from airflow_providers_pinning.models import Event

GRACE = timedelta(seconds=5)
"""Time for the process that made a change to claim it before the dag processor does."""

_RECORDED = "pinning_recorded_events"

_announce: Callable[[Sequence[int]], None] | None = None


def use_announcer(announce: Callable[[Sequence[int]], None] | None) -> None:
    """
    Set a callback that receives the IDs of events as soon as this process has committed them.

    It must return at once and not raise. Without it, the dag processor announces the events.
    """
    global _announce
    _announce = announce


def announce_after_commit(event: Event) -> None:
    """Announce an event once the transaction of its session is committed."""
    session = object_session(event)
    if session is None:
        raise ValueError(f"Event {event.id} belongs to no session, so nothing will commit it.")
    recorded = session.info.get(_RECORDED)
    if recorded is None:
        recorded = session.info[_RECORDED] = []
        sqlalchemy.event.listen(session, "after_commit", _hand_over)
    recorded.append(event.id)


def _hand_over(session: Session) -> None:
    """Pass on recorded events. Those that were rolled back are included, but cannot be claimed."""
    if session.in_nested_transaction():
        # Only a savepoint was released: the events are not committed yet.
        return
    recorded = session.info[_RECORDED]
    if recorded and _announce is not None:
        _announce(tuple(recorded))
    recorded.clear()


def claim(event_id: int, *, session: Session) -> Event | None:
    """
    Claim an event, so that the caller can announce it.

    :return: the event, or ``None`` if it was already claimed or rolled back
    """
    claimed = session.execute(
        update(Event)
        .where(Event.id == event_id, Event.announced_at.is_(None))
        .values(announced_at=timezone.utcnow())
        .execution_options(synchronize_session=False)
    )
    if not claimed.rowcount:  # type: ignore[attr-defined]
        return None
    return session.get(Event, event_id, populate_existing=True)


def is_announcement_due(*, session: Session) -> bool:
    """Return whether any event was left unclaimed."""
    return session.scalar(_unclaimed(1)) is not None


def unclaimed(*, limit: int, session: Session) -> list[int]:
    """List the IDs of events that were left unclaimed, oldest first."""
    return list(session.scalars(_unclaimed(limit)))


def _unclaimed(limit: int) -> Select:
    return (
        select(Event.id)
        .where(Event.announced_at.is_(None), Event.created_at < timezone.utcnow() - GRACE)
        .order_by(Event.announced_at, Event.id)
        .limit(limit)
    )
