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
"""Search the history: of one Dag, or of all Dags visible to a user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.history.events import EVERY_DAG
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import EventKind

IDS_READ = 10_000
"""Maximum number of IDs to read at a time if most belong to Dags that the caller may not read."""

PAGE = 1000
"""Number of changes to read at a time if there may be very many."""


@dataclass(frozen=True)
class EventFilter:
    """Which changes to find."""

    dag_id: str | None = None
    """Only this Dag; ``None`` means any."""
    sight: Sight | None = None
    """Only Dags that the caller may see, and events about all Dags; ``None`` means any."""
    dag_id_pattern: str | None = None
    """Part of the Dag ID, case-insensitive; ``%`` matches anything and ``_`` any character."""
    kinds: tuple[EventKind, ...] = ()
    """Kinds of changes; empty means any."""
    actor: str | None = None
    """The user who made the change."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this time."""
    text: str | None = None
    """Part of the reason, the override reason or the actor's name, case-insensitive."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on a row, except for what the caller may see."""
        found: list[ColumnElement[bool]] = []
        if self.dag_id is not None:
            found.append(Event.dag_id == self.dag_id)
        if self.dag_id_pattern:
            found.append(Event.dag_id.ilike(f"%{self.dag_id_pattern}%"))
        if self.kinds:
            found.append(Event.kind.in_([kind.value for kind in self.kinds]))
        if self.actor:
            found.append(Event.actor == self.actor)
        if self.since:
            found.append(Event.created_at >= self.since)
        if self.until:
            found.append(Event.created_at < self.until)
        if self.text:
            searched = (Event.reason, Event.override_reason, Event.actor)
            found.append(or_(*(column.icontains(self.text, autoescape=True) for column in searched)))
        return found


def list_events(which: EventFilter, *, limit: int, offset: int = 0, session: Session) -> tuple[list[Event], int]:
    """List changes, newest first, and count them all. For one Dag, or for a caller who may see all Dags."""
    conditions = which.conditions()
    total = session.scalar(select(func.count()).select_from(Event).where(*conditions)) or 0
    found = session.scalars(_newest_first(which).limit(limit).offset(offset))
    return list(found), total


def next_events(
    which: EventFilter, *, limit: int, before: int | None = None, session: Session
) -> tuple[list[Event], int | None]:
    """
    List the next changes, newest first, and where to continue.

    :param which: which changes to find
    :param limit: maximum number of changes
    :param before: only changes with a lower ID, as returned by the previous call
    :param session: database session
    :return: the changes, and ``before`` for the next call; ``None`` if there are no more
    """
    found: list[Event] = []
    for event in _walk(which, before, limit + 1, session=session):
        if len(found) == limit:
            return found, found[-1].id
        found.append(event)
    return found, None


def every_event(which: EventFilter, *, session: Session) -> Iterator[Event]:
    """Yield all changes, newest first, with at most a page of them in memory."""
    return _walk(which, None, PAGE, session=session)


def find_event(event_id: int, *, session: Session) -> Event | None:
    """Find a change by ID."""
    return session.get(Event, event_id)


def is_seen(event: Event, sight: Sight) -> bool:
    """Return whether a change is about a Dag that the caller may see, or about all Dags."""
    return event.dag_id in _seen([event.dag_id], sight)


def _seen(dag_ids: Iterable[str], sight: Sight) -> set[str]:
    return {EVERY_DAG, *sight.among(set(dag_ids) - {EVERY_DAG})}


def _walk(which: EventFilter, before: int | None, page: int, *, session: Session) -> Iterator[Event]:
    for ids in _pages_of_ids(which, before, page, session=session):
        yield from session.scalars(select(Event).where(Event.id.in_(ids)).order_by(Event.id.desc()))


def _pages_of_ids(which: EventFilter, before: int | None, page: int, *, session: Session) -> Iterator[Sequence[int]]:
    """Yield the IDs of the changes in pages. Pages grow if the caller may see few of the changes."""
    size = page
    while True:
        query = select(Event.id, Event.dag_id).where(*which.conditions()).order_by(Event.id.desc()).limit(size)
        rows = session.execute(query if before is None else query.where(Event.id < before)).all()
        seen = _seen({row.dag_id for row in rows}, which.sight) if which.sight else None
        found = [row.id for row in rows if seen is None or row.dag_id in seen]
        yield from pages(found, page)
        if len(rows) < size:
            return
        before = rows[-1].id
        if 2 * len(found) < size:
            size = min(4 * size, max(page, IDS_READ))


def _newest_first(which: EventFilter) -> Select:
    return select(Event).where(*which.conditions()).order_by(Event.id.desc())
