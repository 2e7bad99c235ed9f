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
"""Soak: the verdict on a version, from its runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from airflow._shared.timezones import timezone
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import live_types
from airflow_providers_pinning.domain.errors import NotManagedError
from airflow_providers_pinning.domain.soak import verdict
from airflow_providers_pinning.domain.soak.baseline import Comparison, Sample, Tolerance, compare
from airflow_providers_pinning.domain.soak.evidence import EVER, baseline_sample, durations, gather, paired_durations
from airflow_providers_pinning.domain.soak.judged_runs import Scope
from airflow_providers_pinning.domain.soak.verdict import Criteria, Evidence, Judgement
from airflow_providers_pinning.domain.versions.expected import check_same, check_unchanged
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    identity_of,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.managed import VersionState, managed_version
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import EventKind, FailedTasks, RunKind, Verdict


@dataclass(frozen=True)
class SoakQuestion:
    """The question about a version."""

    criteria: Criteria = field(default_factory=Criteria)
    run_kinds: RunKind = RunKind.CANARY
    since: datetime | None = None
    """Start of the soak (default: when the version was pinned, for live runs, or its evaluation began)."""
    expected_dag_hash: str | None = None
    """Hash that the caller expects. A version with another hash is refused."""
    tolerance: Tolerance | None = None
    """Also judge by the comparison with the version that it would replace; ``None`` does not."""
    expected_bundle_version: str | None = None
    """Bundle version, such as a commit, that the caller expects. A version with another one is refused."""
    failed_tasks: FailedTasks = FailedTasks.COUNT
    """How a successful run counts in which a task failed after all retries."""
    shown_tolerance: Tolerance | None = None
    """Compare, without judging by the result."""


@dataclass(frozen=True)
class Soak:
    """The verdict, and everything that it is based on."""

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

    Only runs of exactly this version count. It must be managed, because the next commit may change the code of an
    unmanaged version, and the evidence would be about something else.

    :raises UnknownVersionError: if there is no such version
    :raises NotManagedError: if it is not managed
    :raises VersionDriftedError: if it has changed, or is not what the caller expects
    """
    dag_model = require_dag(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    managed = managed_version(version.dag_version_id, session=session)
    if managed is None:
        raise NotManagedError(
            f"Dag {dag_id!r}, {version.label}, is not evaluated yet. Make it a candidate first.",
            dag_id=dag_id,
            version_number=version_number,
        )
    check_unchanged(dag_id, version, managed)
    check_same(dag_id, version, dag_hash=question.expected_dag_hash, bundle_version=question.expected_bundle_version)
    now = timezone.utcnow()
    since = question.since or _began(dag_id, managed, question.run_kinds, session=session)
    scope = Scope(dag_id, version.dag_version_id, question.run_kinds, since, live_types(dag_model))
    evidence, runs = gather(
        scope,
        lambda: _live_runs_of(_baseline(dag_id, version, session=session), scope),
        question.failed_tasks,
        session=session,
    )
    judgement = verdict.judge(evidence, question.criteria, now)
    compared = baseline = None
    if limits := question.tolerance or question.shown_tolerance:
        baseline = _baseline(dag_id, version, session=session)
        ours = Sample(evidence.failures, durations(scope, runs, session=session), evidence.runs)
        theirs = baseline_sample(_live_runs_of(baseline, scope), session=session)
        pairs = paired_durations(scope, runs, baseline.dag_version_id, session=session) if baseline else ()
        compared = compare(ours, theirs, limits, pairs)
        # A few early runs say nothing about a difference, so it only counts once there are enough.
        if question.tolerance and evidence.runs >= question.criteria.min_runs:
            judgement = _worst(judgement, compared.judgement)
    if evidence.notes:
        judgement = replace(judgement, message=" ".join((judgement.message, *evidence.notes)))
    return Soak(dag_id, version, judgement, evidence, (now - since).total_seconds(), compared, baseline)


def _began(dag_id: str, managed: ManagedVersion, kinds: RunKind, *, session: Session) -> datetime:
    pin = session.get(Pin, dag_id)
    if kinds == RunKind.LIVE and pin is not None and pin.dag_version_id == managed.dag_version_id:
        return pin.changed_at
    if managed.evaluated_since is not None:
        return managed.evaluated_since
    # It was managed by a release of this package that did not record the start.
    return managed.state_changed_at if managed.state == VersionState.CANDIDATE.value else managed.created_at


def _baseline(dag_id: str, version: VersionIdentity, *, session: Session) -> VersionIdentity | None:
    """Find the version that it would replace, or did replace if it is active."""
    pin = session.get(Pin, dag_id)
    active = pinned_identity(pin) or latest_identity(dag_id, session=session)
    if active is not None and active.dag_version_id != version.dag_version_id:
        return active
    # Reads one row of a history that may be very long.
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


def _live_runs_of(version: VersionIdentity | None, scope: Scope) -> Scope | None:
    """Return the scope of all live runs of a version, to compare with."""
    return replace(scope, dag_version_id=version.dag_version_id, kind=RunKind.LIVE, since=EVER) if version else None


def _worst(soaked: Judgement, compared: Judgement) -> Judgement:
    """Return the worst verdict: failed, progressing, inconclusive, successful. More runs may still decide it."""
    order = (Verdict.FAILED, Verdict.PROGRESSING, Verdict.INCONCLUSIVE, Verdict.SUCCESSFUL)
    return min((soaked, compared), key=lambda judgement: order.index(judgement.verdict))
