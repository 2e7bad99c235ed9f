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
"""End the queued canary runs of a rejected version, so that no more of its runs start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import Select, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import EndReason, record_outcome
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.tries import of_current_tries
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import MAX_NOTE

ENDED = "ended by rejection"
"""Note on a run that was ended before it started. Its outcome is not evidence of anything."""

MAX_TOLD = 10
"""Maximum number of runs in progress to name."""


@dataclass(frozen=True)
class RunsOfRejected:
    """What happened to the unfinished runs of a version when it was rejected."""

    version: VersionIdentity
    ended: tuple[str, ...] = ()
    """IDs of the queued canary runs that were ended."""
    running: tuple[str, ...] = ()
    """IDs of the canary runs that continue."""
    live: int = 0
    """Number of other queued or running runs of the version, which continue."""

    def evidence(self) -> dict[str, Any]:
        """Return what the history keeps. Only users who may read runs see their IDs."""
        kept = {"ended_run_ids": list(self.ended), "running_run_ids": list(self.running)}
        return {name: ids for name, ids in kept.items() if ids}

    def warnings(self) -> tuple[str, ...]:
        """Describe what was ended and what continues, without naming runs."""
        number, running = self.version.version_number, len(self.running)
        told = []
        if self.ended:
            runs = plural(len(self.ended), "queued canary run")
            told.append(f"{runs} of version {number} {_be(len(self.ended), past=True)} ended and will not start.")
        if running:
            told.append(
                f"{plural(running, 'canary run')} of version {number} {_be(running)} running and was not stopped. "
                "To stop it, mark it as failed."
            )
        if self.live:
            told.append(
                f"{plural(self.live, 'other run')} of version {number} {_be(self.live)} queued or running and not "
                "stopped. Mark what must not go on as failed, or clear it on the latest version, which moves it to the "
                "active one."
            )
        return tuple(told)

    def names(self) -> tuple[str, ...]:
        """Name the canary runs that continue, for the user who rejects the version; the history has them elsewhere."""
        if not self.running:
            return ()
        more = f" and {len(self.running) - MAX_TOLD} more" if len(self.running) > MAX_TOLD else ""
        return (f"Canary runs that continue: {', '.join(self.running[:MAX_TOLD])}{more}.",)


def end_queued_canaries(dag_id: str, version: VersionIdentity, change: Change, *, session: Session) -> RunsOfRejected:
    """
    End the queued canary runs of a rejected version, and find its other unfinished runs.

    The caller holds the lock on the Dag's row, so no canary run is created meanwhile. The scheduler locks the runs that
    it is about to start: this waits for it, and ends those that it has not started.

    :param dag_id: the Dag
    :param version: the rejected version
    :param change: who rejects it, and why
    :param session: database session; the caller commits
    """
    asked = {"dag_id": dag_id, "dag_version_id": version.dag_version_id}
    queued = session.execute(_queued_canaries(), asked).all()
    now = timezone.utcnow()
    note = f"Not started: version {version.version_number} was rejected by {change.caller.name}: {change.reason}"
    for run, _ in queued:
        run.set_state(DagRunState.FAILED)
        run.note = (f"{note}\n{run.note}" if run.note else note)[:MAX_NOTE]
    ended = tuple(run.run_id for run, _ in queued)
    if ended:
        session.flush()
        session.execute(
            update(TaskInstance)
            .where(
                TaskInstance.dag_id == dag_id,
                TaskInstance.run_id.in_(ended),
                *of_current_tries(),
                or_(TaskInstance.state.is_(None), TaskInstance.state == TaskInstanceState.SCHEDULED),
            )
            .values(state=TaskInstanceState.SKIPPED, end_date=now)
            .execution_options(synchronize_session=False)
        )
    for run, routed in queued:
        record_outcome(run, reason=EndReason.VERSION_REJECTED.value, session=session)
        alteration = {"what": ENDED, "actor": change.caller.name, "at": now.isoformat()}
        routed.alterations = [*(routed.alterations or ()), alteration]
    return _look(version, ended, asked, session=session)


def _look(
    version: VersionIdentity, ended: tuple[str, ...], asked: dict[str, Any], *, session: Session
) -> RunsOfRejected:
    running, others = [], 0
    for row in session.execute(_unfinished(), asked):
        if row.routed_run_id is None:
            others += row.runs
        else:
            running.append(row.routed_run_id)
    return RunsOfRejected(version, ended, tuple(running), others)


@cache
def _queued_canaries() -> Select:
    dag_version_id = bindparam("dag_version_id", type_=RoutedRun.dag_version_id.type)
    return (
        select(DagRun, RoutedRun)
        .join(RoutedRun, and_(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id))
        .where(
            DagRun.dag_id == bindparam("dag_id"),
            DagRun.state == DagRunState.QUEUED,
            DagRun.created_dag_version_id == dag_version_id,
        )
        .order_by(DagRun.id)
        .with_for_update(of=DagRun)
        .execution_options(populate_existing=True)
    )


@cache
def _unfinished() -> Select:
    dag_version_id = bindparam("dag_version_id", type_=RoutedRun.dag_version_id.type)
    return (
        select(RoutedRun.run_id.label("routed_run_id"), func.count().label("runs"))
        .select_from(DagRun)
        .outerjoin(RoutedRun, and_(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id))
        .where(
            DagRun.dag_id == bindparam("dag_id"),
            DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING)),
            DagRun.created_dag_version_id == dag_version_id,
        )
        .group_by(RoutedRun.run_id)
        .order_by(RoutedRun.run_id)
    )


def _be(count: int, *, past: bool = False) -> str:
    return ("was" if past else "is") if count == 1 else ("were" if past else "are")
