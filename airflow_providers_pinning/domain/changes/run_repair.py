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
Repair the runs that a bad version left behind: stop those that are unfinished, and rerun the others on another one.

A rollback plans the repair in its own transaction, which is refused if a run cannot be repaired, and keeps the plan
with its event. Then the runs are stopped and cleared, some in a transaction, so that none is long: by Airflow's own
clearing on the latest version, which the pin makes the active one. What is done is told by the runs themselves: one
that is cleared is no longer one of the bad version. So a repair that was interrupted goes on when the same request is
sent again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.state import State
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, contains_eager

from airflow_providers_pinning.domain.changes.affected_runs import (
    BlockedRun,
    RepairReport,
    RunRepair,
    block,
    count_runs,
    in_parts,
    plan,
)
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.dag_model.sync import read_dag
from airflow_providers_pinning.domain.errors import RunsNotRepairableError, TooManyRunsError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, CallerKind, Change, EventKind
from airflow_providers_pinning.domain.resolution.holding import answering_once
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.vocabulary import MAX_REPAIRED_RUNS, RunBlock

RUNS_AT_A_TIME = 20
"""How many runs are stopped or cleared in a transaction, which keeps runs of the Dag from being created meanwhile."""

MAX_NAMED = 5
"""How many of the runs that cannot be repaired the message names; the data has all."""

EVENT = "repair_dag_run"
"""What the repair of one run is called in Airflow's audit log."""

Progress = Callable[[int, int], None]
"""Is told how many of how many runs are done."""


def plan_repair(
    dag_id: str, version: VersionIdentity, pin: Pin | None, repair: RunRepair, *, session: Session
) -> RepairReport:
    """
    Find the runs that a repair is about; the caller keeps the report with the event of the rollback.

    :param dag_id: the Dag
    :param version: the version whose runs are repaired
    :param pin: the Dag's pin, locked and as it was before the change
    :param repair: what is to become of them
    :param session: database session
    :raises RunsNotRepairableError: if a run cannot be repaired, unless such runs are to be skipped
    :raises TooManyRunsError: if there are more than one request repairs
    """
    by_state = count_runs(dag_id, version, pin, repair.since, session=session)
    if not repair.is_wanted:
        return RepairReport(version.version_number, by_state)
    found = plan(dag_id, version, pin, repair, session=session)
    if found.blocked and not repair.skip_blocked:
        raise RunsNotRepairableError(
            f"{plural(len(found.blocked), 'run')} of Dag {dag_id!r} cannot be repaired, so nothing was "
            f"changed: {_named(found.blocked)} Give skip_blocked (CLI: --skip-blocked) to leave them as they "
            "are, or no repair.",
            dag_id=dag_id,
            blocked=[vars(run) for run in found.blocked],
        )
    if (wanted := len(found.cancel) + len(found.rerun)) > MAX_REPAIRED_RUNS:
        raise TooManyRunsError(
            f"{wanted} runs of Dag {dag_id!r} would be repaired, but one request repairs at most "
            f"{MAX_REPAIRED_RUNS}. Nothing was changed. Give a later since, or only_failed.",
            dag_id=dag_id,
            runs=wanted,
        )
    return RepairReport(
        version.version_number,
        by_state,
        tuple(run.run_id for run in found.cancel),
        tuple(run.run_id for run in found.rerun),
        pending=wanted,
        blocked=found.blocked,
    )


def warn_of_repair(dag_id: str, report: RepairReport, *, session: Session) -> tuple[str, ...]:
    """Say what is to be known of the runs, without naming them."""
    told = []
    if rerun := len(report.rerun):
        told.append(
            f"{plural(rerun, 'run')} of version {report.version_number} {'is' if rerun == 1 else 'are'} "
            "rerun on the active version. What their tasks do outside Airflow, and their asset events, happen "
            "again."
        )
        dag_model = session.get(DagModel, dag_id)
        if dag_model and dag_model.is_paused:
            told.append(f"Dag {dag_id!r} is paused, so the runs wait until it is unpaused.")
    if blocked := len(report.blocked):
        left = "was" if blocked == 1 else "were"
        told.append(f"{plural(blocked, 'run')} could not be repaired and {left} left alone.")
    return tuple(told)


def carry_out(
    dag_id: str, revision: int, *, seconds: float | None = None, progress: Progress | None = None, session: Session
) -> RepairReport | None:
    """
    Stop and rerun the runs of a rollback that is committed, some at a time.

    :param dag_id: the Dag
    :param revision: revision of the rollback
    :param seconds: how long to go on; the report says how many runs are left then, and another call goes on with them
    :param progress: is told how far it got
    :param session: a session in which nothing is pending; each part is committed
    :return: what was done; ``None`` if the rollback asked for no repair
    """
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
        part = commit(lambda: _next_part(event_id, session=session), session=session)
        if progress and (total := len(part.cancelled) + len(part.rerun)):
            progress(total - part.pending, total)
        # Two parts without progress mean that something keeps the runs from being cleared.
        if not part.pending or part.pending == before or (until is not None and time.monotonic() >= until):
            return part
        before = part.pending


@dataclass(frozen=True)
class _Left:
    """What is still to be done of a plan, and what no longer can be."""

    cancel: tuple[str, ...]
    rerun: tuple[str, ...]
    blocked: tuple[BlockedRun, ...]


def _next_part(event_id: int, *, session: Session) -> RepairReport:
    """Stop or clear the next runs, and tell what is left."""
    event = session.get_one(Event, event_id)
    planned = RepairReport.from_evidence(event.evidence)
    if planned is None or event.from_version is None or event.to_version is None:
        raise ValueError(f"Event {event_id} planned no repair.")
    pin = lock_pin(event.dag_id, session=session)
    left = _what_is_left(event, planned, session=session)
    if str(pin.dag_version_id) != event.to_version["dag_version_id"]:
        said = f"was not reached before version {event.to_version['version_number']} was replaced; it is as it was"
        late = tuple(block(run_id, RunBlock.SUPERSEDED, said) for run_id in (*left.cancel, *left.rerun))
        return replace(planned, pending=0, blocked=(*planned.blocked, *left.blocked, *late))
    cancel = left.cancel[:RUNS_AT_A_TIME]
    rerun = () if cancel else left.rerun[:RUNS_AT_A_TIME]
    _cancel(event.dag_id, VersionIdentity.from_dict(event.from_version), cancel, session=session)
    _clear(event.dag_id, rerun, session=session)
    _note(event, cancel, rerun, session=session)
    pending = len(left.cancel) + len(left.rerun) - len(cancel) - len(rerun)
    report = replace(planned, pending=pending, blocked=(*planned.blocked, *left.blocked))
    if not pending:
        _record_end(event, report, pin, session=session)
    return report


def _what_is_left(event: Event, planned: RepairReport, *, session: Session) -> _Left:
    """Look which of the runs are still as they were planned; the scheduler's hold on a run is waited for."""
    version_id = UUID((event.from_version or {})["dag_version_id"])
    wanted = (*planned.cancelled, *planned.rerun)
    found = {
        run.run_id: run
        for some in in_parts(wanted)
        for run in session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.created_dag_version_id)
            .where(DagRun.dag_id == event.dag_id, DagRun.run_id.in_(some))
            .order_by(DagRun.id)
        )
    }
    gone = [
        block(run_id, RunBlock.DELETED, "was deleted before its turn came") for run_id in wanted if run_id not in found
    ]
    cancel = [
        run_id
        for run_id in planned.cancelled
        if run_id in found
        and found[run_id].state in State.unfinished_dr_states
        and found[run_id].created_dag_version_id == version_id
    ]
    of_version = [
        run_id for run_id in planned.rerun if run_id in found and found[run_id].created_dag_version_id == version_id
    ]
    changed = [
        block(run_id, RunBlock.CHANGED, f"of version {planned.version_number} was cleared by somebody else meanwhile")
        for run_id in of_version
        if found[run_id].state in State.unfinished_dr_states
    ]
    rerun = [run_id for run_id in of_version if found[run_id].state in State.finished_dr_states]
    return _Left(tuple(cancel), tuple(rerun), (*gone, *changed))


def _cancel(dag_id: str, version: VersionIdentity, run_ids: Sequence[str], *, session: Session) -> None:
    if not run_ids:
        return
    dag = read_dag(version, dag_id=dag_id, session=session)
    for run_id in run_ids:
        set_dag_run_state_to_failed(dag=dag, run_id=run_id, commit=True, session=session)


def _clear(dag_id: str, run_ids: Sequence[str], *, session: Session) -> None:
    """Clear runs by Airflow's own means."""
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


def _note(event: Event, cancelled: Sequence[str], rerun: Sequence[str], *, session: Session) -> None:
    """Note each run in Airflow's audit log, where its page shows who had it stopped or rerun, and why."""
    rows = [
        {
            "event": EVENT,
            "dag_id": event.dag_id,
            "run_id": run_id,
            "owner": event.actor,
            "owner_display_name": event.actor,
            "extra": json.dumps({"done": done, "reason": event.reason}),
        }
        for done, run_ids in (("cancelled", cancelled), ("rerun", rerun))
        for run_id in run_ids
    ]
    if rows:
        session.execute(insert(Log), rows)


def _record_end(event: Event, report: RepairReport, pin: Pin, *, session: Session) -> None:
    """Record, once, that a repair came to its end."""
    request = {"action": "repair_runs", "dag_id": event.dag_id, "event_id": event.id}
    caller = Caller(event.actor, CallerKind(event.actor_kind), event.source)
    change = Change(caller, event.reason, idempotency_key=f"repair of runs, event {event.id}")
    if events.find_repeated(change, request, session=session) is not None:
        return
    blocked = {run.run_id for run in report.blocked}
    counts = {
        "cancelled": len(set(report.cancelled) - blocked),
        "rerun": len(set(report.rerun) - blocked),
        "blocked": len(blocked),
    }
    version = VersionIdentity.from_dict(event.to_version or {})
    events.record(
        EventKind.RUNS_REPAIRED,
        dag_id=event.dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=VersionIdentity.from_dict(event.from_version or {}),
        to_version=version,
        evidence={"repair": {"version_number": report.version_number, "rollback_event_id": event.id, **counts}},
        session=session,
    )


def _named(blocked: Sequence[BlockedRun]) -> str:
    more = f" And {len(blocked) - MAX_NAMED} more." if len(blocked) > MAX_NAMED else ""
    return " ".join(run.message for run in blocked[:MAX_NAMED]) + more
