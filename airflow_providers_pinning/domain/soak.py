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
"""Soak: the evidence for or against a version, gathered from its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, State
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import verdict
from airflow_providers_pinning.domain.baseline import Comparison, Sample, Tolerance, compare
from airflow_providers_pinning.domain.checks import check_same, check_unchanged
from airflow_providers_pinning.domain.errors import NotManagedError
from airflow_providers_pinning.domain.events import EventKind
from airflow_providers_pinning.domain.identity import (
    VersionIdentity,
    find_version,
    identity_of,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.managed import VersionState, managed_version
from airflow_providers_pinning.domain.routed_runs import is_routed
from airflow_providers_pinning.domain.verdict import Criteria, Evidence, Judgement, Verdict
from airflow_providers_pinning.models import Event, ManagedVersion, Pin

BASELINE_RUNS = 100
"""How many of the baseline's newest finished runs are compared with."""

TIMED_RUNS = 1000
"""How many of the version's newest successful runs count for the comparison of durations."""


class RunKind(str, Enum):
    """Which runs count as evidence."""

    CANARY = "canary"
    """Canary runs: evidence on a candidate."""
    LIVE = "live"
    """Scheduled and asset-triggered runs: evidence on a version that is active, as a bake needs it."""
    ANY = "any"
    """Every run, manual ones and backfills too."""


@dataclass(frozen=True)
class SoakQuestion:
    """What is asked about a version."""

    criteria: Criteria = field(default_factory=Criteria)
    run_kinds: RunKind = RunKind.CANARY
    since: datetime | None = None
    """When the soak began; by default when the version was pinned (live) or its evaluation began."""
    expected_dag_hash: str | None = None
    """Hash that the caller means; another one is refused."""
    tolerance: Tolerance | None = None
    """Compare with the version that it would replace; ``None`` does not."""
    expected_bundle_version: str | None = None
    """Version of the bundle, such as a commit, that the caller means; another one is refused."""


@dataclass(frozen=True)
class Soak:
    """The verdict, and everything that led to it."""

    dag_id: str
    version: VersionIdentity
    judgement: Judgement
    evidence: Evidence
    soaked_seconds: float
    comparison: Comparison | None
    baseline: VersionIdentity | None


def soak(dag_id: str, version_number: int, question: SoakQuestion, *, session: Session) -> Soak:
    """
    Judge a version by its runs.

    Only runs of exactly this version count. It must be managed, since an unmanaged version may become
    other code with the next commit, and evidence on it would be about something else.

    :raises UnknownVersionError: if there is no such version
    :raises NotManagedError: if it is not managed
    :raises VersionDriftedError: if it is not what it was, or not what the caller means
    """
    require_dag(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    managed = managed_version(version.dag_version_id, session=session)
    if managed is None:
        raise NotManagedError(
            f"Dag {dag_id!r}, {version.label}, is not under evaluation. Make it a candidate first.",
            dag_id=dag_id,
            version_number=version_number,
        )
    check_unchanged(dag_id, version, managed)
    check_same(dag_id, version, dag_hash=question.expected_dag_hash, bundle_version=question.expected_bundle_version)
    now = timezone.utcnow()
    since = question.since or _began(dag_id, managed, question.run_kinds, session=session)
    runs = (*_runs(dag_id, version.dag_version_id, question.run_kinds), DagRun.created_at >= since)
    evidence = _evidence(since, runs, session=session)
    judgement = verdict.judge(evidence, question.criteria, now)
    baseline = _baseline(dag_id, version, session=session) if question.tolerance else None
    compared = None
    if question.tolerance:
        ours = Sample(evidence.failures, _durations(runs, session=session), evidence.runs)
        theirs = _baseline_sample(dag_id, baseline, session=session)
        compared = compare(ours, theirs, question.tolerance)
        # A few early runs say nothing of a difference, so it counts once there are as many as are needed.
        if evidence.runs >= question.criteria.min_runs:
            judgement = _worst(judgement, compared.judgement)
    return Soak(dag_id, version, judgement, evidence, (now - since).total_seconds(), compared, baseline)


def _began(dag_id: str, managed: ManagedVersion, kinds: RunKind, *, session: Session) -> datetime:
    pin = session.get(Pin, dag_id)
    if kinds == RunKind.LIVE and pin is not None and pin.dag_version_id == managed.dag_version_id:
        return pin.changed_at
    if managed.evaluated_since is not None:
        return managed.evaluated_since
    # Managed by a release that did not write the start down.
    return managed.state_changed_at if managed.state == VersionState.CANDIDATE.value else managed.created_at


def _runs(dag_id: str, dag_version_id: UUID, kinds: RunKind) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions of the runs that are judged."""
    routed = is_routed()
    runs = (
        DagRun.dag_id == dag_id,
        DagRun.created_dag_version_id == dag_version_id,
        DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
    )
    if kinds == RunKind.CANARY:
        return (*runs, routed)
    if kinds == RunKind.LIVE:
        return (*runs, ~routed, DagRun.run_type.in_((DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED)))
    return runs


def _evidence(since: datetime, runs: Sequence[ColumnElement[bool]], *, session: Session) -> Evidence:
    """Count the runs in the database: a live version may have very many."""
    by_state = {
        row.state: row
        for row in session.execute(
            select(
                DagRun.state,
                func.count().label("runs"),
                func.sum(case((DagRun.clear_number > 0, 1), else_=0)).label("cleared"),
                func.min(DagRun.start_date).label("first_start"),
                func.max(DagRun.end_date).label("last_end"),
            )
            .where(*runs)
            .group_by(DagRun.state)
        )
    }
    finished = [row for state, row in by_state.items() if state in State.finished_dr_states]
    successes, failures = (
        by_state[state].runs if state in by_state else 0 for state in (DagRunState.SUCCESS, DagRunState.FAILED)
    )
    in_a_row = min(successes, _successes_since_failure(runs, session=session)) if failures else successes
    return Evidence(
        since=since,
        successes=successes,
        failures=failures,
        consecutive_successes=in_a_row,
        running=sum(row.runs for row in by_state.values()) - successes - failures,
        cleared=sum(int(row.cleared) for row in by_state.values()),
        first_run_at=min((row.first_start for row in by_state.values() if row.first_start), default=None),
        last_run_at=max((row.last_end for row in finished if row.last_end), default=None),
    )


def _successes_since_failure(runs: Sequence[ColumnElement[bool]], *, session: Session) -> int:
    ended = func.coalesce(DagRun.end_date, DagRun.created_at)
    failed = session.execute(
        select(ended.label("ended"), DagRun.id)
        .where(*runs, DagRun.state == DagRunState.FAILED)
        .order_by(ended.desc(), DagRun.id.desc())
        .limit(1)
    ).one_or_none()
    later = or_(ended > failed.ended, and_(ended == failed.ended, DagRun.id > failed.id)) if failed else true()
    return session.scalar(select(func.count()).where(*runs, DagRun.state == DagRunState.SUCCESS, later)) or 0


def _durations(runs: Sequence[ColumnElement[bool]], *, session: Session) -> tuple[float, ...]:
    rows = session.execute(
        select(DagRun.start_date, DagRun.end_date)
        .where(
            *runs,
            DagRun.state == DagRunState.SUCCESS,
            DagRun.start_date.is_not(None),
            DagRun.end_date.is_not(None),
        )
        .order_by(DagRun.id.desc())
        .limit(TIMED_RUNS)
    )
    return tuple((row.end_date - row.start_date).total_seconds() for row in rows)


def _baseline_sample(dag_id: str, baseline: VersionIdentity | None, *, session: Session) -> Sample:
    if baseline is None:
        return Sample(failures=0, durations=(), runs=0)
    finished = session.execute(
        select(DagRun.state, DagRun.start_date, DagRun.end_date)
        .where(*_runs(dag_id, baseline.dag_version_id, RunKind.LIVE), DagRun.state.in_(State.finished_dr_states))
        .order_by(DagRun.id.desc())
        .limit(BASELINE_RUNS)
    ).all()
    succeeded = [run for run in finished if run.state == DagRunState.SUCCESS]
    return Sample(
        failures=len(finished) - len(succeeded),
        durations=tuple(
            (run.end_date - run.start_date).total_seconds() for run in succeeded if run.end_date and run.start_date
        ),
        runs=len(finished),
    )


def _baseline(dag_id: str, version: VersionIdentity, *, session: Session) -> VersionIdentity | None:
    """Find what the version would replace, or did replace if it is active."""
    pin = session.get(Pin, dag_id)
    active = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if active is not None and active.dag_version_id != version.dag_version_id:
        return active
    # One row of a history that may be very long.
    replaced, chosen = (version["dag_version_id"].as_string() for version in (Event.from_version, Event.to_version))
    replaced_id = session.scalar(
        select(replaced)
        .where(
            Event.dag_id == dag_id,
            Event.kind.in_((EventKind.PINNED.value, EventKind.ROLLED_BACK.value, EventKind.UNPINNED.value)),
            chosen == str(version.dag_version_id),
            replaced != str(version.dag_version_id),
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    return identity_of(UUID(replaced_id), session=session) if replaced_id else None


def _worst(soaked: Judgement, compared: Judgement) -> Judgement:
    """Failed beats progressing beats inconclusive beats successful: more runs may still settle a comparison."""
    order = (Verdict.FAILED, Verdict.PROGRESSING, Verdict.INCONCLUSIVE, Verdict.SUCCESSFUL)
    return min((soaked, compared), key=lambda judgement: order.index(judgement.verdict))
