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
Handle canary runs in the scheduler loop: start them, and stop them for live runs.

A canary run that needs a gap starts in two loops. The first reserves the gap, so no live run starts from then on; the
second checks again for live runs, which another scheduler may have started at the same time, and only then starts it.
So they never overlap, without a lock that live runs would wait for. The scheduler locks a Dag's row to decide about
its canary runs, and skips locked Dags.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.gaps import forget_need, remembered_need, time_left
from airflow_providers_pinning.domain.canaries.overrun import Scheduler, end_overrun, has_processes, is_under_way
from airflow_providers_pinning.domain.canaries.unfinished_runs import Canary, Live, View, unfinished_runs
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.models import Gap
from airflow_providers_pinning.vocabulary import Slots

log = logging.getLogger(__name__)

DAGS_A_TURN = 20
"""Maximum number of Dags, chosen at random, that one turn handles, so that canary runs do not delay it."""
QUEUED_A_TURN = 100
"""Maximum number of waiting canary runs of a Dag that one turn reads, and can start."""


def take_turn(dags: Mapping[str, bool], scheduler: Scheduler, *, session: Session) -> None:
    """
    Start, end and monitor the canary runs of Dags.

    :param dags: Dags with canary runs that are queued or have a gap, and whether they have one; those come first
    :param scheduler: the scheduler whose turn it is
    :param session: database session; the caller commits
    """
    # Dags for which nothing could be decided come last, so that they do not starve the others.
    order = sorted(dags, key=lambda dag_id: (dag_id in _undecidable, not dags[dag_id], random.random()))  # noqa: S311
    locked = _lock(order[:DAGS_A_TURN], session=session)
    for dag_model, view in _views(locked, session=session):
        with _guarded(dag_model.dag_id):
            _decide(dag_model, view, scheduler, session=session)


_undecidable: set[str] = set()


@contextmanager
def _guarded(dag_id: str) -> Iterator[None]:
    """Continue with the other Dags if one cannot be read, which must not crash the scheduler."""
    try:
        yield
    except SQLAlchemyError:
        raise
    except Exception:
        _undecidable.add(dag_id)
        log.exception("Nothing can be decided about the canary runs of Dag %s", dag_id)
    else:
        _undecidable.discard(dag_id)


def _views(locked: Collection[DagModel], *, session: Session) -> Iterator[tuple[DagModel, View]]:
    """Return the unfinished runs of the Dags, read together, or one by one if that fails."""
    dag_ids = [dag_model.dag_id for dag_model in locked]
    views: dict[str, View] = {}
    try:
        views = dict.fromkeys(dag_ids, _read(dag_ids, session=session)) if dag_ids else {}
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception("The unfinished runs of some of the Dags %s cannot be read", ", ".join(dag_ids))
        for dag_id in dag_ids:
            with _guarded(dag_id):
                views[dag_id] = _read([dag_id], session=session)
    return ((dag_model, views[dag_model.dag_id]) for dag_model in locked if dag_model.dag_id in views)


def _read(dag_ids: Collection[str], *, session: Session) -> View:
    return unfinished_runs(dag_ids, queued=QUEUED_A_TURN, session=session)


def _lock(dag_ids: Collection[str], *, session: Session) -> list[DagModel]:
    query = select(DagModel).where(DagModel.dag_id.in_(dag_ids)).order_by(DagModel.dag_id)
    query = query.execution_options(populate_existing=True)
    return list(session.scalars(with_row_locks(query, of=DagModel, session=session, skip_locked=True)))


def _decide(dag_model: DagModel, view: View, scheduler: Scheduler, *, session: Session) -> None:
    canaries, live = view.canaries[dag_model.dag_id], view.live[dag_model.dag_id]
    running = [canary for canary in canaries if canary.state == DagRunState.RUNNING]
    _forget_what_changes(dag_model.dag_id, running, live)
    if gap := view.gaps.get(dag_model.dag_id):
        _look_after(gap, dag_model, canaries, live, view.now, scheduler, session=session)
        return
    if overlapping := [canary for canary in running if canary.slots is Slots.GAP]:
        # It started when runs of the Dag could still overlap, or with an earlier release of this package.
        session.add(Gap(dag_id=dag_model.dag_id, run_id=overlapping[0].run_id))
        return
    if dag_model.is_paused or dag_model.is_stale:
        return
    free = _limit(dag_model) - len(running)
    for canary in canaries:
        if canary.state != DagRunState.QUEUED or canary.run_after > view.now:
            continue
        if canary.slots is Slots.GAP:
            if not running and fits(dag_model, canary.dag_version_id, live, view.now, session=session):
                session.add(Gap(dag_id=dag_model.dag_id, run_id=canary.run_id))
            return
        if live.ahead or free <= 0:
            return
        if scheduler.start(canary.id):
            running.append(canary)
            free -= 1


def _forget_what_changes(dag_id: str, running: list[Canary], live: Live) -> None:
    # The run that finishes next shows how long later ones take.
    if running or not live.is_idle:
        forget_need(dag_id)


def _limit(dag_model: DagModel) -> float:
    return float("inf") if dag_model.max_active_runs is None else dag_model.max_active_runs


def fits(dag_model: DagModel, dag_version_id: UUID, live: Live, now: datetime, *, session: Session) -> bool:
    """Return whether the current gap is long enough for a canary run of a version."""
    if not live.is_idle:
        return False
    left = time_left(dag_model, live.queued_for, now)
    if left is None:
        return True
    if left <= timedelta():
        return False
    need = remembered_need(dag_model, dag_version_id, session=session)
    return need is not None and left > need.gap


def _look_after(
    gap: Gap,
    dag_model: DagModel,
    canaries: list[Canary],
    live: Live,
    now: datetime,
    scheduler: Scheduler,
    *,
    session: Session,
) -> None:
    """Start the canary run that has the gap, end it if a live run is waiting, and release the gap when it is over."""
    canary = next((canary for canary in canaries if canary.run_id == gap.run_id), None)
    is_paused = dag_model.is_paused or dag_model.is_stale
    if gap.ended_at is None and canary is None:
        gap.ended_at = database_clock(session=session)
    elif gap.ended_at is None and canary is not None:
        if canary.state == DagRunState.RUNNING or is_under_way(canary, dag_model.dag_id, session=session):
            if is_paused or not live.waiting or not end_overrun(canary, scheduler, session=session):
                return
            gap.ended_at = database_clock(session=session)
        elif (
            is_paused
            or not fits(dag_model, canary.dag_version_id, live, now, session=session)
            or not scheduler.start(canary.id)
        ):
            session.delete(gap)
            return
        else:
            return
    if not has_processes(gap, scheduler, session=session):
        session.delete(gap)
