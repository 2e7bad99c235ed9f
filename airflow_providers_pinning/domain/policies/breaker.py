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
Detect that the live runs of a pinned version fail more often than a policy allows.

This is checked when the next run of the Dag is created, so it must be cheap. The lookup of the version also returns
the current policies, and the given Dag has everything that policies match on. Only a Dag that a policy watches costs a
statement, which reads its newest failed runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import Integer, Select, and_, bindparam, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.monitoring.runs_since_pin import of_runs_since_pin
from airflow_providers_pinning.domain.policies.in_hand import DagInHand, policies_about
from airflow_providers_pinning.domain.policies.model import AutoRollback, WhenNothingIsStable
from airflow_providers_pinning.domain.soak.bulk_changes import set_in_bulk
from airflow_providers_pinning.domain.soak.judged_runs import Scope, not_set_by_hand
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import RunKind

RUNS_TOLD = 10
"""Maximum number of failed runs to name, newest first."""

NamedRule = tuple[str, AutoRollback]
"""A rule, and the name of its policy."""


@dataclass(frozen=True)
class Tripped:
    """A pinned version that failed more often than policies allow."""

    policy_revision: int
    policies: tuple[str, ...]
    """The policies whose limits are exceeded."""
    version_number: int
    dag_version_id: UUID
    last_run_before: int
    """Together with the version, this identifies the pin, which was set after that run."""
    watched_after: int | None
    """The run since which it is watched again, if a user confirmed it."""
    failed: int
    """Failed runs among the checked ones."""
    finished: int
    """Checked finished runs."""
    tolerated: int
    failed_runs: tuple[str, ...]
    """IDs of the newest failed runs."""
    hold: bool
    waits: bool
    """Whether no run is created if there is no stable version."""

    def evidence(self) -> dict[str, Any]:
        """Return the evidence for the history."""
        kept = ("policy_revision", "policies", "version_number", "failed", "finished", "tolerated", "failed_runs")
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in kept}

    def __str__(self) -> str:
        names = ", ".join(self.policies)
        return (
            f"{self.failed} of the last {self.finished} live runs of version {self.version_number} failed since it "
            f"was pinned; release policy {names} allows {self.tolerated}"
        )


def rules_about(rules: str, dag: DagInHand, bundle_name: str | None, *, session: Session) -> tuple[NamedRule, ...]:
    """
    Return the rules for a pinned Dag. This takes no statement if this process has already read the policies.

    :param rules: the policies in force, from the lookup of the version
    :param dag: the Dag of the pinned version
    :param bundle_name: bundle of the pinned version
    :param session: database session
    """
    matching = policies_about(rules, "auto_rollback", dag, bundle_name, session=session)
    return tuple((policy.name, policy.auto_rollback) for policy in matching if policy.auto_rollback)


def may_have_tripped(dag_id: str, rules: Sequence[NamedRule], *, session: Session) -> bool:
    """Return whether enough runs failed since the pin to require a full check, with one statement."""
    fewest = min(rule.max_failures for _, rule in rules)
    return len(session.execute(_failed(), {"dag_id": dag_id, "enough": fewest + 1}).all()) > fewest


def pins_with_failures(watched: Mapping[str, Sequence[NamedRule]], *, session: Session) -> list[Pin]:
    """
    Return the pins since which more runs failed than any of their rules tolerates.

    Pins that automatic rollback no longer watches are left out.

    :param watched: the rules for each Dag
    :param session: database session
    """
    failed = (
        select(func.count())
        .select_from(DagRun)
        .where(
            *of_runs_since_pin(), DagRun.id > func.coalesce(Pin.breaker_after, 0), DagRun.state == DagRunState.FAILED
        )
        .correlate(Pin)
        .scalar_subquery()
    )
    counted = select(Pin, failed).where(Pin.breaker.is_(None), Pin.dag_version_id.is_not(None)).order_by(Pin.dag_id)
    return [
        pin
        for some in pages(sorted(watched), DAGS_IN_A_STATEMENT)
        for pin, count in session.execute(counted.where(Pin.dag_id.in_(some)))
        if count > min(rule.max_failures for _, rule in watched[pin.dag_id])
    ]


def find_tripped(pin: Pin, rules: Sequence[NamedRule], revision: int, *, session: Session) -> Tripped | None:
    """
    Check the runs of the pinned version since the pin, as far back as the rules require.

    Canary runs, backfills, runs of other versions and runs whose state was set by hand do not count, because they say
    nothing about the version.

    :param pin: the pin
    :param rules: the rules for the Dag
    :param revision: revision of the policies
    :param session: database session
    """
    if pin.dag_version_id is None or pin.version_number is None:
        return None
    scope = Scope(pin.dag_id, pin.dag_version_id, RunKind.LIVE, pin.changed_at, ())
    widest = max(rule.within_runs for _, rule in rules)
    runs = session.execute(
        _finished().where(*not_set_by_hand(scope, list(set_in_bulk(scope, session=session)))),
        {"dag_id": pin.dag_id, "enough": widest},
    ).all()
    met = [
        (name, rule)
        for name, rule in rules
        if sum(run.state == DagRunState.FAILED for run in runs[: rule.within_runs]) > rule.max_failures
    ]
    if not met:
        return None
    seen = runs[: max(rule.within_runs for _, rule in met)]
    failed = [run.run_id for run in seen if run.state == DagRunState.FAILED]
    return Tripped(
        policy_revision=revision,
        policies=tuple(name for name, _ in met),
        version_number=pin.version_number,
        dag_version_id=pin.dag_version_id,
        last_run_before=pin.last_run_before,
        watched_after=pin.breaker_after,
        failed=len(failed),
        finished=len(seen),
        tolerated=min(rule.max_failures for _, rule in met),
        failed_runs=tuple(failed[:RUNS_TOLD]),
        hold=any(rule.hold for _, rule in met),
        waits=any(rule.when_nothing_is_stable is WhenNothingIsStable.WAIT for _, rule in met),
    )


def _of_pin() -> tuple[Any, ...]:
    return (Pin.dag_id == bindparam("dag_id"), DagRun.id > func.coalesce(Pin.breaker_after, 0))


@cache
def _failed() -> Select:
    return (
        select(DagRun.id)
        .join(Pin, and_(*of_runs_since_pin()))
        .where(*_of_pin(), DagRun.state == DagRunState.FAILED)
        .limit(bindparam("enough", type_=Integer))
    )


@cache
def _finished() -> Select:
    return (
        select(DagRun.run_id, DagRun.state)
        .join(Pin, and_(*of_runs_since_pin()))
        .where(*_of_pin(), DagRun.state.in_((DagRunState.FAILED, DagRunState.SUCCESS)))
        .order_by(DagRun.id.desc())
        .limit(bindparam("enough", type_=Integer))
    )
