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
The parts of a policy, as the rest of the domain reads them.

The document is validated before it is stored, by ``schemas/policies.py``; here it is only parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_providers_pinning.domain.ramp_steps import Step, steps_of
from airflow_providers_pinning.windows import DeploymentWindow

KINDS = ("tags", "bundles", "dag_ids", "teams", "owners")
"""By what Dags are matched."""


class ChangeKind(str, Enum):
    """What a change of the active version is, as far as rules tell them apart."""

    PIN = "pin"
    """A version becomes active by choice."""
    UNPIN = "unpin"
    """The latest version becomes active, and each later one as it is registered."""
    ROLLBACK = "rollback"
    """A version that was active before becomes active again."""


@dataclass(frozen=True)
class Match:
    """Which Dags: those that fit one entry of each list that is there. No list matches every Dag."""

    tags: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    dag_ids: tuple[str, ...] = ()
    """Patterns with ``*``, ``?`` and ``[...]``; capital letters matter."""
    teams: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> Match:
        """Return what :meth:`as_dict` wrote."""
        return cls(**{kind: tuple((values or {}).get(kind) or ()) for kind in KINDS})

    def as_dict(self) -> dict[str, list[str]]:
        """Return the lists that are there."""
        return {kind: list(named) for kind in KINDS if (named := getattr(self, kind))}


@dataclass(frozen=True)
class Requirements:
    """What a version must have before it may become active."""

    soak: Mapping[str, Any] | None = None
    """Criteria by the names that they have on the wire; ``None`` requires none."""
    evidence: tuple[str, ...] = ()
    """Names of evidence of which the newest must be successful and not expired."""
    approvals: int = 0
    """How many people other than the one who asks must have approved."""


class WhenNothingIsStable(str, Enum):
    """What becomes of runs when a version fails and there is no stable one to return to."""

    CONTINUE = "continue"
    """They go on with the active version."""
    WAIT = "wait"
    """None is created until somebody decides."""


@dataclass(frozen=True)
class AutoRollback:
    """When a version that was pinned is rolled back by itself, where its next run is created."""

    max_failures: int
    """Failed runs that are tolerated."""
    within_runs: int
    """Among how many of the newest finished live runs since the pin failures are counted."""
    hold: bool = True
    """Whether the Dag is put on hold then, until a person lifts it."""
    when_nothing_is_stable: WhenNothingIsStable = WhenNothingIsStable.CONTINUE

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AutoRollback:
        """Return what a stored document says."""
        known = dict(values)
        if "when_nothing_is_stable" in known:
            known["when_nothing_is_stable"] = WhenNothingIsStable(known["when_nothing_is_stable"])
        return cls(**known)

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        return {
            "max_failures": self.max_failures,
            "within_runs": self.within_runs,
            "hold": self.hold,
            "when_nothing_is_stable": self.when_nothing_is_stable.value,
        }


@dataclass(frozen=True)
class Policy:
    """One declared set of rules."""

    name: str
    match: Match = field(default_factory=Match)
    windows: DeploymentWindow | None = None
    requires: Requirements = field(default_factory=Requirements)
    exempt: frozenset[ChangeKind] = frozenset({ChangeKind.ROLLBACK})
    """Changes that its windows and requirements do not bind."""
    auto_rollback: AutoRollback | None = None
    gated: bool = False
    """Whether a new Dag is pinned to its first version."""
    ramp: tuple[Step, ...] = ()
    """Steps that a version must pass before it is pinned in place of another."""
    canary: Mapping[str, Any] | None = None
    """How canary runs are kept apart from live ones, by the names that the fields have on the wire."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """Return the policy that a stored document has."""
        requires = values.get("requires") or {}
        windows = values.get("windows")
        auto_rollback = values.get("auto_rollback")
        return cls(
            name=values["name"],
            match=Match.from_dict(values["match"]),
            windows=DeploymentWindow.from_dict(windows) if windows else None,
            requires=Requirements(
                soak=requires.get("soak"),
                evidence=tuple(requires.get("evidence") or ()),
                approvals=requires.get("approvals") or 0,
            ),
            exempt=frozenset(ChangeKind(kind) for kind in values.get("exempt", [ChangeKind.ROLLBACK.value])),
            auto_rollback=AutoRollback.from_dict(auto_rollback) if auto_rollback else None,
            ramp=steps_of(values.get("ramp") or ()),
            gated=values.get("gate") == "manual",
            canary=(values.get("canary") or {}).get("isolation"),
        )


@dataclass(frozen=True)
class PolicySet:
    """The policies of one revision of the document."""

    revision: int
    policies: tuple[Policy, ...] = ()

    @classmethod
    def from_dict(cls, revision: int, document: Mapping[str, Any]) -> PolicySet:
        """Return the policies of a stored document."""
        return cls(revision, tuple(Policy.from_dict(one) for one in document.get("policies") or ()))

    def named(self, name: str) -> Policy | None:
        """Return a policy by its name."""
        return next((policy for policy in self.policies if policy.name == name), None)
