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
Match policies and freezes with Dags, many of both at once.

They match the Dag's current row in Airflow, which reflects its active version: tags and owners of a candidate count
once it is active. They can also match the Dag's bundle and the team that owns it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from airflow.models.dag import DagModel, DagTag
from airflow.models.team import dag_bundle_team_association_table as bundle_teams
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.policies.model import KINDS, Match

IDS_IN_A_STATEMENT = 20_000
"""Maximum number of IDs in a statement. PostgreSQL and SQLite accept about 32,000."""

_WILD = re.compile(r"[*?\[]")


class Matching(Protocol):
    """Something that applies to certain Dags."""

    @property
    def match(self) -> Match:
        """Which."""


T = TypeVar("T", bound=Matching)


@dataclass(frozen=True)
class DagFacts:
    """The facts by which a Dag is matched."""

    dag_id: str
    bundles: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()


def facts_of(
    dag_ids: Collection[str],
    kinds: Collection[str] = KINDS,
    *,
    bundles: Mapping[str, str] | None = None,
    session: Session,
) -> dict[str, DagFacts]:
    """
    Read the facts for matching Dags, in at most three statements for every 20,000 Dags.

    :param dag_ids: the Dags; those that do not exist are left out
    :param kinds: the kinds of facts to read
    :param bundles: names of additional bundles, by Dag
    :param session: database session
    """
    found: dict[str, DagFacts] = {}
    ids = sorted(set(dag_ids))
    for start in range(0, len(ids), IDS_IN_A_STATEMENT):
        found.update(_facts(ids[start : start + IDS_IN_A_STATEMENT], kinds, bundles or {}, session=session))
    return found


def every_dag(kinds: Collection[str] = KINDS, *, session: Session) -> Iterable[DagFacts]:
    """Read the facts of all Dags that are not stale."""
    ids = session.scalars(select(DagModel.dag_id).where(~DagModel.is_stale).order_by(DagModel.dag_id)).all()
    return facts_of(ids, kinds, session=session).values()


def _facts(
    ids: Sequence[str], kinds: Collection[str], bundles: Mapping[str, str], *, session: Session
) -> dict[str, DagFacts]:
    if not {"bundles", "teams", "owners", "tags"} & set(kinds):
        return {dag_id: DagFacts(dag_id) for dag_id in ids}
    found = {}
    rows = session.execute(
        select(DagModel.dag_id, DagModel.bundle_name, DagModel.owners).where(DagModel.dag_id.in_(ids))
    )
    for row in rows:
        owners = frozenset(name for part in (row.owners or "").split(",") if (name := part.strip()))
        names = frozenset(filter(None, (row.bundle_name, bundles.get(row.dag_id))))
        found[row.dag_id] = DagFacts(row.dag_id, bundles=names, owners=owners)
    if "tags" in kinds:
        tags = defaultdict(set)
        for dag_id, name in session.execute(select(DagTag.dag_id, DagTag.name).where(DagTag.dag_id.in_(ids))):
            tags[dag_id].add(name)
        found = {dag_id: replace(facts, tags=frozenset(tags[dag_id])) for dag_id, facts in found.items()}
    if "teams" in kinds:
        owned = defaultdict(set)
        for bundle, team in session.execute(select(bundle_teams.c.dag_bundle_name, bundle_teams.c.team_name)):
            owned[bundle].add(team)
        if owned:
            found = {
                dag_id: replace(facts, teams=frozenset(team for name in facts.bundles for team in owned[name]))
                for dag_id, facts in found.items()
            }
    return found


def matches(match: Match, facts: DagFacts) -> bool:
    """Return whether a Dag matches: it must match one entry of each given list."""
    return (
        (not match.tags or not facts.tags.isdisjoint(match.tags))
        and (not match.bundles or not facts.bundles.isdisjoint(match.bundles))
        and (not match.teams or not facts.teams.isdisjoint(match.teams))
        and (not match.owners or not facts.owners.isdisjoint(match.owners))
        and (not match.dag_ids or any(_pattern(glob).match(facts.dag_id) for glob in match.dag_ids))
    )


class Matcher(Generic[T]):
    """
    Finds the entries that match a Dag, without checking all of them.

    Each entry is indexed by the values of one of its lists. Only ID patterns are checked one by one, after filtering by
    their literal prefix.
    """

    def __init__(self, entries: Iterable[T]) -> None:
        self._filed: dict[str, dict[str, list[tuple[int, T]]]] = {kind: defaultdict(list) for kind in KINDS}
        self._others: list[tuple[int, T, tuple[str, ...]]] = []
        self.kinds: set[str] = set()
        """The kinds of facts that the entries match on."""
        for position, entry in enumerate(entries):
            self.kinds |= entry.match.as_dict().keys()
            kind = self._kind_to_file_by(entry.match)
            for value in getattr(entry.match, kind) if kind else ():
                self._filed[kind or ""][value].append((position, entry))
            if kind is None:
                self._others.append((position, entry, tuple(map(_beginning, entry.match.dag_ids)) or ("",)))

    @staticmethod
    def _kind_to_file_by(match: Match) -> str | None:
        if match.dag_ids and not any(_WILD.search(glob) for glob in match.dag_ids):
            return "dag_ids"
        return next((kind for kind in ("tags", "owners", "bundles", "teams") if getattr(match, kind)), None)

    def find(self, facts: DagFacts) -> tuple[T, ...]:
        """Return the entries that match a Dag, in their original order."""
        near = {position: entry for position, entry, begins in self._others if facts.dag_id.startswith(begins)}
        near.update(self._filed["dag_ids"].get(facts.dag_id, ()))
        for kind in ("tags", "owners", "bundles", "teams"):
            for value in getattr(facts, kind):
                near.update(self._filed[kind].get(value, ()))
        return tuple(near[position] for position in sorted(near) if matches(near[position].match, facts))


def _beginning(glob: str) -> str:
    """Return the prefix of every ID that matches a pattern."""
    return _WILD.split(glob, maxsplit=1)[0]


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))
