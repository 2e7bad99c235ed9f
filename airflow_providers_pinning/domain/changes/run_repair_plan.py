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
"""Plan the repair of runs: lock the runs to change, and find those that cannot be repaired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import State, TaskInstanceState
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.changes.affected_runs import (
    BlockedRun,
    RepairReport,
    RunRepair,
    affected,
    block,
    count_runs,
)
from airflow_providers_pinning.domain.errors import RunsNotRepairableError, TooManyRunsError
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import MAX_REPAIRED_RUNS, RunBlock, UnfinishedRuns

MAX_NAMED = 5
"""How many of the runs that cannot be repaired the message names; the data has all."""

_AT_WORK = (TaskInstanceState.RUNNING, TaskInstanceState.QUEUED, TaskInstanceState.RESTARTING)
"""States in which a process may be at a task, or may be handed it any moment."""


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
    # Before any is locked: the scheduler cannot work on locked ones.
    wanted = sum(count for state, count in by_state.items() if state in repair.states)
    if repair.run_ids is not None:
        wanted = min(wanted, len(set(repair.run_ids)))
    if wanted > MAX_REPAIRED_RUNS:
        raise TooManyRunsError(
            f"{wanted} runs of Dag {dag_id!r} would be repaired, but one request repairs at most "
            f"{MAX_REPAIRED_RUNS}. No change was made. Use a later since, or only_failed.",
            dag_id=dag_id,
            runs=wanted,
        )
    found = _plan(dag_id, version, pin, repair, session=session)
    if found.blocked and not repair.skip_blocked:
        raise RunsNotRepairableError(
            f"{plural(len(found.blocked), 'run')} of Dag {dag_id!r} cannot be repaired, so no change was made: "
            f"{_named(found.blocked)} Use skip_blocked (CLI: --skip-blocked) to leave them as they are, or omit "
            "the repair.",
            dag_id=dag_id,
            blocked=[vars(run) for run in found.blocked],
        )
    return RepairReport(
        version.version_number,
        by_state,
        tuple(run.run_id for run in found.cancel),
        tuple(run.run_id for run in found.rerun),
        pending=len(found.cancel) + len(found.rerun),
        blocked=found.blocked,
    )


def warn_of_repair(dag_id: str, report: RepairReport, *, session: Session) -> tuple[str, ...]:
    """Return warnings about the runs, without naming them."""
    told = []
    if rerun := len(report.rerun):
        told.append(
            f"{plural(rerun, 'run')} of version {report.version_number} {'is' if rerun == 1 else 'are'} rerun with "
            "the active version. This repeats the effects of their tasks outside Airflow, and their asset events."
        )
        dag_model = session.get(DagModel, dag_id)
        if dag_model and dag_model.is_paused:
            told.append(f"Dag {dag_id!r} is paused, so the runs wait until it is unpaused.")
    if blocked := len(report.blocked):
        left = "was" if blocked == 1 else "were"
        told.append(f"{plural(blocked, 'run')} could not be repaired and {left} skipped.")
    return tuple(told)


@dataclass(frozen=True)
class _Plan:
    """The runs that a repair is about, as their rows are locked."""

    cancel: tuple[DagRun, ...]
    rerun: tuple[DagRun, ...]
    blocked: tuple[BlockedRun, ...]


def _plan(dag_id: str, version: VersionIdentity, pin: Pin | None, repair: RunRepair, *, session: Session) -> _Plan:
    """
    Lock the runs that a repair is about, and find those that cannot be repaired.

    The scheduler holds the runs that it works on: this waits for it.
    """
    blocked: list[BlockedRun] = []
    conditions = [*affected(dag_id, version, pin, repair.since), DagRun.state.in_(repair.states)]
    if repair.run_ids is None:
        runs = _lock(conditions, session=session)
    else:
        named = sorted(set(repair.run_ids))
        runs = [run for some in pages(named) for run in _lock([*conditions, DagRun.run_id.in_(some)], session=session)]
        blocked += _not_among(
            dag_id, sorted(set(named) - {run.run_id for run in runs}), version, pin, repair, session=session
        )
    cancel = [run for run in runs if run.state in State.unfinished_dr_states]
    rerun = [run for run in runs if run.state in State.finished_dr_states]
    empty = {run.run_id for run in rerun} - _with_tasks(dag_id, [run.run_id for run in rerun], session=session)
    blocked += [block(run_id, RunBlock.NO_TASKS, "has no tasks to rerun") for run_id in sorted(empty)]
    rerun = [run for run in rerun if run.run_id not in empty]
    at_work = _at_work(dag_id, [run.run_id for run in rerun], session=session)
    blocked += [
        block(
            run.run_id,
            RunBlock.TASKS_RUNNING,
            f"has a task that is still {at_work[run.run_id]}; wait until it ends, or stop it",
        )
        for run in rerun
        if run.run_id in at_work
    ]
    return _Plan(tuple(cancel), tuple(run for run in rerun if run.run_id not in at_work), tuple(blocked))


def _lock(conditions: Sequence[ColumnElement[bool]], *, session: Session) -> Sequence[DagRun]:
    return session.scalars(
        select(DagRun)
        .where(*conditions)
        .order_by(DagRun.id)
        .with_for_update(of=DagRun)
        .execution_options(populate_existing=True)
    ).all()


def _at_work(dag_id: str, run_ids: Sequence[str], *, session: Session) -> dict[str, str]:
    """Return those runs that a process may still work on, with the state of such a task."""
    return {
        run_id: str(state)
        for some in pages(run_ids)
        for run_id, state in session.execute(
            select(TaskInstance.run_id, func.max(TaskInstance.state))
            .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(some), TaskInstance.state.in_(_AT_WORK))
            .group_by(TaskInstance.run_id)
        )
    }


def _with_tasks(dag_id: str, run_ids: Sequence[str], *, session: Session) -> set[str]:
    return {
        run_id
        for some in pages(run_ids)
        for run_id in session.scalars(
            select(TaskInstance.run_id).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(some)).distinct()
        )
    }


def _not_among(
    dag_id: str,
    run_ids: Sequence[str],
    version: VersionIdentity,
    pin: Pin | None,
    repair: RunRepair,
    *,
    session: Session,
) -> Iterable[BlockedRun]:
    """Explain why requested runs are not among those to repair."""
    known = {
        run.run_id: run
        for some in pages(run_ids)
        for run in session.execute(
            select(
                DagRun.run_id,
                DagRun.state,
                DagRun.created_dag_version_id,
                of_canary_runs().label("is_canary"),
                and_(*affected(dag_id, version, pin, repair.since)).label("is_affected"),
            ).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(some))
        )
    }
    for run_id in run_ids:
        run = known.get(run_id)
        if run is None:
            yield block(run_id, RunBlock.DELETED, "does not exist")
        elif run.is_canary:
            yield block(run_id, RunBlock.CANARY, "is a canary run, which keeps its version")
        elif run.created_dag_version_id != version.dag_version_id:
            yield block(run_id, RunBlock.OTHER_VERSION, f"is not a run of version {version.version_number}")
        elif not run.is_affected:
            yield block(run_id, RunBlock.BEFORE, "is older than the repair period; use an earlier since")
        elif run.state in State.unfinished_dr_states and repair.unfinished is UnfinishedRuns.KEEP:
            said = "is not finished; stop it first, or request that unfinished runs are canceled"
            yield block(run_id, RunBlock.UNFINISHED, said)


def _named(blocked: Sequence[BlockedRun]) -> str:
    more = f" And {len(blocked) - MAX_NAMED} more." if len(blocked) > MAX_NAMED else ""
    return " ".join(run.message for run in blocked[:MAX_NAMED]) + more
