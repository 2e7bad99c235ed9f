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
Compare the outputs of a replay with those of its original.

Outputs are the states of tasks, XComs and published assets, of the tasks that both have. This happens when the replay
finishes, and is recorded with its outcome.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries import outputs
from airflow_providers_pinning.domain.canaries.outputs import Output, Task

log = logging.getLogger(__name__)

FINISHED = (DagRunState.SUCCESS, DagRunState.FAILED)

SHOWN_DIFFERENCES = 100
"""Number of differences stored with their content. All are counted."""


@dataclass(frozen=True)
class Difference:
    """One output that differs."""

    what: str
    """``task`` (an instance that one of them lacks), ``state``, ``xcom`` or ``asset_event``."""
    task_id: str
    map_index: int
    key: str | None
    """Key of the XCom, or name of the asset."""
    original: str | None
    """Value of the original; ``None`` if it has none."""
    replay: str | None

    def output(self) -> tuple[str, str, str | None]:
        """Return the output that differs, regardless of the task's map index."""
        return (self.what, self.task_id, self.key)


@dataclass(frozen=True)
class Tries:
    """A task with another number of tries in each run, which does not count as a difference in the output."""

    task_id: str
    map_index: int
    original: int
    replay: int


def compare_with_original(run: DagRun, original_id: str, *, session: Session) -> dict[str, Any]:
    """
    Return how a finished replay differs from its original, as plain values.

    It has ``original_state``, ``original_seconds``, ``original_dag_version_id``, ``timed`` (whether the durations of
    the two can be compared), ``differences`` (how many), ``shown`` (the first of them), ``counted`` (how many
    there are of each kind, task and key), ``tasks_added``, ``tasks_removed``, ``tries`` (of tasks that needed another
    number of them) and ``problem``, a sentence if they could
    not be compared.

    :param run: the replay
    :param original_id: id of the run that it replays
    :param session: database session
    """
    try:
        return _compare(run, original_id, session=session)
    except SQLAlchemyError:
        raise
    except Exception as error:
        # The value of an XCom must never crash the scheduler.
        log.exception("Run %s of Dag %s cannot be compared with %s", run.run_id, run.dag_id, original_id)
        return {"problem": f"The runs cannot be compared: {error}"[: outputs.SHOWN_LENGTH]}


def _compare(run: DagRun, original_id: str, *, session: Session) -> dict[str, Any]:
    original = session.scalar(select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == original_id))
    if original is None:
        return {"problem": "The original is gone."}
    if original.state not in FINISHED:
        return {"problem": f"The original was cleared and is {original.state}, so its outputs are not all there."}
    ours, theirs = outputs.tasks_of(run, session=session), outputs.tasks_of(original, session=session)
    both = ours.keys() & theirs.keys()
    if not both:
        return {"problem": "The runs have no task in common."}
    if too_much := outputs.why_too_much(run, original, session=session):
        return {"problem": too_much}
    found = [
        *_instances(ours, theirs),
        *_states(ours, theirs, both),
        *_differences(
            "xcom", outputs.xcoms_of(run, session=session), outputs.xcoms_of(original, session=session), both
        ),
        *_differences("asset_event", *outputs.asset_events_of(run, original, session=session), both),
    ]
    return {
        "original_state": str(original.state),
        "original_seconds": outputs.seconds_of(original, theirs, session=session),
        "original_dag_version_id": str(original.created_dag_version_id),
        "timed": _is_timed(run) and _is_timed(original),
        "differences": len(found),
        "counted": [[*output, number] for output, number in Counter(map(Difference.output, found)).items()],
        "shown": [asdict(difference) for difference in found[:SHOWN_DIFFERENCES]],
        "tasks_added": sorted({task_id for task_id, _ in ours} - {task_id for task_id, _ in theirs}),
        "tasks_removed": sorted({task_id for task_id, _ in theirs} - {task_id for task_id, _ in ours}),
        "tries": [asdict(task) for task in _tries(ours, theirs, both)[:SHOWN_DIFFERENCES]],
        "problem": None,
    }


def _is_timed(run: DagRun) -> bool:
    """Return whether a run's duration is meaningful: a failed run ends early, and tasks of a cleared run ran twice."""
    return run.state == DagRunState.SUCCESS and not run.clear_number


def _instances(ours: Mapping[Task, Row], theirs: Mapping[Task, Row]) -> list[Difference]:
    """Return the instances that the replay lacks, and its additional instances, of tasks that both runs have."""
    known = {task_id for task_id, _ in theirs}
    added = [task for task in ours.keys() - theirs.keys() if task[0] in known]
    gone = sorted(theirs.keys() - ours.keys())
    return [
        *(Difference("task", *task, None, str(theirs[task].state), None) for task in gone),
        *(Difference("task", *task, None, None, str(ours[task].state)) for task in sorted(added)),
    ]


def _states(ours: Mapping[Task, Row], theirs: Mapping[Task, Row], both: set[Task]) -> list[Difference]:
    return [
        Difference("state", *task, None, str(theirs[task].state), str(ours[task].state))
        for task in sorted(both)
        if ours[task].state != theirs[task].state
    ]


def _tries(ours: Mapping[Task, Row], theirs: Mapping[Task, Row], both: set[Task]) -> list[Tries]:
    return [
        Tries(*task, theirs[task].try_number, ours[task].try_number)
        for task in sorted(both)
        if ours[task].try_number != theirs[task].try_number
    ]


def _differences(
    what: str, ours: Mapping[Output, str], theirs: Mapping[Output, str], both: set[Task]
) -> list[Difference]:
    return [
        Difference(what, *task, key, theirs.get((task, key)), ours.get((task, key)))
        for task, key in sorted(ours.keys() | theirs.keys())
        if task in both and ours.get((task, key)) != theirs.get((task, key))
    ]
