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
"""Notes on runs that do not count by their current state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import Row, Subquery, func, null, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import CountsAs, EndReason, NoEvidence
from airflow_providers_pinning.domain.soak.bulk_changes import BulkChange
from airflow_providers_pinning.domain.soak.judged_runs import KNOWN, Scope, of_canaries, of_live_runs, set_by_hand
from airflow_providers_pinning.domain.soak.verdict import Evidence
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import RunKind

NAMED_RUNS = 500
"""Number of runs that the notes cover, newest first."""

NAMED_TASKS = 20
"""Maximum number of tasks that failed in live runs to name."""

_NO_EVIDENCE = {
    NoEvidence.NO_TASK: "it has no tasks",
    NoEvidence.NO_TASK_RAN: "none of its tasks ran",
    NoEvidence.NEVER_STARTED: "a task that never started is marked as successful",
    NoEvidence.VERSION_REJECTED: "its version was rejected before it ended",
}
_ENDED = {
    EndReason.TIMED_OUT: "exceeded the Dag's dagrun_timeout",
    EndReason.OVERRAN_GAP: "was still running when a live run fell due",
}
_UNKNOWN = "it was changed by hand, or its tasks were deleted, and it finished before outcomes were recorded"


def notes_on(
    scope: Scope,
    runs: Subquery,
    evidence: Evidence,
    known_tasks: Collection[str] | None,
    in_bulk: Mapping[str, BulkChange],
    *,
    session: Session,
) -> tuple[str, ...]:
    """
    Return a sentence for each kind of run that is not evidence, counts as failed although successful, or was altered
    later.

    :param scope: the runs to judge
    :param runs: the same, with how they count
    :param evidence: the counted evidence
    :param known_tasks: tasks that also fail in live runs; ``None`` if all failed tasks are ignored
    :param in_bulk: live runs whose state was set in bulk
    """
    notes: Counter[str] = Counter()
    if scope.kind is not RunKind.LIVE:
        notes.update(map(_note_on_record, _records(scope, runs, session=session)))
    if scope.kind is not RunKind.CANARY and evidence.not_evidence:
        notes.update(_live_no_evidence(scope, runs, in_bulk, session=session))
    told = [_sentence(number, note) for note, number in notes.items() if note]
    if failed := evidence.replays_not_compared - evidence.replays_pending:
        told.append(f"{plural(failed, 'replay')} could not be compared.")
    if pending := evidence.replays_pending:
        told.append(
            f"{plural(pending, 'replay')} cannot be compared until the active version has replayed the same runs."
        )
    if aside := evidence.outputs_set_aside:
        told.append(
            f"{plural(len(aside), 'output')} {'is' if len(aside) == 1 else 'are'} ignored, because the active "
            f"version differs from itself in {'it' if len(aside) == 1 else 'them'} too: "
            f"{', '.join(aside[:NAMED_TASKS])}"
            f"{f' and {len(aside) - NAMED_TASKS} more' if len(aside) > NAMED_TASKS else ''}."
        )
    if evidence.output_differences:
        told.append(
            f"{plural(evidence.replays, 'replay')} of live runs {'differs' if evidence.replays == 1 else 'differ'} in "
            f"{plural(evidence.output_differences, 'output')}."
        )
    if evidence.failed_tasks or evidence.known_failures:
        told += _failed_tasks_of_live_runs(scope, known_tasks, session=session)
    return tuple(told)


def _records(scope: Scope, runs: Subquery, *, session: Session) -> list[Row]:
    """Read the canary runs that may need a note."""
    query = select(runs.c.counts_as, RoutedRun.state, RoutedRun.outcome, RoutedRun.alterations)
    told = or_(runs.c.counts_as != CountsAs.SUCCESS.value, RoutedRun.alterations.is_not(null()))
    query = query.join(RoutedRun, RoutedRun.run_id == runs.c.run_id).where(*of_canaries(scope), told)
    return list(session.execute(query.order_by(RoutedRun.created_at.desc()).limit(NAMED_RUNS)))


def _note_on_record(row: Row) -> str:
    outcome: Mapping[str, Any] = row.outcome or {}
    done = ", then ".join(map(_done, row.alterations or ()))
    if row.counts_as == CountsAs.NOTHING.value:
        return f"no evidence: {_why_nothing(outcome, row.alterations or ())}"
    if row.counts_as in (CountsAs.FAILED_TASKS.value, KNOWN) and row.state:
        failed = _tasks(outcome["failed_tasks"])
        counts = "failed" if row.counts_as == CountsAs.FAILED_TASKS.value else "ended well"
        return f"{counts} although {failed} failed" if counts == "ended well" else _failed_in(failed, done)
    if row.state is None:
        return ""
    ended = "failed" if row.counts_as == CountsAs.FAILED.value else "succeeded"
    how = next((words for reason, words in _ENDED.items() if outcome.get("reason") == reason.value), None)
    if not (how or done):
        return ""
    return ended + (f", since it {how}" if how else "") + (f" (later {done})" if done else "")


def _failed_in(failed: str, done: str) -> str:
    return f"failed in {failed}, whatever it ended as" + (f" (later {done})" if done else "")


def _why_nothing(outcome: Mapping[str, Any], alterations: Any) -> str:
    by_hand = [altered for altered in alterations if altered.get("by_hand")]
    if outcome.get("no_evidence") == NoEvidence.SET_BY_HAND.value and by_hand:
        return _done(by_hand[-1])
    return next((words for word, words in _NO_EVIDENCE.items() if outcome.get("no_evidence") == word.value), _UNKNOWN)


def _done(altered: Mapping[str, Any]) -> str:
    return f"{altered['what']} by {altered['actor']}" if altered.get("actor") else altered["what"]


def _tasks(tasks: list[str]) -> str:
    return f"task {tasks[0]}" if len(tasks) == 1 else f"tasks {', '.join(tasks)}"


def _sentence(number: int, note: str) -> str:
    if note.startswith("no evidence"):
        return f"{plural(number, 'run')} {'is' if number == 1 else 'are'} {note}."
    return f"{plural(number, 'run')} {note}."


def _live_no_evidence(
    scope: Scope, runs: Subquery, in_bulk: Mapping[str, BulkChange], *, session: Session
) -> Counter[str]:
    """Name the users who set the state of live runs, from the audit log. The other runs have no tasks."""
    nothing = runs.c.counts_as == CountsAs.NOTHING.value
    live = select(DagRun.run_id).join(runs, runs.c.order_id == DagRun.id).where(*of_live_runs(scope), nothing)
    newest = live.order_by(DagRun.id.desc()).limit(NAMED_RUNS)
    run_ids = set(session.scalars(newest))
    query = set_by_hand(scope, Log.run_id, Log.owner, Log.extra).where(Log.run_id.in_(run_ids)).order_by(Log.id)
    by_hand = {run_id: _set_by(change.state, change.owner) for run_id, change in in_bulk.items() if run_id in run_ids}
    by_hand |= {row.run_id: _set_by(_state_in(row.extra), row.owner) for row in session.execute(query)}
    notes = Counter(f"no evidence: {done}" for done in by_hand.values())
    notes.update(f"no evidence: {_NO_EVIDENCE[NoEvidence.NO_TASK]}" for _ in run_ids.difference(by_hand))
    return notes


def _state_in(extra: str) -> str:
    return "success" if '"state": "success"' in extra else "failed"


def _set_by(state: str, owner: str | None) -> str:
    return f"set to {state} by {owner}"


def _failed_tasks_of_live_runs(scope: Scope, known_tasks: Collection[str] | None, *, session: Session) -> Iterator[str]:
    if scope.kind is RunKind.CANARY:
        return
    query = (
        select(TaskInstance.task_id, func.count(TaskInstance.run_id.distinct()).label("number"))
        .join(DagRun, (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id))
        .where(
            *of_live_runs(scope),
            DagRun.state == DagRunState.SUCCESS,
            TaskInstance.dag_id == scope.dag_id,
            TaskInstance.state == TaskInstanceState.FAILED,
            *of_current_tries(),
        )
        .group_by(TaskInstance.task_id)
        .order_by(TaskInstance.task_id)
        .limit(NAMED_TASKS)
    )
    for row in session.execute(query):
        is_known = known_tasks is None or row.task_id in known_tasks
        note = f"ended well although task {row.task_id} failed" if is_known else _failed_in(f"task {row.task_id}", "")
        yield _sentence(row.number, note)
