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
"""Find likely mistakes in a policy document, before or after it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.isolation import PLACES
from airflow_providers_pinning.domain.canaries.substitutes import CONNECTIONS, VARIABLES
from airflow_providers_pinning.domain.policies.breaker import NamedRule, Tripped, find_tripped, pins_with_failures
from airflow_providers_pinning.domain.policies.matching import Matcher, every_dag
from airflow_providers_pinning.domain.policies.merge import next_open
from airflow_providers_pinning.domain.policies.model import Policy, PolicySet
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import VersionEvidence
from airflow_providers_pinning.windows import (
    MAX_LOOKS,
    DeploymentWindow,
    UndecidableWindowError,
    WindowNeverOpensError,
)

SHOWN = 3
"""Maximum number of Dags that a finding names."""


@dataclass(frozen=True)
class Doubt:
    """A likely mistake."""

    reason: str
    policies: tuple[str, ...]
    message: str


def check(policies: PolicySet, now: datetime, *, session: Session) -> list[Doubt]:
    """
    Return likely mistakes: rules that can never be met, and policies that match nothing.

    :param policies: the document
    :param now: the time from which windows are checked
    :param session: database session
    """
    return [
        *_shut(policies, now),
        *_never_recorded(policies, session=session),
        *_about_dags(policies, now, session=session),
    ]


def _shut(policies: PolicySet, now: datetime) -> Iterator[Doubt]:
    for policy in policies.policies:
        if policy.windows is not None and (why := _never_opens([policy.windows], now)):
            yield Doubt("never_open", (policy.name,), f"The windows of policy {policy.name!r} never open: {why}")


def _never_recorded(policies: PolicySet, *, session: Session) -> Iterator[Doubt]:
    required: dict[str, list[str]] = {}
    for policy in policies.policies:
        for name in policy.requires.evidence:
            required.setdefault(name, []).append(policy.name)
    if not required:
        return
    recorded = set(session.scalars(select(VersionEvidence.name).where(VersionEvidence.name.in_(required)).distinct()))
    for name in sorted(required.keys() - recorded):
        yield Doubt(
            "never_recorded",
            tuple(required[name]),
            f"No evidence named {name!r} was ever recorded. Check the spelling, and what should record it.",
        )


def _about_dags(policies: PolicySet, now: datetime, *, session: Session) -> Iterator[Doubt]:
    """Check every Dag once, to find policies that match none, and policies that conflict."""
    matcher = Matcher(policies.policies)
    matched: set[str] = set()
    watched: dict[str, tuple[NamedRule, ...]] = {}
    together: dict[tuple[str, ...], list[str]] = {}
    trying: dict[tuple[str, ...], list[str]] = {}
    for facts in every_dag(matcher.kinds, session=session):
        found = matcher.find(facts)
        matched |= {policy.name for policy in found}
        if rules := tuple((policy.name, policy.auto_rollback) for policy in found if policy.auto_rollback):
            watched[facts.dag_id] = rules
        with_windows = tuple(policy.name for policy in found if policy.windows is not None)
        if len(with_windows) > 1:
            together.setdefault(with_windows, []).append(facts.dag_id)
        with_canary = tuple(policy.name for policy in found if policy.canary)
        if len(with_canary) > 1:
            trying.setdefault(with_canary, []).append(facts.dag_id)
    for policy in policies.policies:
        if policy.name not in matched:
            yield Doubt(
                "matches_nothing",
                (policy.name,),
                f"Policy {policy.name!r} matches no existing Dag: {policy.match.as_dict()}.",
            )
    yield from _failing_already(watched, policies.revision, session=session)
    by_name = {policy.name: policy for policy in policies.policies}
    for names, dag_ids in together.items():
        windows = [window for name in names if (window := by_name[name].windows) is not None]
        if any(_never_opens([window], now) for window in windows):
            continue
        if why := _never_opens(windows, now):
            yield Doubt(
                "never_open_together",
                names,
                f"The windows of policies {', '.join(names)} are never open together, so Dags "
                f"{_some(dag_ids)} can never be changed: {why}",
            )
    yield from _outvoted([([by_name[name] for name in names], dag_ids) for names, dag_ids in trying.items()])


def _outvoted(trying: Iterable[tuple[Sequence[Policy], list[str]]]) -> Iterator[Doubt]:
    """Report policies with different places or substitutes for canary runs of a Dag: only the first counts."""
    found: dict[tuple[str, Any, str, Any, str], list[str]] = {}
    for policies, dag_ids in trying:
        first: dict[str, tuple[str, Any]] = {}
        for policy in policies:
            for what, value in _named(policy.canary or {}):
                name, counts = first.setdefault(what, (policy.name, value))
                if counts != value:
                    found.setdefault((name, counts, policy.name, value, what), []).extend(dag_ids)
    for (name, counts, other, value, what), dag_ids in found.items():
        yield Doubt(
            "outvoted",
            (name, other),
            f"For canary runs of Dags {_some(dag_ids)}, policy {name!r} says {what} {counts!r} and policy {other!r} "
            f"says {value!r}. {counts!r} counts, because {name!r} comes first in the document. Let them agree, or "
            "match other Dags.",
        )


def _named(canary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for place in PLACES:
        if canary.get(place) is not None:
            yield place, canary[place]
    for field, word in ((CONNECTIONS, "connection"), (VARIABLES, "variable")):
        for one, other in (canary.get(field) or {}).items():
            yield f"{word} {one!r}", other


def _some(dag_ids: list[str]) -> str:
    more = f" and {len(dag_ids) - SHOWN} more" if len(dag_ids) > SHOWN else ""
    return f"{', '.join(dag_ids[:SHOWN])}{more}"


def _failing_already(
    watched: Mapping[str, tuple[NamedRule, ...]], revision: int, *, session: Session
) -> Iterator[Doubt]:
    """Find the Dags that would be rolled back at their next run, because they are already failing."""
    found: dict[tuple[str, ...], list[tuple[str, Tripped]]] = {}
    for pin in pins_with_failures(watched, session=session):
        if tripped := find_tripped(pin, watched[pin.dag_id], revision, session=session):
            found.setdefault(tripped.policies, []).append((pin.dag_id, tripped))
    for names, failing in found.items():
        told = "; ".join(f"Dag {dag_id!r}: {tripped}" for dag_id, tripped in failing[:SHOWN])
        more = f"; and {len(failing) - SHOWN} more Dags" if len(failing) > SHOWN else ""
        yield Doubt(
            "failing_already",
            names,
            f"The next run of {plural(len(failing), 'Dag')} would be rolled back at once: {told}{more}. Pin a version "
            "that works first, or tolerate more failures.",
        )


def _never_opens(windows: list[DeploymentWindow], now: datetime) -> str | None:
    try:
        next_open(windows, now, looks=MAX_LOOKS)
    except (WindowNeverOpensError, UndecidableWindowError) as error:
        return str(error)
    return None
