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
"""The current policy document, and the current freezes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from airflow._shared.timezones import timezone
from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import PolicyConflictError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import EVERY_DAG, Change
from airflow_providers_pinning.domain.policies.matching import Matcher
from airflow_providers_pinning.domain.policies.model import Match, Policy, PolicySet
from airflow_providers_pinning.models import Freeze, PolicyRevision
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class OpenFreeze:
    """A freeze in force."""

    id: int
    match: Match
    until: datetime | None
    actor: str
    reason: str


@dataclass(frozen=True)
class InForce:
    """The rules that bind changes now."""

    policies: PolicySet
    matcher: Matcher[Policy]
    freezes: tuple[OpenFreeze, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there are no rules at all."""
        return not self.policies.policies and not self.freezes


@dataclass(frozen=True)
class Applied:
    """The document in force after a document was applied."""

    revision: int
    document: Mapping[str, Any]
    changed: bool
    """Whether it differs from the one before."""
    actor: str | None = None
    reason: str | None = None
    created_at: datetime | None = None


_EMPTY: Mapping[str, Any] = {"policies": []}
_SURELY_OVER = timedelta(hours=1)
"""How far this host's clock may be ahead of the database's, which decides, where the latter is not queried."""
_KEPT = 8
_KNOWN: dict[tuple[int, str], tuple[PolicySet, Matcher[Policy]]] = {}


def in_force(*, session: Session) -> InForce:
    """Read the rules, with a single statement if there are no policies and freezes."""
    if session.get_bind().dialect.name == "postgresql":
        heads, asked = _heads(by_database=True), {}
    else:
        heads, asked = _heads(by_database=False), {"recently": timezone.utcnow() - _SURELY_OVER}
    revision, document_hash, frozen = session.execute(heads, asked).one()
    policies, matcher = PolicySet(0), Matcher[Policy](())
    if revision is not None:
        policies, matcher = _parsed(revision, document_hash, session=session)
    return InForce(policies, matcher, open_freezes(session=session) if frozen else ())


def open_freezes(*, session: Session) -> tuple[OpenFreeze, ...]:
    """Read the freezes in force, oldest first."""
    now = database_clock(session=session)
    rows = session.scalars(
        select(Freeze)
        .where(Freeze.lifted_at.is_(None), or_(Freeze.until.is_(None), Freeze.until > now))
        .order_by(Freeze.id)
    )
    return tuple(OpenFreeze(row.id, Match.from_dict(row.selection), row.until, row.actor, row.reason) for row in rows)


def current(*, session: Session) -> Applied:
    """Return the document in force. Before the first one, this is the empty revision 0."""
    row = session.scalar(select(PolicyRevision).order_by(PolicyRevision.revision.desc()).limit(1))
    if row is None:
        return Applied(0, _EMPTY, changed=False)
    return Applied(row.revision, json.loads(row.document), False, row.actor, row.reason, row.created_at)


def revisions(*, limit: int, session: Session) -> list[PolicyRevision]:
    """List the revisions, newest first."""
    query = select(PolicyRevision).order_by(PolicyRevision.revision.desc()).limit(limit)
    return list(session.scalars(query))


def apply(document: Mapping[str, Any], change: Change, *, session: Session) -> Applied:
    """
    Replace the document in force. Applying the same document again changes nothing.

    :param document: a validated document
    :param change: who asks and why; its expected revision is that of the policies
    :param session: database session; the caller commits
    :raises PolicyConflictError: if another revision is in force than the caller expected
    """
    locks.lock_rules(session=session)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()
    request = {"action": "policy", "dag_id": EVERY_DAG, "document_hash": digest}
    repeated = events.find_repeated(change, request, session=session)
    present = current(session=session)
    if repeated:
        return present
    if change.expected_revision not in (None, present.revision):
        raise PolicyConflictError(
            f"The policies are at revision {present.revision}, not {change.expected_revision}: {present.actor} "
            f"applied others ({present.reason}). Review the difference (CLI: airflow pinning policy diff) and try "
            "again.",
            revision=present.revision,
        )
    changed = dict(present.document) != dict(document)
    revision = present.revision + changed
    if changed or change.idempotency_key:
        names = [[one["name"] for one in of.get("policies", ())] for of in (present.document, document)]
        events.record(
            EventKind.POLICY_APPLIED if changed else EventKind.CONFIRMED,
            dag_id=EVERY_DAG,
            revision=revision,
            change=change,
            request=request,
            from_version=None,
            to_version=None,
            evidence={"policies": {"from": names[0], "to": names[1], "document_hash": digest}},
            session=session,
        )
    if not changed:
        return present
    session.add(
        PolicyRevision(
            revision=revision,
            document=text,
            document_hash=digest,
            actor=change.caller.name,
            reason=change.reason,
            created_at=timezone.utcnow(),
        )
    )
    session.flush()
    return Applied(revision, document, True, change.caller.name, change.reason)


def policies_of(rules: str, *, session: Session) -> PolicySet:
    """
    Return the policies of a revision. This takes no statement if this process has read them before.

    :param rules: its number and hash, as :func:`~airflow_providers_pinning.domain.versions.rules.rules_in_force`
        tells them
    """
    revision, _, document_hash = rules.partition(":")
    return _parsed(int(revision), document_hash, session=session)[0]


def _parsed(revision: int, document_hash: str, *, session: Session) -> tuple[PolicySet, Matcher[Policy]]:
    """Parse a document, once per process, because it never changes for its revision and hash."""
    if (known := _KNOWN.get((revision, document_hash))) is not None:
        return known
    stored = select(PolicyRevision.document).where(PolicyRevision.revision == revision)
    policies = PolicySet.from_dict(revision, json.loads(session.scalar(stored) or "{}"))
    while len(_KNOWN) >= _KEPT:
        _KNOWN.pop(next(iter(_KNOWN)), None)
    _KNOWN[revision, document_hash] = policies, Matcher(policies.policies)
    return _KNOWN[revision, document_hash]


@cache
def _heads(*, by_database: bool) -> Select:
    newest = select(PolicyRevision).order_by(PolicyRevision.revision.desc()).limit(1)
    # A host with a fast clock must not miss a freeze.
    recently = func.now() if by_database else bindparam("recently", type_=Freeze.until.type)
    maybe_open = or_(Freeze.until.is_(None), Freeze.until > recently)
    return select(
        newest.with_only_columns(PolicyRevision.revision).scalar_subquery(),
        newest.with_only_columns(PolicyRevision.document_hash).scalar_subquery(),
        select(Freeze.id).where(Freeze.lifted_at.is_(None), maybe_open).exists(),
    )
