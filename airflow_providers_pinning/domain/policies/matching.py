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
"""How many ids a statement names: PostgreSQL and SQLite take some 32,000."""

_WILD = re.compile(r"[*?\[]")


class Matching(Protocol):
    """Something that is about some Dags."""

    @property
    def match(self) -> Match:
        """Which."""


T = TypeVar("T", bound=Matching)


@dataclass(frozen=True)
class DagFacts:
    """What a Dag is matched by."""

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
    Read what Dags are matched by, in at most three statements for each 20,000 of them.

    :param dag_ids: the Dags; those that are not there are left out
    :param kinds: what is matched by; what nothing asks for is not read
    :param bundles: names of further bundles that count as theirs, by Dag
    :param session: database session
    """
    found: dict[str, DagFacts] = {}
    ids = sorted(set(dag_ids))
    for start in range(0, len(ids), IDS_IN_A_STATEMENT):
        found.update(_facts(ids[start : start + IDS_IN_A_STATEMENT], kinds, bundles or {}, session=session))
    return found


def every_dag(kinds: Collection[str] = KINDS, *, session: Session) -> Iterable[DagFacts]:
    """Read what each Dag that is not stale is matched by."""
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
    """Return whether a Dag is meant: it fits one entry of each list that is there."""
    return (
        (not match.tags or not facts.tags.isdisjoint(match.tags))
        and (not match.bundles or not facts.bundles.isdisjoint(match.bundles))
        and (not match.teams or not facts.teams.isdisjoint(match.teams))
        and (not match.owners or not facts.owners.isdisjoint(match.owners))
        and (not match.dag_ids or any(_pattern(glob).match(facts.dag_id) for glob in match.dag_ids))
    )


class Matcher(Generic[T]):
    """
    Finds what is about a Dag among many, without looking at all.

    Each is filed under the values of one of its lists. Only patterns of ids are looked at one after the other, and by
    how they begin first.
    """

    def __init__(self, entries: Iterable[T]) -> None:
        self._filed: dict[str, dict[str, list[tuple[int, T]]]] = {kind: defaultdict(list) for kind in KINDS}
        self._others: list[tuple[int, T, tuple[str, ...]]] = []
        self.kinds: set[str] = set()
        """What the entries match by."""
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
        """Return what is about a Dag, in the order in which the entries were given."""
        near = {position: entry for position, entry, begins in self._others if facts.dag_id.startswith(begins)}
        near.update(self._filed["dag_ids"].get(facts.dag_id, ()))
        for kind in ("tags", "owners", "bundles", "teams"):
            for value in getattr(facts, kind):
                near.update(self._filed[kind].get(value, ()))
        return tuple(near[position] for position in sorted(near) if matches(near[position].match, facts))


def _beginning(glob: str) -> str:
    """Return what every id begins with that fits a pattern."""
    return _WILD.split(glob, maxsplit=1)[0]


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))
