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
"""Reasons why canary runs may not start, for the requesting user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.gaps import TICKS, Need, is_draining, longest_gap, needed_gap, upcoming
from airflow_providers_pinning.domain.canaries.isolation import SLOTS
from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.canaries.turns import fits
from airflow_providers_pinning.domain.canaries.unfinished_runs import Canary, Live, View, unfinished_runs
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag
from airflow_providers_pinning.domain.text import duration, plural
from airflow_providers_pinning.vocabulary import Slots


def what_delays(dag_model: DagModel, run_ids: Collection[str], *, session: Session) -> tuple[str, ...]:
    """
    Return what keeps canary runs from starting now, or at all.

    :param dag_model: the Dag
    :param run_ids: the runs; those that have started or finished are left out
    :param session: database session
    """
    session.flush()
    view = unfinished_runs([dag_model.dag_id], session=session)
    canaries = view.canaries[dag_model.dag_id]
    queued = [canary for canary in canaries if canary.run_id in run_ids and canary.state == DagRunState.QUEUED]
    if not queued:
        return ()
    if dag_model.is_paused:
        return (f"Dag {dag_model.dag_id!r} is paused, so the canary runs wait until it is unpaused.",)
    live = view.live[dag_model.dag_id]
    if queued[0].slots is Slots.GAP:
        others = [canary for canary in canaries if canary.id != queued[0].id]
        delays = _delays_for_gap(dag_model, queued[0], others, view, live, session=session)
    else:
        delays = tuple(_delays_behind(dag_model, canaries, live))
    if is_draining(dag_model):
        return (
            f"Dag {dag_model.dag_id!r} is draining: it is paused as soon as no live run is unfinished, and canary runs "
            "that are unfinished then wait until it is unpaused.",
            *delays,
        )
    return delays


def delays_of_queued(dag_id: str, *, session: Session) -> tuple[str, ...]:
    """
    Return what keeps the queued canary runs of a Dag from starting; empty if there is none.

    :param dag_id: the Dag
    :param session: database session
    """
    queued = select(DagRun.run_id).where(DagRun.dag_id == dag_id, DagRun.state == DagRunState.QUEUED, of_canary_runs())
    run_ids = session.scalars(queued).all()
    dag_model = session.get(DagModel, dag_id) if run_ids else None
    return what_delays(dag_model, run_ids, session=session) if dag_model is not None else ()


def cost_of_shared_slots(
    dag_model: DagModel, isolation: Mapping[str, Any], count: int, *, session: Session
) -> tuple[str, ...]:
    """
    Return what live runs wait for if canary runs count as such.

    :param dag_model: the Dag
    :param isolation: how the canary runs are kept apart from live ones
    :param count: how many canary runs there are
    :param session: database session
    """
    limit = dag_model.max_active_runs
    if isolation.get(SLOTS) != Slots.SHARED or limit is None:
        return ()
    taken = f"The canary runs count as live runs (slots is 'shared'): each occupies one of {plural(limit, 'slot')}"
    need = needed_gap(dag_model, None, session=session)
    dag = active_dag(dag_model.dag_id, session=session)
    if need is None or dag is None:
        return (f"{taken}, and live runs that fall due while none is free wait.",)
    held_until = timezone.utcnow() + need.gap * -(-count // limit)
    due = sum(tick <= held_until for tick in upcoming(dag, dag_model, TICKS))
    lost = "wait" if dag.catchup else "are delayed, and all but the last of them are skipped (catchup is off)"
    return (
        f"{taken} for about {duration(need.gap)} ({_why(need)}). {plural(due, 'live run')} may fall due in that time; "
        f"those that find no slot free {lost}.",
    )


def _delays_behind(dag_model: DagModel, canaries: list[Canary], live: Live) -> list[str]:
    delays = []
    if live.ahead:
        delays.append(
            f"{plural(live.ahead, 'live run')} of Dag {dag_model.dag_id!r} "
            f"{'waits' if live.ahead == 1 else 'wait'} to start, and the canary runs start behind "
            f"{'it' if live.ahead == 1 else 'them'}."
        )
    running = sum(canary.state == DagRunState.RUNNING for canary in canaries)
    if dag_model.max_active_runs is not None and running >= dag_model.max_active_runs:
        delays.append(
            f"Dag {dag_model.dag_id!r} has {plural(running, 'active canary run')}, which is as many as its limit of "
            "active runs allows, so the canary runs wait until one has finished."
        )
    return delays


def _delays_for_gap(
    dag_model: DagModel, canary: Canary, others: list[Canary], view: View, live: Live, *, session: Session
) -> tuple[str, ...]:
    need = needed_gap(dag_model, canary.dag_version_id, session=session)
    dag = active_dag(dag_model.dag_id, session=session)
    longest = longest_gap(dag, dag_model, session=session) if dag is not None else None
    if need is not None and longest is not None and need.gap >= longest:
        return (
            f"Runs of Dag {dag_model.dag_id!r} must not overlap (max_active_runs is 1), so the canary waits for a gap "
            f"of {duration(need.gap)}, which the schedule {dag_model.timetable_summary} does not have: at most "
            f"{duration(longest)} lie between the end of a live run and the next one. It will not start unless the "
            "schedule or the limit changes.",
        )
    is_first = not others and dag_model.dag_id not in view.gaps
    if is_first and fits(dag_model, canary.dag_version_id, live, view.now, session=session):
        return ()
    awaited = ""
    if need is not None and longest is not None:
        awaited = f", and the next one is more than {duration(need.gap)} away ({_why(need)})"
    return (
        f"Runs of Dag {dag_model.dag_id!r} must not overlap (max_active_runs is 1), so canary runs start one at a "
        f"time, when no live run is active or waits{awaited}. One that still runs when a live run falls due is "
        "ended and counts as failed.",
    )


def _why(need: Need) -> str:
    if need.is_known:
        return "as long as such runs took recently"
    return "half of the time between two scheduled runs, since none has finished yet"
