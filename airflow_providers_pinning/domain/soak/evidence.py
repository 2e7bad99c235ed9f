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
"""Count the runs of a version as evidence for or against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import Row, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import CountsAs
from airflow_providers_pinning.domain.soak.baseline import Sample
from airflow_providers_pinning.domain.soak.bulk_changes import set_in_bulk
from airflow_providers_pinning.domain.soak.evidence_notes import notes_on
from airflow_providers_pinning.domain.soak.judged_runs import (
    KNOWN,
    RUNNING,
    Scope,
    has_task,
    judged_runs,
    not_set_by_hand,
    of_canaries,
    of_live_runs,
    retried_tasks_of_run,
    seconds_of_run,
)
from airflow_providers_pinning.domain.soak.set_aside import set_aside
from airflow_providers_pinning.domain.soak.verdict import Evidence
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import FailedTasks, RunKind

BASELINE_RUNS = 100
"""Number of the baseline's newest finished runs to compare with."""

TIMED_RUNS = 1000
"""Number of the version's newest successful runs that count for durations, and for the retries of live runs."""

KNOWN_RUNS = 5000
"""Number of canary runs with failed tasks to check. If there are more, the oldest count as failed."""

EVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


def gather(
    scope: Scope, active: Callable[[], Scope | None], failed_tasks: FailedTasks, *, session: Session
) -> tuple[Evidence, Subquery]:
    """
    Count the runs in the database, because a live version may have very many.

    :param scope: the runs to judge
    :param active: finds the live runs of the version that this one would replace, or replaced, if needed
    :param failed_tasks: how failed tasks in successful runs count
    :param session: database session
    :return: the evidence, and the runs from which it was gathered
    """
    in_bulk = {} if scope.kind is RunKind.CANARY else set_in_bulk(scope, session=session)
    runs = judged_runs(scope, set_in_bulk=in_bulk)
    counted = _count(runs, session=session)
    counting, known_tasks = failed_tasks is FailedTasks.COUNT, []
    to_explain = counting and CountsAs.FAILED_TASKS.value in counted
    if to_explain and (known_tasks := _tasks_that_fail_anyway(active(), session=session)):
        known_runs = _runs_that_fail_as_known(scope, known_tasks, session=session)
        runs = judged_runs(scope, known_tasks=known_tasks, known_runs=known_runs, set_in_bulk=in_bulk)
        counted = _count(runs, session=session)
    runs = _settled(runs, failed_tasks)
    evidence = set_aside(scope, runs, _evidence(scope, counted, failed_tasks), session=session)
    if evidence.failures:
        failed = (CountsAs.FAILED.value, CountsAs.FAILED_TASKS.value)
        last = max(row.last_end for word, row in counted.items() if word in failed[: 2 if counting else 1])
        evidence = replace(evidence, consecutive_successes=_successes_since(last, runs, session=session))
    if scope.kind is not RunKind.CANARY:
        evidence = replace(evidence, retried_tasks=evidence.retried_tasks + _retried(scope, session=session))
    known = known_tasks if counting else None
    return replace(evidence, notes=notes_on(scope, runs, evidence, known, in_bulk, session=session)), runs


def durations(scope: Scope, runs: Subquery, *, session: Session) -> tuple[float, ...]:
    """
    Return the seconds that the tasks of the newest successful runs took.

    This excludes the time that tasks waited for a slot or a retry. It also excludes cleared live runs, whose tasks ran
    more often than necessary.
    """
    succeeded = runs.c.counts_as.in_((CountsAs.SUCCESS.value, KNOWN))
    seconds: list[tuple[int, float]] = []
    if scope.kind is not RunKind.LIVE:
        query = (
            select(runs.c.order_id, func.coalesce(RoutedRun.active_seconds, seconds_of_run()))
            .select_from(RoutedRun)
            .join(runs, runs.c.run_id == RoutedRun.run_id)
            .outerjoin(DagRun, and_(DagRun.dag_id == RoutedRun.dag_id, DagRun.run_id == RoutedRun.run_id))
            .where(*of_canaries(scope), succeeded)
            .order_by(RoutedRun.created_at.desc())
        )
        seconds += [(order_id, taken) for order_id, taken in session.execute(query.limit(TIMED_RUNS))]
    if scope.kind is not RunKind.CANARY:
        live = (
            select(DagRun.id, seconds_of_run())
            .where(
                *of_live_runs(scope),
                *not_set_by_hand(scope, set_in_bulk(scope, session=session)),
                DagRun.state == DagRunState.SUCCESS,
                DagRun.clear_number == 0,
                has_task(),
            )
            .order_by(DagRun.id.desc())
        )
        seconds += [(order_id, taken) for order_id, taken in session.execute(live.limit(TIMED_RUNS))]
    return tuple(float(of_run) for _, of_run in sorted(seconds, reverse=True)[:TIMED_RUNS])


def paired_durations(
    scope: Scope, runs: Subquery, baseline_id: UUID, *, session: Session
) -> tuple[tuple[float, float], ...]:
    """
    Return the seconds that the tasks of the newest successful replays took, with those of their originals.

    :param scope: the runs that are judged
    :param runs: the same, with how they count
    :param baseline_id: the version to compare with; originals of other versions are left out
    """
    if scope.kind is RunKind.LIVE:
        return ()
    compared = RoutedRun.outcome["replay"]
    query = (
        select(RoutedRun.active_seconds, compared["original_seconds"].as_float())
        .join(runs, runs.c.run_id == RoutedRun.run_id)
        .where(
            *of_canaries(scope),
            RoutedRun.replay_of.is_not(None),
            runs.c.counts_as.in_((CountsAs.SUCCESS.value, KNOWN)),
            compared["original_dag_version_id"].as_string() == str(baseline_id),
            compared["timed"].as_boolean(),
        )
        .order_by(RoutedRun.created_at.desc())
        .limit(TIMED_RUNS)
    )
    return tuple((float(ours), float(theirs)) for ours, theirs in session.execute(query))


def baseline_sample(active: Scope | None, *, session: Session) -> Sample:
    """Return the newest live runs of a version that were not ended by hand, to compare with."""
    if active is None:
        return Sample(failures=0, durations=(), runs=0)
    finished = session.execute(
        select(DagRun.state, DagRun.clear_number, seconds_of_run().label("seconds"))
        .where(
            *of_live_runs(active),
            *not_set_by_hand(active, set_in_bulk(active, session=session)),
            DagRun.state.in_(State.finished_dr_states),
        )
        .order_by(DagRun.id.desc())
        .limit(BASELINE_RUNS)
    ).all()
    succeeded = [run for run in finished if run.state == DagRunState.SUCCESS]
    return Sample(
        failures=len(finished) - len(succeeded),
        durations=tuple(float(run.seconds) for run in succeeded if not run.clear_number),
        runs=len(finished),
    )


def _count(runs: Subquery, *, session: Session) -> dict[str, Row]:
    query = select(
        runs.c.counts_as,
        func.count().label("runs"),
        func.sum(runs.c.cleared).label("cleared"),
        func.min(runs.c.started).label("first_start"),
        func.max(runs.c.ended).label("last_end"),
        func.sum(runs.c.retried_tasks).label("retried"),
        func.sum(runs.c.withheld_effects).label("withheld"),
        func.sum(runs.c.compared).label("compared"),
        func.sum(runs.c.not_compared).label("not_compared"),
        func.sum(runs.c.output_differences).label("output_differences"),
    )
    return {row.counts_as: row for row in session.execute(query.group_by(runs.c.counts_as))}


def _settled(runs: Subquery, failed_tasks: FailedTasks) -> Subquery:
    """Count failed tasks as failures, or as known failures if they are ignored."""
    if failed_tasks is FailedTasks.COUNT:
        return runs
    others = [column for column in runs.c if column.name != "counts_as"]
    counts_as = case((runs.c.counts_as == CountsAs.FAILED_TASKS.value, KNOWN), else_=runs.c.counts_as)
    return select(counts_as.label("counts_as"), *others).subquery()


def _evidence(scope: Scope, counted: dict[str, Row], failed_tasks: FailedTasks) -> Evidence:
    def number(*words: str) -> int:
        return sum(counted[word].runs for word in words if word in counted)

    failed = CountsAs.FAILED_TASKS.value
    ignored, counting = ((failed,), ()) if failed_tasks is FailedTasks.IGNORE else ((), (failed,))
    evidence = [row for word, row in counted.items() if word != CountsAs.NOTHING.value]
    finished = [row for row in evidence if row.counts_as != RUNNING]
    successes = number(CountsAs.SUCCESS.value, KNOWN, *ignored)
    return Evidence(
        since=scope.since,
        successes=successes,
        failures=number(CountsAs.FAILED.value, *counting),
        consecutive_successes=successes,
        running=number(RUNNING),
        cleared=sum(int(row.cleared) for row in counted.values()),
        not_evidence=number(CountsAs.NOTHING.value),
        failed_tasks=number(*counting),
        known_failures=number(KNOWN, *ignored),
        retried_tasks=sum(int(row.retried) for row in finished),
        withheld_effects=sum(int(row.withheld) for row in finished),
        replays=sum(int(row.compared) for row in finished),
        replays_not_compared=sum(int(row.not_compared) for row in finished),
        output_differences=sum(int(row.output_differences) for row in finished),
        first_run_at=min((row.first_start for row in evidence if row.first_start), default=None),
        last_run_at=max((row.last_end for row in finished if row.last_end), default=None),
    )


def _successes_since(ended: datetime, runs: Subquery, *, session: Session) -> int:
    """Count the successful runs since the last failed one, which ended at the given time."""
    failed = runs.c.counts_as.in_((CountsAs.FAILED.value, CountsAs.FAILED_TASKS.value))
    order_id = session.scalar(select(func.max(runs.c.order_id)).where(runs.c.ended == ended, failed)) or 0
    later = or_(runs.c.ended > ended, and_(runs.c.ended == ended, runs.c.order_id > order_id))
    succeeded = runs.c.counts_as.in_((CountsAs.SUCCESS.value, KNOWN))
    # So that only later runs are classified. There may be very many earlier ones.
    query = select(func.count()).select_from(runs).where(runs.c.ended >= ended, later, succeeded)
    return session.scalar(query) or 0


def _tasks_that_fail_anyway(active: Scope | None, *, session: Session) -> list[str]:
    """Return the tasks that failed in recent live runs of the active version."""
    if active is None:
        return []
    recent = (
        select(DagRun.run_id)
        .where(
            *of_live_runs(active),
            *not_set_by_hand(active, set_in_bulk(active, session=session)),
            DagRun.state.in_(State.finished_dr_states),
        )
        .order_by(DagRun.id.desc())
        .limit(BASELINE_RUNS)
        .subquery()
    )
    query = select(TaskInstance.task_id).distinct().join(recent, recent.c.run_id == TaskInstance.run_id)
    failed = (
        TaskInstance.dag_id == active.dag_id,
        TaskInstance.state == TaskInstanceState.FAILED,
        *of_current_tries(),
    )
    return sorted(session.scalars(query.where(*failed)))


def _runs_that_fail_as_known(scope: Scope, known_tasks: list[str], *, session: Session) -> list[str]:
    """Return the canary runs in which only known tasks failed."""
    if scope.kind is RunKind.LIVE:
        return []
    records = session.execute(
        select(RoutedRun.run_id, RoutedRun.outcome)
        .where(*of_canaries(scope), RoutedRun.counts_as == CountsAs.FAILED_TASKS.value)
        .order_by(RoutedRun.created_at.desc())
        .limit(KNOWN_RUNS)
    )
    return [row.run_id for row in records if set((row.outcome or {})["failed_tasks"]) <= set(known_tasks)]


def _retried(scope: Scope, *, session: Session) -> int:
    newest = (
        select(retried_tasks_of_run().label("retried"))
        .where(*of_live_runs(scope), DagRun.state.in_(State.finished_dr_states))
        .order_by(DagRun.id.desc())
        .limit(TIMED_RUNS)
        .subquery()
    )
    return int(session.scalar(select(func.sum(newest.c.retried))) or 0)
