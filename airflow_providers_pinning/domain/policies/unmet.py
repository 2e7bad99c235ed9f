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
"""Which rules block changes, for one change or thousands at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.policies import rules as rule
from airflow_providers_pinning.domain.policies.matching import DagFacts, Matcher, facts_of
from airflow_providers_pinning.domain.policies.merge import Rules, merge
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.records import approvals_of, evidence_of
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.policies.soaks import unmet_soaks
from airflow_providers_pinning.domain.policies.store import InForce, OpenFreeze, in_force
from airflow_providers_pinning.domain.ramp_steps import Ramped
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class PlannedChange:
    """A planned change of the version that a Dag uses."""

    dag_id: str
    kind: ChangeKind
    version: VersionIdentity | None
    """The current content of the version to become active; ``None`` if an unpinned Dag has no version."""
    actor: str
    """Who requests the change; their own approval does not count."""
    ramp: Ramped | None = None
    """The ramp that the version goes through."""


@dataclass(frozen=True)
class PolicyCheck:
    """The rules that changes were checked against, and the unmet ones."""

    revision: int = 0
    """Revision of the policies; 0 if none were ever applied."""
    rules: Mapping[str, Rules] = field(default_factory=dict)
    """The rules for the change of each Dag that has any."""
    unmet: Mapping[str, tuple[Unmet, ...]] = field(default_factory=dict)
    """All unmet rules, by Dag. Dags without any are left out."""

    def names(self, dag_id: str) -> list[str]:
        """Return the policies that a change of a Dag was checked against."""
        found = self.rules.get(dag_id)
        return [policy.name for policy in found.policies] if found else []

    def evidence(self, dag_id: str) -> dict[str, Any]:
        """Return the evidence for the event of a change; empty if no policies were ever applied."""
        if not (self.revision or self.unmet.get(dag_id)):
            return {}
        unmet_rules = [one.as_dict() for one in self.unmet.get(dag_id, ())]
        checked = {"revision": self.revision, "policies": self.names(dag_id)}
        return {"policy": {**checked, **({"overridden": unmet_rules} if unmet_rules else {})}}


def unmet(session: Session, changes: Sequence[PlannedChange], now: datetime | None = None) -> PolicyCheck:
    """
    Check changes against the policies and freezes in force.

    Call this in the transaction that makes the changes, with their Dags locked: the rules then stay in force until it
    ends. Without any rules, this takes one statement (and a lock on PostgreSQL), otherwise at most ten for every 20,000
    Dags. Only required soaks take a few more for each Dag, because they read runs. Nothing is refused: the caller
    decides what to do about unmet rules, and records :meth:`PolicyCheck.evidence` with the event of each change.

    :param session: database session
    :param changes: one change for each Dag
    :param now: when they take effect (default: now, by the database's clock)
    """
    if not changes:
        return PolicyCheck()
    locks.share_rules(session=session)
    force = in_force(session=session)
    if force.is_empty:
        return PolicyCheck(force.policies.revision)
    frozen = Matcher(force.freezes)
    facts = _facts(changes, force, frozen, session=session)
    rules = _rules(changes, force, facts)
    binding = [change for change in changes if change.dag_id in rules or change.kind is not ChangeKind.ROLLBACK]
    now = now or database_clock(session=session)
    versions = [change.version for change in binding if change.version is not None]
    asks_evidence = any(found.evidence for found in rules.values())
    asks_approvals = any(found.approvals for found in rules.values())
    evidence = evidence_of(versions, session=session) if asks_evidence else {}
    approvals = approvals_of(versions, session=session) if asks_approvals else {}
    ramps = _unmet_ramps(binding, rules, session=session)
    soaks = unmet_soaks(
        {change.dag_id: (change.version, rules[change.dag_id]) for change in binding if change.dag_id in rules},
        session=session,
    )
    found: dict[str, tuple[Unmet, ...]] = {}
    shut: dict[Any, list[Unmet]] = {}
    for change in binding:
        facts_of_dag = facts.get(change.dag_id, DagFacts(change.dag_id))
        of_dag = rules.get(change.dag_id, Rules())
        version_id = change.version.dag_version_id if change.version else None
        if of_dag.windows not in shut:
            # Dags with the same policies share the answer, which may take a while to compute.
            shut[of_dag.windows] = rule.closed(of_dag, now)
        problems = (
            *rule.frozen(_freezes(change, frozen, facts_of_dag)),
            *shut[of_dag.windows],
            *rule.missing_evidence(of_dag, evidence.get(version_id, {}) if version_id else {}, now),
            *rule.missing_approvals(of_dag, approvals.get(version_id, []) if version_id else [], change.actor),
            *ramps.get(change.dag_id, ()),
            *soaks.get(change.dag_id, ()),
        )
        if problems:
            found[change.dag_id] = problems
    return PolicyCheck(force.policies.revision, rules, found)


def _unmet_ramps(
    changes: Sequence[PlannedChange], rules: Mapping[str, Rules], *, session: Session
) -> dict[str, list[Unmet]]:
    """Check whether the new version passed a ramp, for Dags with another version pinned now."""
    asked = {
        change.dag_id: change
        for change in changes
        if change.kind is not ChangeKind.ROLLBACK and change.dag_id in rules and rules[change.dag_id].ramps
    }
    if not asked:
        return {}
    pins = select(Pin.dag_id, Pin.dag_version_id).where(Pin.dag_version_id.is_not(None))
    return {
        pin.dag_id: rule.missing_ramp(rules[pin.dag_id], asked[pin.dag_id].ramp)
        for some in pages(sorted(asked), DAGS_IN_A_STATEMENT)
        for pin in session.execute(pins.where(Pin.dag_id.in_(some)))
        if (version := asked[pin.dag_id].version) is not None and version.dag_version_id != pin.dag_version_id
    }


def _facts(
    changes: Sequence[PlannedChange], force: InForce, frozen: Matcher[OpenFreeze], *, session: Session
) -> dict[str, DagFacts]:
    bundles = {
        change.dag_id: change.version.bundle_name
        for change in changes
        if change.version is not None and change.version.bundle_name
    }
    return facts_of(
        [change.dag_id for change in changes], force.matcher.kinds | frozen.kinds, bundles=bundles, session=session
    )


def _rules(changes: Sequence[PlannedChange], force: InForce, facts: Mapping[str, DagFacts]) -> dict[str, Rules]:
    found = {}
    for change in changes:
        policies = force.matcher.find(facts.get(change.dag_id, DagFacts(change.dag_id)))
        merged = merge(policies, change.kind)
        if merged.policies:
            found[change.dag_id] = merged
    return found


def _freezes(change: PlannedChange, frozen: Matcher[OpenFreeze], facts: DagFacts) -> tuple[OpenFreeze, ...]:
    return () if change.kind is ChangeKind.ROLLBACK else frozen.find(facts)
