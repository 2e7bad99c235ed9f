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
"""The plan or the result of a release, Dag by Dag."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Release, ReleaseDag
from airflow_providers_pinning.vocabulary import ReleaseAction, ReleaseOutcome, ReleaseStatus


@dataclass(frozen=True)
class PlannedDag:
    """One Dag of a release."""

    dag_id: str
    outcome: ReleaseOutcome
    was_pinned: bool = False
    """Whether the Dag was pinned before the release."""
    from_version: VersionIdentity | None = None
    """The active version before."""
    to_version: VersionIdentity | None = None
    """The active version afterwards."""
    reason: str | None = None
    """Machine-readable reason why it cannot be changed, or is left as it is."""
    message: str | None = None
    revision: int | None = None
    """Revision of the pin after the release."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def blocked(cls, dag_id: str, error: PinningError, **known: Any) -> PlannedDag:
        """Return a Dag that cannot be changed."""
        return cls(dag_id, ReleaseOutcome.BLOCKED, reason=error.reason, message=error.message, **known)

    def as_row(self, release_id: str) -> dict[str, Any]:
        """Return the columns of the Dag's row in ``ReleaseDag``."""
        return {
            "release_id": release_id,
            "dag_id": self.dag_id,
            "outcome": self.outcome.value,
            "was_pinned": self.was_pinned,
            "revision": self.revision,
            "from_version": self.from_version and self.from_version.as_dict(),
            "to_version": self.to_version and self.to_version.as_dict(),
            "reason": self.reason,
            "message": self.message,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_row(cls, row: ReleaseDag) -> PlannedDag:
        """Return a Dag from its row."""
        return cls(
            dag_id=row.dag_id,
            outcome=ReleaseOutcome(row.outcome),
            was_pinned=row.was_pinned,
            from_version=VersionIdentity.from_dict(row.from_version) if row.from_version else None,
            to_version=VersionIdentity.from_dict(row.to_version) if row.to_version else None,
            reason=row.reason,
            message=row.message,
            revision=row.revision,
            warnings=tuple(row.warnings),
        )


@dataclass(frozen=True)
class Dependency:
    """A Dag that is triggered by an asset that another Dag updates."""

    producer: str
    consumer: str
    asset: str
    """Name of the asset."""
    producer_included: bool
    """Whether the release changes the producer."""
    consumer_included: bool


@dataclass(frozen=True)
class ReleaseReport:
    """A release, or without an ID, the plan of one."""

    action: ReleaseAction
    dags: Sequence[PlannedDag]
    release_id: str | None = None
    bundle_name: str | None = None
    bundle_version: str | None = None
    dependencies: Sequence[Dependency] = ()
    warnings: tuple[str, ...] = ()
    actor: str | None = None
    reason: str | None = None
    created_at: datetime | None = None
    effective_from: datetime | None = None
    """When it takes effect; ``None`` means at once."""
    rolls_back: str | None = None
    rolled_back_by: str | None = None
    policy_revision: int | None = None
    """Revision of the policies that a plan was checked against."""
    freeze_id: int | None = None
    """Highest id of the freezes that a plan was checked against; 0 if there were none."""
    repeated: bool = False
    """Whether the release had already been made with the same idempotency key."""
    counts: dict[str, int] = field(init=False)
    """Number of Dags, by outcome."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", counted(dag.outcome.value for dag in self.dags))

    @property
    def status(self) -> ReleaseStatus | None:
        """Status of the release."""
        if self.release_id is None:
            return None
        return status_of(self.rolled_back_by, self.effective_from, self.counts)

    @property
    def plan_hash(self) -> str:
        """Hash of all changes of the release, to bind a confirmation to a plan."""
        changes = [
            [dag.dag_id, dag.was_pinned, *(of and of.as_dict() for of in (dag.from_version, dag.to_version))]
            for dag in self.concerned
        ]
        moment = [self.effective_from.isoformat()] if self.effective_from else []
        return sha256(json.dumps([self.action.value, changes, *moment], sort_keys=True).encode()).hexdigest()

    @property
    def concerned(self) -> list[PlannedDag]:
        """The Dags with a change that is made, is pending, or is canceled."""
        return [dag for dag in self.dags if dag.outcome in CONCERNED]

    def of(self, outcome: ReleaseOutcome) -> list[PlannedDag]:
        """Return the Dags with an outcome."""
        return [dag for dag in self.dags if dag.outcome is outcome]


CONCERNED = (ReleaseOutcome.CHANGED, ReleaseOutcome.SCHEDULED, ReleaseOutcome.CANCELED)
_ALWAYS = (ReleaseOutcome.CHANGED, ReleaseOutcome.UNCHANGED, ReleaseOutcome.BLOCKED, ReleaseOutcome.LEFT)


def counted(outcomes: Iterable[str]) -> dict[str, int]:
    """Count outcomes; those that only a release at a given time has are left out if there are none."""
    found = dict.fromkeys((outcome.value for outcome in _ALWAYS), 0)
    for outcome in outcomes:
        found[outcome] = found.get(outcome, 0) + 1
    return found


def status_of(rolled_back_by: str | None, effective_from: datetime | None, counts: Mapping[str, int]) -> ReleaseStatus:
    """
    Return what became of a release.

    :param rolled_back_by: the release that rolled it back
    :param effective_from: when it takes effect
    :param counts: how many of all its Dags have each outcome
    """
    if rolled_back_by:
        return ReleaseStatus.ROLLED_BACK
    if effective_from is None:
        return ReleaseStatus.RELEASED
    if counts.get(ReleaseOutcome.SCHEDULED.value):
        return ReleaseStatus.SCHEDULED
    missing = counts.get(ReleaseOutcome.CANCELED.value, 0) + counts.get(ReleaseOutcome.FAILED.value, 0)
    if not missing:
        return ReleaseStatus.RELEASED
    all_canceled = not (counts.get(ReleaseOutcome.CHANGED.value) or counts.get(ReleaseOutcome.FAILED.value))
    return ReleaseStatus.CANCELED if all_canceled else ReleaseStatus.INCOMPLETE


def in_order(dags: Iterable[PlannedDag]) -> list[PlannedDag]:
    """Return Dags ordered by ID."""
    return sorted(dags, key=lambda dag: dag.dag_id)


def report_of(release: Release, rows: Iterable[ReleaseDag], *, repeated: bool = False) -> ReleaseReport:
    """Return the report of a recorded release."""
    return ReleaseReport(
        action=ReleaseAction(release.action),
        dags=in_order(PlannedDag.from_row(row) for row in rows),
        release_id=release.id,
        bundle_name=release.bundle_name,
        bundle_version=release.bundle_version,
        warnings=tuple(release.warnings),
        actor=release.actor,
        reason=release.reason,
        created_at=release.created_at,
        effective_from=release.effective_from,
        rolls_back=release.rolls_back,
        rolled_back_by=release.rolled_back_by,
        repeated=repeated,
    )
