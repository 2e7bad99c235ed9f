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
"""One batch of the repair of runs: stop or clear the next runs, record and count them, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.state import State
from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session, contains_eager

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.changes.affected_runs import (
    BlockedRun,
    RepairReport,
    block,
)
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.dag_model.stored_dags import read_dag
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.resolution.holding import answering_once
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.vocabulary import CallerKind, EventKind, RunBlock

RUNS_AT_A_TIME = 20
"""How many runs to stop or clear per transaction, which blocks new runs of the Dag meanwhile."""


EVENT = "repair_dag_run"
"""Name of the repair of one run in Airflow's audit log."""


@dataclass(frozen=True)
class _Left:
    """What remains of a plan, and what can no longer be done."""

    cancel: tuple[str, ...]
    rerun: tuple[str, ...]
    blocked: tuple[BlockedRun, ...]


def next_part(event_id: int, *, session: Session) -> RepairReport:
    """Stop or clear the next runs, and return what remains."""
    event = session.get_one(Event, event_id)
    planned = RepairReport.from_evidence(event.evidence)
    if planned is None or event.from_version is None or event.to_version is None:
        raise ValueError(f"Event {event_id} planned no repair.")
    pin = lock_pin(event.dag_id, session=session)
    if (end := _end_of(event, session=session)) is not None:
        return _as_done(planned, RepairReport.blocked_of(end.evidence))
    left = _what_is_left(event, planned, session=session)
    if str(pin.dag_version_id) != event.to_version["dag_version_id"]:
        said = f"was not repaired before version {event.to_version['version_number']} was replaced; it is unchanged"
        late = tuple(block(run_id, RunBlock.SUPERSEDED, said) for run_id in (*left.cancel, *left.rerun))
        report = _as_done(planned, (*planned.blocked, *left.blocked, *late))
        _record_end(event, report, pin, session=session)
        return report
    cancel = left.cancel[:RUNS_AT_A_TIME]
    rerun = () if cancel else left.rerun[:RUNS_AT_A_TIME]
    _cancel(event.dag_id, VersionIdentity.from_dict(event.from_version), cancel, session=session)
    _clear(event.dag_id, rerun, session=session)
    _note(event, cancel, rerun, session=session)
    pending = len(left.cancel) + len(left.rerun) - len(cancel) - len(rerun)
    report = _as_done(planned, (*planned.blocked, *left.blocked), pending)
    if not pending:
        _record_end(event, report, pin, session=session)
    return report


def _as_done(planned: RepairReport, blocked: tuple[BlockedRun, ...], pending: int = 0) -> RepairReport:
    """Return the plan without the skipped runs."""
    alone = {run.run_id for run in blocked}
    return replace(
        planned,
        canceled=tuple(run_id for run_id in planned.canceled if run_id not in alone),
        rerun=tuple(run_id for run_id in planned.rerun if run_id not in alone),
        pending=pending,
        blocked=blocked,
    )


def _what_is_left(event: Event, planned: RepairReport, *, session: Session) -> _Left:
    """Look which of the runs are still as they were planned; the scheduler's hold on a run is waited for."""
    version_id = UUID((event.from_version or {})["dag_version_id"])
    wanted, to_end = (*planned.canceled, *planned.rerun), set(planned.canceled)
    found = {
        run.run_id: run
        for some in pages(wanted)
        for run in session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.created_dag_version_id)
            .where(DagRun.dag_id == event.dag_id, DagRun.run_id.in_(some))
            .order_by(DagRun.id)
        )
    }
    done = _done(event, wanted, session=session)
    cancel: list[str] = []
    rerun: list[str] = []
    blocked: list[BlockedRun] = []
    for run_id in wanted:
        run, is_to_end = found.get(run_id), run_id in to_end
        states = State.unfinished_dr_states if is_to_end else State.finished_dr_states
        if is_to_end and run_id in done:
            # It stays unfinished until its teardown tasks have run.
            continue
        if run and run.created_dag_version_id == version_id and run.state in states:
            (cancel if is_to_end else rerun).append(run_id)
        elif run_id not in done:
            blocked.append(_overtaken(run_id, run, version_id, planned))
    return _Left(tuple(cancel), tuple(rerun), tuple(blocked))


def _overtaken(run_id: str, run: Row[Any] | None, version_id: UUID, planned: RepairReport) -> BlockedRun:
    """Describe what happened to a run before this repair reached it."""
    if run is None:
        return block(run_id, RunBlock.DELETED, "was deleted before it could be repaired")
    if run.created_dag_version_id != version_id:
        return block(run_id, RunBlock.CHANGED, "was cleared by someone else before it could be repaired")
    if run.state in State.finished_dr_states:
        return block(run_id, RunBlock.CHANGED, "ended before it could be repaired")
    said = f"of version {planned.version_number} was cleared by someone else in the meantime"
    return block(run_id, RunBlock.CHANGED, said)


def _done(event: Event, run_ids: Sequence[str], *, session: Session) -> set[str]:
    """Return the runs that this repair stopped or cleared, as recorded with each of them."""
    return {
        run_id
        for some in pages(run_ids)
        for run_id, extra in session.execute(
            select(Log.run_id, Log.extra).where(Log.event == EVENT, Log.dag_id == event.dag_id, Log.run_id.in_(some))
        )
        if run_id and json.loads(extra or "{}").get("rollback_event_id") == event.id
    }


def _cancel(dag_id: str, version: VersionIdentity, run_ids: Sequence[str], *, session: Session) -> None:
    if not run_ids:
        return
    dag = read_dag(version, dag_id=dag_id, session=session)
    for run_id in run_ids:
        set_dag_run_state_to_failed(dag=dag, run_id=run_id, commit=True, session=session)


def _clear(dag_id: str, run_ids: Sequence[str], *, session: Session) -> None:
    """Clear runs with Airflow's own function."""
    if not run_ids:
        return
    tis = session.scalars(
        select(TaskInstance)
        .join(TaskInstance.dag_run)
        .options(contains_eager(TaskInstance.dag_run))
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(run_ids))
        .order_by(DagRun.id, TaskInstance.id)
        .with_for_update(of=DagRun)
        .execution_options(populate_existing=True)
    ).all()
    with answering_once():
        clear_task_instances(list(tis), session, run_on_latest_version=True)
    session.flush()


def _note(event: Event, canceled: Sequence[str], rerun: Sequence[str], *, session: Session) -> None:
    """Record each run in Airflow's audit log, where its page shows who had it stopped or rerun, and why."""
    rows = [
        {
            "event": EVENT,
            "dag_id": event.dag_id,
            "run_id": run_id,
            "owner": event.actor,
            "owner_display_name": event.actor,
            "extra": json.dumps({"done": done, "reason": event.reason, "rollback_event_id": event.id}),
        }
        for done, run_ids in (("canceled", canceled), ("rerun", rerun))
        for run_id in run_ids
    ]
    if rows:
        session.execute(insert(Log), rows)


def _end_of(event: Event, *, session: Session) -> Event | None:
    """Return the event of the end of a repair, if it came to one."""
    return session.scalar(
        select(Event).where(Event.dag_id == event.dag_id, Event.idempotency_key == _key_of_end(event))
    )


def _key_of_end(event: Event) -> str:
    return f"repair of runs, event {event.id}"


def _record_end(event: Event, report: RepairReport, pin: Pin, *, session: Session) -> None:
    """Record the end of a repair."""
    counts = {name: len(getattr(report, name)) for name in ("canceled", "rerun", "blocked")}
    caller = Caller(event.actor, CallerKind(event.actor_kind), event.source)
    events.record(
        EventKind.RUNS_REPAIRED,
        dag_id=event.dag_id,
        revision=pin.revision,
        change=Change(caller, event.reason, idempotency_key=_key_of_end(event)),
        request={"action": "repair_runs", "dag_id": event.dag_id, "event_id": event.id},
        from_version=VersionIdentity.from_dict(event.from_version or {}),
        to_version=VersionIdentity.from_dict(event.to_version or {}),
        evidence={
            "repair": {"version_number": report.version_number, "rollback_event_id": event.id, **counts},
            **report.blocked_evidence(),
        },
        session=session,
    )
