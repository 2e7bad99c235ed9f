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
Apply pending changes in the scheduler loop.

Each scheduler does this at the start of its loop, before it looks for due runs. Other Dags wait meanwhile, so it only
waits briefly for the locks of a Dag, and then postpones the change for some seconds.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from airflow._shared.timezones import timezone
from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import into_effect
from airflow_providers_pinning.domain.changes.released import note_deletion
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    UnknownDagError,
)
from airflow_providers_pinning.models import TimedChange
from airflow_providers_pinning.vocabulary import TimedStatus

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Maximum number of changes to check per loop."""

PATIENCE = 2.0
"""Maximum seconds to wait for a lock of one Dag per loop."""

TURN = 5.0
"""Seconds after which a loop starts no further change."""

LEFT_FOR = 10.0
"""Seconds until this process retries a change whose Dag was locked."""

PASSED_OVER_FOR = 1.0
"""Seconds to skip changes that wait for the old schedule, so others get their turn."""

_left: dict[int, float] = {}


def put_due_into_effect(*, session: Session) -> int:
    """
    Apply the due changes, each in its own transaction.

    :param session: a session in which nothing is pending
    :return: how many changes were checked
    """
    due = [(row.id, row.dag_id) for row in session.execute(_due(session))]
    if not due:
        return 0
    session.commit()
    until = time.monotonic() + TURN
    waiting = []
    looked_at = 0
    for change_id, dag_id in due:
        if time.monotonic() >= until:
            break
        looked_at += 1
        if _put_into_effect_or_leave(change_id, dag_id, session=session):
            waiting.append(change_id)
    if looked_at < len(due) or len(due) == AT_ONCE:
        # They are the oldest, and others may have been found no more.
        _left.update(dict.fromkeys(waiting, time.monotonic() + PASSED_OVER_FOR))
    # As after any commit of the loop, which would have an outdated view of the database otherwise.
    session.expunge_all()
    return looked_at


def _put_into_effect_or_leave(change_id: int, dag_id: str, *, session: Session) -> bool:
    """Apply a change, and return whether it must wait for the old schedule."""
    make = partial(into_effect.put_into_effect, change_id, dag_id, session=session)
    try:
        return commit(make, patience=PATIENCE, session=session)
    except (DatabaseBusyError, DatabaseUnavailableError) as error:
        _left[change_id] = time.monotonic() + LEFT_FOR
        log.warning("Retrying the pending change of Dag %s in %d seconds: %s", dag_id, LEFT_FOR, error)
    except Exception as error:
        log.exception("The pending change of Dag %s cannot take effect", dag_id)
        _give_up(change_id, dag_id, error, session=session)
    return False


def _give_up(change_id: int, dag_id: str, error: Exception, *, session: Session) -> None:
    """Let a change with an unexpected error fail once, not in every loop."""

    def fail() -> None:
        try:
            into_effect.fail(dag_id, "unexpected", f"{type(error).__name__}: {error}.", session=session)
        except UnknownDagError:
            note_deletion(dag_id, session=session)
            session.execute(delete(TimedChange).where(TimedChange.id == change_id))

    try:
        session.rollback()
        commit(fail, patience=PATIENCE, session=session)
    except Exception:
        _left[change_id] = time.monotonic() + LEFT_FOR
        log.exception("The pending change of Dag %s could not be abandoned", dag_id)
        session.rollback()


def _due(session: Session) -> Select:
    # SQLite's own clock has whole seconds, and compares text.
    now: Any = func.now() if session.get_bind().dialect.name != "sqlite" else timezone.utcnow()
    return (
        select(TimedChange.id, TimedChange.dag_id)
        .where(TimedChange.status == TimedStatus.PENDING.value, TimedChange.effective_from <= now, *_not_left())
        .order_by(TimedChange.effective_from, TimedChange.dag_id)
        .limit(AT_ONCE)
    )


def _not_left() -> tuple[ColumnElement[bool], ...]:
    now = time.monotonic()
    for change_id, until in list(_left.items()):
        if until <= now:
            _left.pop(change_id, None)
    return (TimedChange.id.not_in(list(_left)),) if _left else ()
