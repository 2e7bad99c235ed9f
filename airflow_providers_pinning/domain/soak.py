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
from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import verdict
from airflow_providers_pinning.domain.baseline import Comparison, Sample, Tolerance, compare
from airflow_providers_pinning.domain.checks import check_unchanged
from airflow_providers_pinning.domain.errors import NotManagedError, VersionDriftedError
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
    """When the soak began; by default when the version was pinned (live) or came under management."""
    expected_dag_hash: str | None = None
    """Hash that the caller means; another one is refused."""
    tolerance: Tolerance | None = None
    """Compare with the version that it would replace; ``None`` does not."""


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
    if question.expected_dag_hash not in (None, version.dag_hash):
        raise VersionDriftedError(
            f"Dag {dag_id!r}, {version.label}, has hash {version.dag_hash}, not the expected "
            f"{question.expected_dag_hash}. Evaluate it anew.",
            dag_id=dag_id,
            version_number=version_number,
        )
    now = timezone.utcnow()
    since = question.since or _began(dag_id, managed, question.run_kinds, session=session)
    query = _runs(dag_id, version.dag_version_id, question.run_kinds).where(DagRun.created_at >= since)
    runs = session.execute(query).all()
    evidence = _evidence(since, runs)
    judgement = verdict.judge(evidence, question.criteria, now)
    baseline = _baseline(dag_id, version, session=session) if question.tolerance else None
    compared = None
    if question.tolerance:
        compared = _compare(dag_id, runs, baseline, question.tolerance, session=session)
        # A few early runs say nothing of a difference, so it counts once there are as many as are needed.
        if evidence.runs >= question.criteria.min_runs:
            judgement = _worst(judgement, compared.judgement)
    return Soak(dag_id, version, judgement, evidence, (now - since).total_seconds(), compared, baseline)


def _began(dag_id: str, managed: ManagedVersion, kinds: RunKind, *, session: Session) -> datetime:
    pin = session.get(Pin, dag_id)
    if kinds == RunKind.LIVE and pin is not None and pin.dag_version_id == managed.dag_version_id:
        return pin.changed_at
    # A version that was restored starts anew.
    return managed.state_changed_at if managed.state == VersionState.CANDIDATE.value else managed.created_at


def _runs(dag_id: str, dag_version_id: UUID, kinds: RunKind) -> Select:
    """Select what is judged of the runs: a live version may have very many."""
    routed = is_routed()
    query = (
        select(DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.clear_number)
        .where(
            DagRun.dag_id == dag_id,
            DagRun.created_dag_version_id == dag_version_id,
            DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        )
        .order_by(DagRun.end_date, DagRun.id)
    )
    if kinds == RunKind.CANARY:
        return query.where(routed)
    if kinds == RunKind.LIVE:
        return query.where(~routed, DagRun.run_type.in_((DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED)))
    return query


def _evidence(since: datetime, runs: Sequence[Row]) -> Evidence:
    finished = [run for run in runs if run.state in State.finished_dr_states]
    ends = [run.end_date for run in finished if run.end_date]
    starts = [run.start_date for run in runs if run.start_date]
    return Evidence(
        since=since,
        outcomes=tuple(run.state == DagRunState.SUCCESS for run in finished),
        running=len(runs) - len(finished),
        cleared=sum(bool(run.clear_number) for run in runs),
        first_run_at=min(starts, default=None),
        last_run_at=max(ends, default=None),
    )


def _sample(runs: Sequence[Row]) -> Sample:
    finished = [run for run in runs if run.state in State.finished_dr_states]
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
    events = session.scalars(
        select(Event)
        .where(Event.dag_id == dag_id, Event.kind.in_(("pinned", "rolled_back", "unpinned")))
        .order_by(Event.id.desc())
    )
    for event in events:
        replaced, chosen = event.from_version, event.to_version
        if (
            replaced
            and chosen
            and chosen["dag_version_id"] == str(version.dag_version_id) != replaced["dag_version_id"]
        ):
            return identity_of(UUID(replaced["dag_version_id"]), session=session)
    return None


def _compare(
    dag_id: str, runs: Sequence[Row], baseline: VersionIdentity | None, tolerance: Tolerance, *, session: Session
) -> Comparison:
    theirs: Sequence[Row] = []
    if baseline is not None:
        theirs = session.execute(
            _runs(dag_id, baseline.dag_version_id, RunKind.LIVE)
            .where(DagRun.state.in_(State.finished_dr_states))
            .order_by(None)
            .order_by(DagRun.id.desc())
            .limit(BASELINE_RUNS)
        ).all()
    return compare(_sample(runs), _sample(theirs), tolerance)


def _worst(soaked: Judgement, compared: Judgement) -> Judgement:
    """Failed beats progressing beats inconclusive beats successful: more runs may still settle a comparison."""
    order = (Verdict.FAILED, Verdict.PROGRESSING, Verdict.INCONCLUSIVE, Verdict.SUCCESSFUL)
    return min((soaked, compared), key=lambda judgement: order.index(judgement.verdict))
