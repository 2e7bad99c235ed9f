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

``schemas/policies.py`` validates the document before it is stored. Here it is only parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_providers_pinning.domain.ramp_steps import Step, steps_of
from airflow_providers_pinning.windows import DeploymentWindow

KINDS = ("tags", "bundles", "dag_ids", "teams", "owners")
"""The kinds of facts by which Dags are matched."""


class ChangeKind(str, Enum):
    """Kinds of changes of the active version that rules distinguish."""

    PIN = "pin"
    """A version becomes active by choice."""
    UNPIN = "unpin"
    """The latest version becomes active, and each later one when it is registered."""
    ROLLBACK = "rollback"
    """A version that was active before becomes active again."""


@dataclass(frozen=True)
class Match:
    """Which Dags: those that match one entry of each given list. Without any list, all Dags match."""

    tags: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    dag_ids: tuple[str, ...] = ()
    """Case-sensitive patterns with ``*``, ``?`` and ``[...]``."""
    teams: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> Match:
        """Return what :meth:`as_dict` wrote."""
        return cls(**{kind: tuple((values or {}).get(kind) or ()) for kind in KINDS})

    def as_dict(self) -> dict[str, list[str]]:
        """Return the lists that are not empty."""
        return {kind: list(named) for kind in KINDS if (named := getattr(self, kind))}


@dataclass(frozen=True)
class Requirements:
    """What a version must have before it may become active."""

    soak: Mapping[str, Any] | None = None
    """Criteria by their names in the API; ``None`` means no requirement."""
    evidence: tuple[str, ...] = ()
    """Names of required evidence, the newest of which must be successful and not expired."""
    approvals: int = 0
    """Required number of approvals by users other than the one who requests the change."""


class WhenNothingIsStable(str, Enum):
    """What happens to runs if a version fails and there is no stable version to return to."""

    CONTINUE = "continue"
    """Runs continue with the active version."""
    WAIT = "wait"
    """No run is created until a user decides."""


@dataclass(frozen=True)
class AutoRollback:
    """When to roll back a pinned version automatically, at the creation of its next run."""

    max_failures: int
    """Failed runs to tolerate."""
    within_runs: int
    """Number of the newest finished live runs since the pin to check for failures."""
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
    """A declared set of rules."""

    name: str
    match: Match = field(default_factory=Match)
    windows: DeploymentWindow | None = None
    requires: Requirements = field(default_factory=Requirements)
    exempt: frozenset[ChangeKind] = frozenset({ChangeKind.ROLLBACK})
    """Changes that are exempt from its windows and requirements."""
    auto_rollback: AutoRollback | None = None
    gated: bool = False
    """Whether new Dags are pinned to their first version."""
    ramp: tuple[Step, ...] = ()
    """Ramp steps that a version must pass before it replaces a pinned version."""
    canary: Mapping[str, Any] | None = None
    """Isolation of canary runs, by the names of the fields in the API."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """Return a policy from a stored document."""
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
        """Return a policy by name."""
        return next((policy for policy in self.policies if policy.name == name), None)
