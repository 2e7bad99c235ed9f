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
"""The history: one event per change, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import IdempotencyKeyReusedError
from airflow_providers_pinning.domain.history.outbox import announce_after_commit
from airflow_providers_pinning.domain.ramp_steps import Ramped
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import CallerKind, EventKind

EVERY_DAG = "*"
"""Stands for the Dag's id in events that are about every Dag; no Dag can be called so."""


@dataclass(frozen=True)
class Caller:
    """Who requests a change."""

    name: str
    kind: CallerKind = CallerKind.USER
    source: Mapping[str, Any] | None = None
    """Where the request says that it comes from, such as Dag, run and task ids."""
    permitted_in_team: Callable[[str, str | None], bool] | None = field(default=None, compare=False, repr=False)
    """Tells whether a user may do the same with the Dag, by its id, if it belonged to a team; ``None`` never may."""
    may_override_policies: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    """Tells whether a user may pass over rules that are not met; ``None`` never may."""
    may_release: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    """Tells whether a user may release, where that needs a permission of its own; ``None`` never may."""

    @property
    def releases(self) -> bool:
        """Whether releases are permitted where they need a permission of their own."""
        return self.kind is not CallerKind.USER or (self.may_release is not None and self.may_release())

    @property
    def overrides_policies(self) -> bool:
        """Whether an override reason counts against policies; whoever has the database needs no permission."""
        if self.kind is not CallerKind.USER:
            return True
        return self.may_override_policies is not None and self.may_override_policies()


@dataclass(frozen=True)
class Change:
    """Why a change is requested, and under which conditions it may be made."""

    caller: Caller
    reason: str
    expected_revision: int | None = None
    """Revision that the caller saw; another one is a conflict."""
    idempotency_key: str | None = None
    """Requests with the same key make the change only once."""
    override_reason: str | None = None
    """Why a hold, a rejection or rules of policies are to be passed over."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Facts that led to the change, kept with it."""
    expected_dag_hash: str | None = None
    """Hash of the version that the caller saw; another one is refused."""
    expected_bundle_version: str | None = None
    """Bundle version of the version that the caller saw: the code may change while the hash stays."""
    effective_from: datetime | None = None
    """From when on the change is to be in effect, so that it is checked for that time; ``None`` means at once."""
    ramp: Ramped | None = None
    """The ramp that leads to the change, for policies that ask for one."""
    supersede: bool = False
    """Cancel a pending change of the pin, rather than be refused because of it."""

    def as_columns(self) -> dict[str, Any]:
        """Return the columns of a stored row that say who asked for the change, and why."""
        return {
            "actor": self.caller.name,
            "actor_kind": self.caller.kind.value,
            "source": dict(self.caller.source) if self.caller.source else None,
            "reason": self.reason,
            "override_reason": self.override_reason,
        }


def find_repeated(change: Change, request: Mapping[str, Any], *, session: Session) -> Event | None:
    """
    Find the event of an earlier request with the same idempotency key.

    :raises IdempotencyKeyReusedError: if the key was sent with another request
    """
    if change.idempotency_key is None:
        return None
    event = session.scalar(
        select(Event).where(Event.dag_id == request["dag_id"], Event.idempotency_key == change.idempotency_key)
    )
    if event is not None and event.request != dict(request):
        raise IdempotencyKeyReusedError(
            f"The idempotency key {change.idempotency_key!r} was used for another request ({event.kind}) of this Dag. "
            "Use a new key for a new request.",
            idempotency_key=change.idempotency_key,
        )
    return event


def record(
    kind: EventKind,
    *,
    dag_id: str,
    revision: int,
    change: Change,
    request: Mapping[str, Any],
    from_version: VersionIdentity | None,
    to_version: VersionIdentity | None,
    evidence: Mapping[str, Any] | None = None,
    release_id: str | None = None,
    session: Session,
) -> Event:
    """Append one event; the caller's transaction decides whether it happened."""
    event = event_of(
        kind,
        dag_id=dag_id,
        revision=revision,
        change=change,
        request=request,
        from_version=from_version,
        to_version=to_version,
        evidence=evidence,
        release_id=release_id,
    )
    append([event], session=session)
    return event


def append(events: Collection[Event], *, session: Session) -> None:
    """Append events, with one statement for all; the caller's transaction decides whether they happened."""
    session.add_all(events)
    session.flush()
    for event in events:
        announce_after_commit(event)


def event_of(
    kind: EventKind,
    *,
    dag_id: str,
    revision: int,
    change: Change,
    request: Mapping[str, Any],
    from_version: VersionIdentity | None,
    to_version: VersionIdentity | None,
    evidence: Mapping[str, Any] | None = None,
    release_id: str | None = None,
) -> Event:
    """Build one event, to be appended with others."""
    return Event(
        dag_id=dag_id,
        revision=revision,
        kind=kind.value,
        from_version=from_version and from_version.as_dict(),
        to_version=to_version and to_version.as_dict(),
        **change.as_columns(),
        evidence={**change.evidence, **(evidence or {})} or None,
        idempotency_key=change.idempotency_key,
        request=dict(request),
        release_id=release_id,
    )
