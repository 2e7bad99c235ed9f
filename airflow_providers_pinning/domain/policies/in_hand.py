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
Find the policies for a Dag that the caller already has, without a database query.

For the dag processor and the creation of runs, where Dags without policies must cost nothing.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from airflow.models.team import dag_bundle_team_association_table as bundle_teams
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.policies.matching import DagFacts, Matcher
from airflow_providers_pinning.domain.policies.model import Policy
from airflow_providers_pinning.domain.policies.store import policies_of

TEAMS_KNOWN_FOR = 60.0
"""How long this process caches the team of a bundle, in seconds."""


class DagInHand(Protocol):
    """The facts for matching that a Dag object provides."""

    dag_id: str
    tags: Any
    owner: str


def policies_about(
    rules: str, part: str, dag: DagInHand, bundle_name: str | None, *, session: Session
) -> tuple[Policy, ...]:
    """
    Return the policies for a Dag that have a given part. This takes no statement if this process has read them before.

    :param rules: the policies in force, from :func:`~.domain.versions.rules.rules_in_force`
    :param part: the part, such as ``auto_rollback``
    :param dag: the Dag
    :param bundle_name: its bundle
    :param session: database session
    """
    matcher = _with_part(rules, part, session=session)
    if matcher is None:
        return ()
    facts = DagFacts(
        dag.dag_id,
        bundles=frozenset({bundle_name} if bundle_name else ()),
        tags=frozenset(dag.tags or ()),
        owners=frozenset(name for one in (dag.owner or "").split(",") if (name := one.strip())),
        teams=_teams_of(bundle_name, session=session) if bundle_name and "teams" in matcher.kinds else frozenset(),
    )
    return matcher.find(facts)


_known: dict[str, tuple[str, Matcher[Policy] | None]] = {}


def _with_part(rules: str, part: str, *, session: Session) -> Matcher[Policy] | None:
    """Find the policies that have a part, once per process and document; ``None`` if there are none."""
    of_rules, matcher = _known.get(part, ("", None))
    if of_rules != rules:
        policies = [one for one in policies_of(rules, session=session).policies if getattr(one, part)]
        matcher = Matcher(policies) if policies else None
        # In one step, because other threads read it.
        _known[part] = rules, matcher
    return matcher


_teams: dict[str, tuple[frozenset[str], float]] = {}


def _teams_of(bundle_name: str, *, session: Session) -> frozenset[str]:
    teams, known_until = _teams.get(bundle_name, (frozenset(), 0.0))
    if known_until < time.monotonic():
        query = select(bundle_teams.c.team_name).where(bundle_teams.c.dag_bundle_name == bundle_name)
        teams = frozenset(session.scalars(query))
        _teams[bundle_name] = (teams, time.monotonic() + TEAMS_KNOWN_FOR)
    return teams
