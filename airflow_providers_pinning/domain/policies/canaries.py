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
"""Isolation of canary runs that policies require: defaults for a request, and limits that it must not loosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.isolation import PLACES, SLOTS, Isolation
from airflow_providers_pinning.domain.canaries.substitutes import CONNECTIONS, VARIABLES
from airflow_providers_pinning.domain.errors import PolicyNotMetError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.matching import DagFacts, facts_of
from airflow_providers_pinning.domain.policies.merge import SLOTS_BY_STRICTNESS, strictest_isolation
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.policies.seen import refuse_other_policies
from airflow_providers_pinning.domain.policies.store import in_force
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.vocabulary import Rule, Slots

FIXED = ("assets", "alerts", "triggers", "state")
"""Fields that a policy can only fix to the safe choice."""


@dataclass(frozen=True)
class Settled:
    """The resulting isolation of canary runs."""

    isolation: Isolation
    evidence: Mapping[str, Any]
    """Evidence for the event of the runs."""
    warnings: tuple[str, ...] = ()


def with_policies(
    dag_id: str, version: VersionIdentity, asked: Isolation, change: Change, *, session: Session
) -> Settled:
    """
    Complete a request with what policies require of canary runs of the Dag, or refuse it.

    :param dag_id: the Dag
    :param version: the tested version, whose bundle also counts as the Dag's
    :param asked: the requested isolation
    :param change: who asks, and whether unmet rules are overridden
    :param session: database session
    :raises PolicyNotMetError: if the request asks for less isolation than policies require
    :raises PolicyConflictError: if other policies are in force than the caller saw
    """
    force = in_force(session=session)
    refuse_other_policies(force.policies.revision, change)
    if not any(policy.canary for policy in force.policies.policies):
        return Settled(asked, {})
    bundles = {dag_id: version.bundle_name} if version.bundle_name else {}
    facts = facts_of([dag_id], force.matcher.kinds, bundles=bundles, session=session)
    policies = [one for one in force.matcher.find(facts.get(dag_id, DagFacts(dag_id))) if one.canary]
    wanted = strictest_isolation([one.canary for one in policies if one.canary])
    if not wanted:
        return Settled(asked, {})
    names = tuple(policy.name for policy in policies)
    problems = tuple(_loosened(asked, wanted, names))
    if problems and not (change.override_reason and change.caller.overrides_policies):
        listed = " ".join(f"({number}) {one.message}" for number, one in enumerate(problems, 1))
        raise PolicyNotMetError(
            f"{plural(len(problems), 'rule')} of release policies block{'s' if len(problems) == 1 else ''} canary "
            f"runs of Dag {dag_id!r}, {version.label}: {listed} If you have permission to override rules, provide "
            "an override_reason (CLI: --override-reason).",
            dag_id=dag_id,
            version_number=version.version_number,
            policy_revision=force.policies.revision,
            unmet=[problem.as_dict() for problem in problems],
        )
    checked: dict[str, Any] = {"revision": force.policies.revision, "policies": list(names)}
    if not problems:
        return Settled(_completed(asked, wanted), {"policy": checked})
    checked["overridden"] = [problem.as_dict() for problem in problems]
    loosened = {str(problem.details["field"]) for problem in problems}
    kept = {name: value for name, value in wanted.items() if name not in loosened}
    told = f"Rules of canary runs were overridden ({', '.join(sorted(loosened))}): {change.override_reason}"
    return Settled(_completed(asked, kept), {"policy": checked}, (told,))


def _loosened(asked: Isolation, wanted: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Unmet]:
    """Yield the fields in which a request asks for less isolation than policies require."""
    for field in FIXED:
        if field in wanted and getattr(asked, field).value != wanted[field]:
            yield _unmet(field, getattr(asked, field).value, wanted[field], names)
    slots = wanted.get(SLOTS)
    if slots and asked.slots and SLOTS_BY_STRICTNESS.index(asked.slots.value) > SLOTS_BY_STRICTNESS.index(slots):
        yield _unmet(SLOTS, asked.slots.value, slots, names)
    for place in PLACES:
        if place in wanted and getattr(asked, place) not in (None, wanted[place]):
            yield _unmet(place, getattr(asked, place), wanted[place], names)
    for field in (CONNECTIONS, VARIABLES):
        given, others = getattr(asked, field), wanted.get(field, {})
        if any(given.get(one, other) != other for one, other in others.items()):
            yield _unmet(field, dict(given), dict(others), names)


def _unmet(field: str, asked: Any, wanted: Any, names: tuple[str, ...]) -> Unmet:
    return Unmet(
        Rule.CANARY,
        names,
        f"{field} must be {wanted!r}, not {asked!r}. Omit it from the request.",
        {"field": field, "asked": asked, "wanted": wanted},
    )


def _completed(asked: Isolation, wanted: Mapping[str, Any]) -> Isolation:
    """Fill in omitted fields. 'behind' is left out, because some Dags need a gap, which is stricter."""
    given: dict[str, Any] = {place: wanted[place] for place in PLACES if place in wanted}
    given |= {
        field: {**getattr(asked, field), **wanted[field]} for field in (CONNECTIONS, VARIABLES) if field in wanted
    }
    if asked.slots is None and wanted.get(SLOTS) in (Slots.GAP.value, Slots.SHARED.value):
        given[SLOTS] = Slots(wanted[SLOTS])
    return replace(asked, **given)
