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
Repair the runs of a bad version: stop unfinished runs, and rerun finished ones with another version.

A rollback plans the repair in its own transaction, which is refused if a run cannot be repaired, and keeps the plan
with its event. Then the runs are stopped and cleared in batches, so transactions stay short: with Airflow's own
clearing with the latest version, which is the pinned one. The runs themselves show the progress: a cleared run no
longer uses the bad version. So an interrupted repair continues when the same request is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.affected_runs import (
    RepairReport,
)
from airflow_providers_pinning.domain.changes.database_errors import Trouble, trouble_of
from airflow_providers_pinning.domain.changes.run_repair_part import next_part
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
)
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import EventKind

Progress = Callable[[int, int], None]
"""Called with the number of runs done and the total."""


def carry_out(
    dag_id: str,
    revision: int,
    *,
    pending: int = 0,
    seconds: float | None = None,
    progress: Progress | None = None,
    session: Session,
) -> RepairReport | None:
    """
    Stop and rerun the runs of a rollback that is committed, some at a time.

    :param dag_id: the Dag
    :param revision: revision of the rollback
    :param pending: how many runs are to be done, if that is known
    :param seconds: how long to go on; the report says how many runs are left then, and another call goes on with them
    :param progress: is told how far it got
    :param session: a session in which nothing is pending; each part is committed
    :return: what was done; ``None`` if the rollback asked for no repair
    :raises DatabaseBusyError: if others were in the way; the rollback stands, and the message says how to go on
    :raises DatabaseUnavailableError: if the connection was lost; the rollback stands, and the message says how to go on
    """
    far = pending

    def note(part: RepairReport) -> None:
        nonlocal far
        far = part.pending
        if progress and (total := len(part.canceled) + len(part.rerun)):
            progress(total - part.pending, total)

    try:
        return _carry_out(dag_id, revision, seconds, note, session=session)
    except (DBAPIError, DatabaseBusyError, DatabaseUnavailableError) as error:
        # The refusal of a part says that nothing was changed, which is not so for the whole.
        is_busy = isinstance(error, DatabaseBusyError) or trouble_of(error) is Trouble.BUSY
        if not is_busy and isinstance(error, DBAPIError) and trouble_of(error) is None:
            raise
        left = (
            f"{plural(far, 'run')} {'is' if far == 1 else 'are'} not repaired yet"
            if far
            else "the repair is not finished"
        )
        kind, seconds_to_wait = (DatabaseBusyError, 2) if is_busy else (DatabaseUnavailableError, 5)
        raise kind(
            f"The rollback was made (revision {revision}), but {left}. Send the same request again with the same "
            "idempotency key. Without the key, it would roll back again.",
            retry_after=seconds_to_wait,
        ) from error


def _carry_out(
    dag_id: str, revision: int, seconds: float | None, note: Callable[[RepairReport], None], *, session: Session
) -> RepairReport | None:
    until = None if seconds is None else time.monotonic() + seconds
    rolled_back = select(Event).where(
        Event.dag_id == dag_id, Event.revision == revision, Event.kind == EventKind.ROLLED_BACK.value
    )
    event = session.scalar(rolled_back)
    if event is None or RepairReport.from_evidence(event.evidence) is None:
        return None
    event_id, before = event.id, None
    session.rollback()
    while True:
        part = commit(lambda: next_part(event_id, session=session), session=session)
        note(part)
        # Two parts without progress mean that something keeps the runs from being cleared.
        if not part.pending or part.pending == before or (until is not None and time.monotonic() >= until):
            return part
        before = part.pending
