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
"""The history: one event per change, written in the same transaction."""

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
"""Placeholder for the Dag ID in events about all Dags. No Dag can have this ID."""


@dataclass(frozen=True)
class Caller:
    """Who requests a change."""

    name: str
    kind: CallerKind = CallerKind.USER
    source: Mapping[str, Any] | None = None
    """Origin of the request as the caller states it, such as Dag, run and task IDs."""
    permitted_in_team: Callable[[str, str | None], bool] | None = field(default=None, compare=False, repr=False)
    """Returns whether the user could make the change if the Dag belonged to the given team; ``None`` means never."""
    may_override_policies: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    """Returns whether the user may override unmet policy rules; ``None`` means never."""
    may_release: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    """Returns whether the user has the separate release permission, if one is required; ``None`` means never."""

    @property
    def releases(self) -> bool:
        """Whether the caller may release if that requires a separate permission."""
        return self.kind is not CallerKind.USER or (self.may_release is not None and self.may_release())

    @property
    def overrides_policies(self) -> bool:
        """Whether an override reason applies to policies. Callers with database access need no permission."""
        if self.kind is not CallerKind.USER:
            return True
        return self.may_override_policies is not None and self.may_override_policies()


@dataclass(frozen=True)
class Change:
    """The reason and the conditions of a requested change."""

    caller: Caller
    reason: str
    expected_revision: int | None = None
    """Revision that the caller saw. Any other revision is a conflict."""
    idempotency_key: str | None = None
    """Repeated requests with the same key make the change only once."""
    override_reason: str | None = None
    """Reason for overriding a hold, a rejection or policy rules."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Facts that led to the change, recorded with it."""
    expected_dag_hash: str | None = None
    """Hash of the version that the caller saw. A version with another hash is refused."""
    expected_bundle_version: str | None = None
    """Bundle version that the caller saw. The code may change without changing the hash."""
    expected_policy_revision: int | None = None
    """Revision of the policies that the caller saw; with others in force, the change is refused."""
    expected_freeze_id: int | None = None
    """Highest id of the freezes that the caller saw, 0 if there were none: a later one is not overridden."""
    effective_from: datetime | None = None
    """When the change takes effect, which is also the time it is checked for; ``None`` means now."""
    ramp: Ramped | None = None
    """The ramp that leads to the change, for policies that require one."""
    release_id: str | None = None
    """The release that the change belongs to, even though it is made later."""
    supersede: bool = False
    """Cancel a pending change of the pin instead of refusing this one."""

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

    :raises IdempotencyKeyReusedError: if the key was used for another request
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
    """Append an event in the caller's transaction."""
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
    """Append events in the caller's transaction, with one statement."""
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
    """Build an event, to append it together with others."""
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
        release_id=release_id or change.release_id,
    )
