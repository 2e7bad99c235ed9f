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
"""What the policies in force select, and whether their windows are open: what a page about them shows."""

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
"""How many Dags of a policy are named."""


@dataclass(frozen=True)
class WindowNow:
    """Whether changes are possible at this moment, as far as one policy's windows go."""

    is_open: bool
    reason: str
    changes_at: datetime | None
    """When that changes; ``None`` if it never does, or if finding out takes too long."""


@dataclass(frozen=True)
class PolicyOverview:
    """What one policy is about."""

    name: str
    text: str
    """Its part of the document, as YAML."""
    dags: int
    """How many Dags it selects, of those that are looked at."""
    examples: tuple[str, ...]
    """The first of them."""
    window: WindowNow | None
    """``None`` if it has no windows."""


@dataclass(frozen=True)
class PoliciesOverview:
    """What the policies in force are about."""

    revision: int
    dags: int
    """How many Dags were looked at."""
    bound: int
    """How many of them at least one policy selects."""
    policies: tuple[PolicyOverview, ...]


def overview(readable: Sight, *, session: Session) -> PoliciesOverview:
    """
    Tell what the policies in force are about.

    All Dags are read in a few statements, which do not grow with the policies.

    :param readable: which Dags are looked at, if they are not stale
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
    # Revisions are kept, so this is the document that was matched unless another one was applied in between.
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
    """Return the part of the document that declares a policy; below ``policies:``, the parts are the document."""
    return yaml.safe_dump([dict(policy)], sort_keys=False, allow_unicode=True)


def _windows_now(windows: Collection[DeploymentWindow], at: datetime) -> dict[DeploymentWindow, WindowNow]:
    """Look at windows, and ahead for as long as one of them may take whose refusal tells when it opens."""
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
