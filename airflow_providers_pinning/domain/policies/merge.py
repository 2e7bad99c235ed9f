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
Merge several policies: the strictest value wins.

Requirements are combined, the strictest number counts, and all windows must be open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airflow_providers_pinning.domain.policies.model import AutoRollback, ChangeKind, Policy
from airflow_providers_pinning.domain.ramp_steps import Step
from airflow_providers_pinning.vocabulary import FailedTasks, RunKind, Slots
from airflow_providers_pinning.windows import DeploymentWindow, Effort, WindowNeverOpensError

_LARGEST = ("min_runs", "min_duration", "consecutive_successes", "min_duration_runs")
_SMALLEST = (
    "max_failures",
    "max_output_differences",
    "inconclusive_after",
    "max_duration_ratio",
    "max_failure_rate_increase",
    "min_duration_difference",
)
_DEFAULTS: Mapping[str, Any] = {
    "min_runs": 3,
    "min_duration": 0.0,
    "max_failures": 0,
    "failed_tasks": FailedTasks.COUNT.value,
}
_COMPARED: Mapping[str, Any] = {
    "max_duration_ratio": 1.5,
    "max_failure_rate_increase": 0.05,
    "min_duration_difference": 5.0,
    "min_duration_runs": 3,
}
"""Defaults of omitted values, written out so that another policy cannot loosen them."""
MAX_LOOKS = 2_000
"""
Maximum number of evaluations of window rules to find when they open, which take about a quarter of a second.

A refused change holds the locks of the Dag and the rules meanwhile.
"""


SLOTS_BY_STRICTNESS = (Slots.GAP.value, Slots.BEHIND.value, Slots.SHARED.value)
"""Slots, ordered by how much canary runs can delay live ones, the least first."""


@dataclass(frozen=True)
class Rules:
    """The merged rules for one Dag and one kind of change."""

    windows: tuple[tuple[str, DeploymentWindow], ...] = ()
    """Windows with the names of their policies. All must be open."""
    soaks: Mapping[RunKind, Mapping[str, Any]] = field(default_factory=dict)
    """Criteria by kind of runs. All must be met."""
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of evidence, with the policies that require them."""
    approvals: int = 0
    auto_rollback: tuple[tuple[str, AutoRollback], ...] = ()
    """Rules with the names of their policies. Exceeding one of them is enough."""
    ramps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    """Steps with the names of their policies. A ramp must have the steps of all."""
    canary: Mapping[str, Any] = field(default_factory=dict)
    """Isolation of canary runs."""
    gates: tuple[str, ...] = ()
    """Policies that pin new Dags to their first version."""
    policies: tuple[Policy, ...] = ()
    """The policies from which these rules were merged."""

    def asking(self, what: str) -> tuple[str, ...]:
        """Return the names of the policies that require ``soak``, ``evidence`` or ``approvals``."""
        return tuple(policy.name for policy in self.policies if getattr(policy.requires, what))

    def as_dict(self) -> dict[str, Any]:
        """Return the rules as JSON values."""
        return {
            "windows": [{"policy": name, **window.to_dict()} for name, window in self.windows],
            "soak": [{"run_kinds": kind.value, **criteria} for kind, criteria in self.soaks.items()],
            "evidence": sorted(self.evidence),
            "approvals": self.approvals,
            "auto_rollback": [{"policy": name, **rule.as_dict()} for name, rule in self.auto_rollback],
            "ramp": [{"policy": name, "steps": [step.as_dict() for step in steps]} for name, steps in self.ramps],
            "canary": dict(self.canary),
            "gate": "manual" if self.gates else "automatic",
        }


def merge(policies: Sequence[Policy], kind: ChangeKind = ChangeKind.PIN) -> Rules:
    """
    Merge policies.

    :param policies: those that match the Dag
    :param kind: the kind of change; policies that exempt it are ignored
    """
    binding = [policy for policy in policies if kind not in policy.exempt]
    evidence: dict[str, tuple[str, ...]] = {}
    for policy in binding:
        for name in policy.requires.evidence:
            evidence[name] = (*evidence.get(name, ()), policy.name)
    return Rules(
        windows=tuple((policy.name, policy.windows) for policy in binding if policy.windows is not None),
        soaks=_soaks([policy.requires.soak for policy in binding if policy.requires.soak is not None]),
        evidence=evidence,
        approvals=max((policy.requires.approvals for policy in binding), default=0),
        auto_rollback=tuple((one.name, one.auto_rollback) for one in policies if one.auto_rollback),
        ramps=tuple((one.name, one.ramp) for one in binding if one.ramp),
        canary=strictest_isolation([one.canary for one in policies if one.canary]),
        gates=tuple(one.name for one in policies if one.gated),
        policies=tuple(binding),
    )


def _soaks(given: Iterable[Mapping[str, Any]]) -> dict[RunKind, dict[str, Any]]:
    found: dict[RunKind, dict[str, Any]] = {}
    for criteria in given:
        kind = RunKind(criteria.get("run_kinds", RunKind.CANARY.value))
        own = {**_DEFAULTS, **(_COMPARED if criteria.get("compare") else {})}
        own |= {name: value for name, value in criteria.items() if name != "run_kinds" and value is not None}
        found[kind] = strictest(found[kind], own) if kind in found else own
    return found


def strictest(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return criteria that are met only if both given ones are."""
    merged = {**one, **other}
    for name in merged.keys() & one.keys() & other.keys():
        if name in _LARGEST:
            merged[name] = max(one[name], other[name])
        elif name in _SMALLEST:
            merged[name] = min(one[name], other[name])
        elif name == "compare":
            merged[name] = one[name] or other[name]
        elif name == "failed_tasks":
            merged[name] = max(one[name], other[name], key=lambda word: word == FailedTasks.COUNT.value)
    return merged


def strictest_isolation(wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Merge the isolation of canary runs from several policies.

    The strictest slots count, and substitutes are united. Of two different places, or two substitutes for the same
    name, that of the first policy in the document counts.
    """
    merged: dict[str, Any] = {}
    for one in wanted:
        for name, value in one.items():
            if name == "slots" and name in merged:
                merged[name] = min(merged[name], value, key=SLOTS_BY_STRICTNESS.index)
            elif isinstance(value, Mapping):
                merged[name] = {**value, **merged.get(name, {})}
            else:
                merged.setdefault(name, value)
    return merged


def next_open(windows: Sequence[DeploymentWindow], at: datetime, *, looks: int = MAX_LOOKS) -> datetime:
    """
    Return the first time, at or after the given one, at which all windows are open.

    :param windows: the windows
    :param at: start of the search
    :param looks: maximum number of evaluations of their rules
    :raises WindowNeverOpensError: if there is no such time within nine years
    :raises UndecidableWindowError: if the rules change too often to decide
    """
    moment, effort = at, Effort(looks)
    while True:
        latest = max((window.next_open(moment, effort) for window in windows), default=moment)
        if latest == moment:
            return moment
        if latest - at > timedelta(days=366 * 9):
            raise WindowNeverOpensError(f"They are never open at the same time within nine years after {at.date()}.")
        moment = latest
