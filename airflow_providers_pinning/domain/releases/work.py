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
"""Process the Dags of a release."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_AT_ONCE, page_is_done, pages
from airflow_providers_pinning.domain.changes import activation, activation_write, conditions, lifting, timed_many
from airflow_providers_pinning.domain.changes.activation import Activation, Ready
from airflow_providers_pinning.domain.changes.pending import cancel_row, warn_all_of_runs_of_later
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.asset_conflicts import Claim, claim_of
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.releases.plan import PlannedDag
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    newest_identities,
    pinned_identity,
)
from airflow_providers_pinning.models import ManagedVersion, Pin, TimedChange
from airflow_providers_pinning.vocabulary import EventKind, ReleaseOutcome

Progress = Callable[[int, int], None]
"""Receives the number of finished Dags, and their total."""

Check = Callable[[Pin, VersionIdentity], None]
"""Raises a ``PinningError`` if a version must not become active for the Dag of a pin."""


class Work:
    """
    Goes through the Dags of a release, some at a time: each page is read, checked and, unless one is blocked, written.

    What is blocked, and what is left as it is, is noted and goes no further.

    :param kind: kind of event for the activation of a version
    :param change: who asks, why, and what they override
    :param release_id: its id; ``None`` only says what it would do
    :param total: how many Dags it is about
    :param progress: receives the progress
    :param session: database session
    """

    def __init__(
        self,
        kind: EventKind,
        change: Change,
        release_id: str | None,
        *,
        total: int,
        progress: Progress | None,
        session: Session,
    ) -> None:
        self._kind = kind
        # The key and the conditions apply to the whole release.
        self._change = conditions.of_one_dag(change)
        if kind == EventKind.ROLLED_BACK:
            # An incident never waits for a pending change.
            self._change = replace(self._change, supersede=True)
        self._release_id = release_id
        self._total = total
        self._progress = progress
        self._session = session
        self._now = database_clock(session=session)
        self.done: dict[str, PlannedDag] = {}
        """The result for each Dag that was processed."""
        self.claims: list[Claim] = []
        """The assets of the versions that become active."""

    def activate(
        self,
        versions: Mapping[str, VersionIdentity],
        pins: Mapping[str, Pin],
        *,
        check: Check,
        warnings: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """
        Make versions the active ones.

        :param versions: a version for each Dag
        :param pins: the pins, by Dag
        :param check: what stands in the way of one, beside what stands in the way of any pin
        :param warnings: warnings about versions that are already known, by Dag
        """
        for page in pages(sorted(versions), DAGS_AT_ONCE):
            asked = []
            for dag_id in page:
                try:
                    check(pins[dag_id], versions[dag_id])
                except PinningError as error:
                    self.block(pins[dag_id], versions[dag_id], error)
                else:
                    asked.append(Activation(pins[dag_id], versions[dag_id], (warnings or {}).get(dag_id, ())))
            if asked:
                self._activate(asked)
            self._tell()

    def lift(self, pins: Mapping[str, Pin]) -> None:
        """Lift pins, each of which chooses a version."""
        for page in pages(sorted(pins), DAGS_AT_ONCE):
            latest = newest_identities(page, session=self._session)
            asked = []
            for dag_id in page:
                try:
                    self.check_hold(pins[dag_id])
                except PinningError as error:
                    self.block(pins[dag_id], latest.get(dag_id), error)
                else:
                    asked.append(pins[dag_id])
            if asked:
                self._lift(asked, latest)
            self._tell()

    def cancel(self, changes: Mapping[str, TimedChange], pins: Mapping[str, Pin]) -> None:
        """Cancel changes that are pending; no version becomes active, so nothing is checked."""
        for page in pages(sorted(changes), DAGS_AT_ONCE):
            latest = newest_identities(
                [dag_id for dag_id in page if pins[dag_id].dag_version_id is None], session=self._session
            )
            told: dict[str, tuple[str, ...]] = {}
            if self._writes:
                requests = self._requests(page)
                for dag_id in page:
                    cancel_row(
                        pins[dag_id],
                        changes[dag_id],
                        self._change,
                        requests[dag_id],
                        release_id=self._release_id,
                        session=self._session,
                    )
                told = warn_all_of_runs_of_later([changes[dag_id] for dag_id in page], session=self._session)
            for dag_id in page:
                version = pinned_identity(pins[dag_id]) or latest.get(dag_id)
                self.done[dag_id] = PlannedDag(
                    dag_id,
                    ReleaseOutcome.CANCELED,
                    was_pinned=pins[dag_id].dag_version_id is not None,
                    from_version=version,
                    to_version=version,
                    reason="canceled",
                    message=f"Its change at {changes[dag_id].effective_from.isoformat()} is canceled.",
                    revision=pins[dag_id].revision,
                    warnings=told.get(dag_id, ()),
                )
            self._tell()

    def check_hold(self, pin: Pin) -> None:
        """
        Refuse to change a Dag that is on hold, unless that is overridden.

        :raises DagHeldError: if it is
        """
        conditions.check_hold(pin, self._change, now=self._now, session=self._session)

    def leave(self, dag_id: str, reason: str, message: str, *, outcome: ReleaseOutcome = ReleaseOutcome.LEFT) -> None:
        """Record that a Dag stays as it is."""
        self.done[dag_id] = PlannedDag(dag_id, outcome, reason=reason, message=message)

    def block(self, pin: Pin, version: VersionIdentity | None, error: PinningError) -> None:
        """Record that a Dag cannot be changed, so that none is."""
        self.done[pin.dag_id] = PlannedDag.blocked(
            pin.dag_id,
            error,
            was_pinned=pin.dag_version_id is not None,
            from_version=pinned_identity(pin),
            to_version=version,
        )

    def _activate(self, asked: list[Activation]) -> None:
        given = {one.dag_id: one for one in asked}
        examined = activation.examine(self._kind, asked, self._change, session=self._session)
        for dag_id, error in examined.refused.items():
            self.block(given[dag_id].pin, given[dag_id].version, error)
        self.claims += [claim_of(one.checked.readable, one.version.version_number) for one in examined.ready]
        changing = [one for one in examined.ready if not one.changes_nothing]
        was_pinned = {one.dag_id: one.pin.dag_version_id is not None for one in changing}
        told = {one.dag_id: one.warnings for one in changing}
        if self._writes and changing:
            told = self._write(changing, examined.rows)
        for one in examined.ready:
            self.done[one.dag_id] = PlannedDag(
                one.dag_id,
                self._outcome if one.dag_id in told else ReleaseOutcome.UNCHANGED,
                was_pinned=was_pinned.get(one.dag_id, True),
                from_version=one.from_version,
                to_version=one.version,
                revision=one.pin.revision,
                warnings=told.get(one.dag_id, ()),
            )

    def _lift(self, asked: list[Pin], latest: Mapping[str, VersionIdentity]) -> None:
        given = {pin.dag_id: pin for pin in asked}
        ready, refused = lifting.examine_liftings(asked, latest, self._change, session=self._session)
        for dag_id, error in refused.items():
            self.block(given[dag_id], latest.get(dag_id), error)
        self.claims += [
            claim_of(one.readable, one.latest.version_number, pinned=False)
            for one in ready
            if one.readable and one.latest
        ]
        before = {one.dag_id: pinned_identity(one.pin) for one in ready}
        told = {one.dag_id: one.warnings for one in ready}
        if self._writes and ready:
            requests = self._requests(one.dag_id for one in ready)
            told = lifting.lift(ready, self._change, requests, release_id=self._release_id, session=self._session)
        for one in ready:
            self.done[one.dag_id] = PlannedDag(
                one.dag_id,
                ReleaseOutcome.CHANGED,
                was_pinned=True,
                from_version=before[one.dag_id],
                to_version=one.latest,
                revision=one.pin.revision,
                warnings=told[one.dag_id],
            )

    def _write(self, changing: Sequence[Ready], rows: dict[UUID, ManagedVersion]) -> dict[str, tuple[str, ...]]:
        release_id = self._release_id or ""
        requests = self._requests(one.dag_id for one in changing)
        if self._change.effective_from is not None:
            return timed_many.schedule_pins(
                changing, self._change, requests, rows, release_id=release_id, session=self._session
            )
        return activation_write.write(
            self._kind, changing, self._change, requests, rows, release_id=release_id, session=self._session
        )

    @property
    def _outcome(self) -> ReleaseOutcome:
        return ReleaseOutcome.CHANGED if self._change.effective_from is None else ReleaseOutcome.SCHEDULED

    @property
    def _writes(self) -> bool:
        blocked = any(dag.outcome is ReleaseOutcome.BLOCKED for dag in self.done.values())
        return self._release_id is not None and not blocked

    def _requests(self, dag_ids: Any) -> dict[str, dict[str, Any]]:
        return {dag_id: {"action": "release", "dag_id": dag_id, "release_id": self._release_id} for dag_id in dag_ids}

    def _tell(self) -> None:
        page_is_done()
        if self._progress is not None:
            self._progress(len(self.done), self._total)
