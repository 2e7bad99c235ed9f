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
"""Unpinned Dags, and those of them under a policy with a manual gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.policies.matching import Matcher, facts_of, matches
from airflow_providers_pinning.domain.policies.model import Match, Policy
from airflow_providers_pinning.domain.policies.store import in_force
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.models import Pin


@dataclass(frozen=True)
class UnpinnedDag:
    """A Dag that uses its latest version."""

    dag_id: str
    bundle_name: str | None
    latest: int | None
    """Number of its latest version."""
    gates: tuple[str, ...]
    """Policies that pin new Dags and match this one."""


@dataclass(frozen=True)
class UnpinnedFilter:
    """Which unpinned Dags to list."""

    sight: Sight | None = None
    """Only Dags that the caller may see; ``None`` means all."""
    dag_id_pattern: str | None = None
    """Part of the Dag ID, case-insensitive; ``%`` matches anything and ``_`` any character."""
    match: Match = field(default_factory=Match)
    """Conditions. Those of each kind must be met."""

    @property
    def is_told_by_rows(self) -> bool:
        """Whether the rows of Dags decide alone, so that not all of them need to be read."""
        return not self.match.as_dict() and (self.sight is None or self.sight.everything)


def list_unpinned(
    which: UnpinnedFilter, *, limit: int, offset: int = 0, session: Session
) -> tuple[list[UnpinnedDag], int]:
    """
    List unpinned Dags, ordered by ID, and count them all.

    :param which: which Dags to list
    :param limit: maximum number of Dags
    :param offset: number of Dags to skip
    :param session: database session
    """
    query = _query(which).order_by(DagModel.dag_id)
    if which.is_told_by_rows:
        total = count_unpinned(which, session=session)
        rows = session.execute(query.limit(limit).offset(offset)).all()
    else:
        found = _found(which, query, session=session)
        total, rows = len(found), found[offset : offset + limit]
    ids = [row.dag_id for row in rows]
    newest = select(DagVersion.dag_id, func.max(DagVersion.version_number)).where(DagVersion.dag_id.in_(ids))
    latest = {dag_id: number for dag_id, number in session.execute(newest.group_by(DagVersion.dag_id))}
    gates = gates_of(ids, session=session)
    return [UnpinnedDag(row.dag_id, row.bundle_name, latest.get(row.dag_id), gates[row.dag_id]) for row in rows], total


def count_unpinned(which: UnpinnedFilter, *, session: Session) -> int:
    """Count the Dags that are not pinned, of which there may be very many."""
    if which.is_told_by_rows:
        return session.scalar(_query(which).with_only_columns(func.count())) or 0
    return len(_found(which, _query(which), session=session))


def _query(which: UnpinnedFilter) -> Select:
    query = select(DagModel.dag_id, DagModel.bundle_name).where(*_is_unpinned())
    return query.where(DagModel.dag_id.ilike(f"%{which.dag_id_pattern}%")) if which.dag_id_pattern else query


def _found(which: UnpinnedFilter, query: Select, *, session: Session) -> Sequence[Row]:
    found = session.execute(query).all()
    if which.sight is not None and not which.sight.everything:
        seen = which.sight.among([row.dag_id for row in found])
        found = [row for row in found if row.dag_id in seen]
    if kinds := which.match.as_dict().keys():
        facts = facts_of([row.dag_id for row in found], kinds, session=session)
        found = [row for row in found if row.dag_id in facts and matches(which.match, facts[row.dag_id])]
    return found


def unpinned_despite_gate(*, session: Session) -> list[str]:
    """Return the unpinned Dags that match a policy with a manual gate."""
    if not gates_in_force(session=session):
        return []
    ids = session.scalars(select(DagModel.dag_id).where(*_is_unpinned()).order_by(DagModel.dag_id)).all()
    return [dag_id for dag_id, gates in gates_of(ids, session=session).items() if gates]


def _is_unpinned() -> tuple[ColumnElement[bool], ...]:
    pinned = select(Pin.dag_id).where(Pin.dag_id == DagModel.dag_id, Pin.dag_version_id.is_not(None))
    return (~DagModel.is_stale, ~pinned.exists())


def gates_of(dag_ids: Sequence[str], *, session: Session) -> dict[str, tuple[str, ...]]:
    """Return the names of the policies with a manual gate that match the Dags."""
    gating = gates_in_force(session=session)
    if not gating:
        return dict.fromkeys(dag_ids, ())
    matcher = Matcher(gating)
    facts = facts_of(dag_ids, matcher.kinds, session=session)
    return {
        dag_id: tuple(policy.name for policy in matcher.find(facts[dag_id])) if dag_id in facts else ()
        for dag_id in dag_ids
    }


def gates_in_force(*, session: Session) -> list[Policy]:
    """Return the policies with a manual gate."""
    return [policy for policy in in_force(session=session).policies.policies if policy.gated]
