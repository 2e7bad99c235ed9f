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
"""An overview of the policies in force: which Dags they match, and whether their windows are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.policies.matching import every_dag
from airflow_providers_pinning.domain.policies.merge import MAX_LOOKS
from airflow_providers_pinning.domain.policies.store import current, in_force
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.windows import (
    DeploymentWindow,
    Effort,
    UndecidableWindowError,
    WindowNeverOpensError,
)

EXAMPLES = 5
"""Number of Dags to name for a policy."""


@dataclass(frozen=True)
class WindowNow:
    """Whether the windows of a policy are open now."""

    is_open: bool
    reason: str
    changes_at: datetime | None
    """When that changes; ``None`` if it never does, or if that takes too long to compute."""


@dataclass(frozen=True)
class PolicyOverview:
    """Overview of one policy."""

    name: str
    text: str
    """Its section of the document, as YAML."""
    dags: int
    """Number of checked Dags that it matches."""
    examples: tuple[str, ...]
    """The first of these Dags."""
    window: WindowNow | None
    """``None`` if it has no windows."""


@dataclass(frozen=True)
class PoliciesOverview:
    """Overview of the policies in force."""

    revision: int
    dags: int
    """Number of checked Dags."""
    bound: int
    """Number of these that at least one policy matches."""
    policies: tuple[PolicyOverview, ...]


def overview(readable: Sight, *, session: Session) -> PoliciesOverview:
    """
    Give an overview of the policies in force.

    All Dags are read in a few statements, whose number does not grow with the policies.

    :param readable: which Dags to check; stale ones are left out
    :param session: database session
    """
    force = in_force(session=session)
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {policy.name: [] for policy in force.policies.policies}
    looked = bound = 0
    dags = {facts.dag_id: facts for facts in every_dag(force.matcher.kinds, session=session)}
    seen = readable.among(dags.keys())
    for facts in dags.values():
        if facts.dag_id not in seen:
            continue
        found = force.matcher.find(facts)
        looked += 1
        bound += bool(found)
        for policy in found:
            counts[policy.name] += 1
            if len(examples[policy.name]) < EXAMPLES:
                examples[policy.name].append(facts.dag_id)
    # Revisions are kept, so this is the matched document, unless another one was applied in between.
    texts = {one["name"]: text_of(one) for one in current(session=session).document.get("policies", ())}
    windows = _windows_now(
        {policy.windows for policy in force.policies.policies if policy.windows}, database_clock(session=session)
    )
    return PoliciesOverview(
        force.policies.revision,
        looked,
        bound,
        tuple(
            PolicyOverview(
                policy.name,
                texts.get(policy.name, ""),
                counts[policy.name],
                tuple(examples[policy.name]),
                windows.get(policy.windows) if policy.windows else None,
            )
            for policy in force.policies.policies
        ),
    )


def text_of(policy: Mapping[str, Any]) -> str:
    """Return the section of the document for a policy. Below ``policies:``, all sections make up the document."""
    return yaml.safe_dump([dict(policy)], sort_keys=False, allow_unicode=True)


def _windows_now(windows: Collection[DeploymentWindow], at: datetime) -> dict[DeploymentWindow, WindowNow]:
    """Evaluate windows, and when they next change, with the same limit on time as a refusal."""
    effort = Effort(MAX_LOOKS)
    found = {}
    for window in sorted(windows, key=str):
        state = window.state(at)
        try:
            changes = window.next_close(at, effort) if state.is_open else window.next_open(at, effort)
        except (UndecidableWindowError, WindowNeverOpensError):
            changes = None
        found[window] = WindowNow(state.is_open, state.message, changes)
    return found
