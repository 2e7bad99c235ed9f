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
"""Change the pins of many Dags in one transaction, or say what that would do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import uuid6
from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_AT_ONCE, pages
from airflow_providers_pinning.domain.changes import activation, conditions, pins
from airflow_providers_pinning.domain.changes.activation import Activation
from airflow_providers_pinning.domain.changes.pin_row import lock_pins
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.asset_conflicts import Claim, claim_of, conflicts_of_all
from airflow_providers_pinning.domain.dag_model.head import latest_of
from airflow_providers_pinning.domain.errors import (
    DagsForbiddenError,
    IdempotencyKeyReusedError,
    NothingToReleaseError,
    PinningError,
    ReleaseBlockedError,
)
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.enforce import decide
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.unmet import PlannedChange
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE, Chosen, bundle_of, choose_versions, dag_ids_of
from airflow_providers_pinning.domain.releases.dependencies import dependencies_of, warn_of_parted
from airflow_providers_pinning.domain.releases.plan import PlannedDag, ReleaseReport, in_order, report_of
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin, Release, ReleaseDag
from airflow_providers_pinning.vocabulary import EventKind, ReleaseAction, ReleaseOutcome

MAX_NAMED = 10
"""How many blocked Dags a message names; the data of the refusal has all."""

Progress = Callable[[int, int], None]
"""Is told how many of how many Dags are done."""


def plan_release(request: ReleaseRequest, change: Change, access: Access, *, session: Session) -> ReleaseReport:
    """
    Say what a release would change, what it would leave, and what blocks it. Nothing is locked.

    :param request: what to do with which Dags
    :param change: who asks, why, and what is overridden
    :param access: what the caller may do
    :param session: database session
    :raises UnknownVersionError: if no bundle has the commit
    :raises AmbiguousBundleError: if several have
    :raises NothingToReleaseError: if no Dag is concerned
    :raises DagsForbiddenError: if the caller may not change one of the Dags
    :raises NotEnforcedError: if a live component runs without the enforcement
    """
    bundle_name, dag_ids = _names(request, access, session=session)
    found = read_pins(dag_ids, session=session)
    return _Work(request, bundle_name, change, None, None, session).run(found, dag_ids)


def make_release(
    request: ReleaseRequest,
    change: Change,
    access: Access,
    *,
    progress: Progress | None = None,
    session: Session,
) -> ReleaseReport:
    """
    Change the pins of Dags as one: all that a release is about, or none.

    :param request: what to do with which Dags
    :param change: who asks, why, and what is overridden
    :param access: what the caller may do
    :param progress: is told how far it got
    :param session: database session; the caller commits
    :raises ReleaseBlockedError: if a Dag cannot be changed; it names each, with its reason
    :raises IdempotencyKeyReusedError: if the key was sent with another request
    :raises PinningError: whatever :func:`plan_release` raises
    """
    if repeated := find_repeated(change, request.as_request(), session=session):
        return repeated
    bundle_name, dag_ids = _names(request, access, session=session)
    locked = lock_pins(dag_ids, session=session)
    # The same request may have waited for these locks as well.
    if repeated := find_repeated(change, request.as_request(), session=session):
        return repeated
    release_id = str(uuid6.uuid7())
    report = _Work(request, bundle_name, change, release_id, progress, session).run(locked, dag_ids)
    refuse_blocked(report)
    return keep(report, change, request.as_request(), session=session)


def _names(request: ReleaseRequest, access: Access, *, session: Session) -> tuple[str | None, set[str]]:
    bundle_name = bundle_of(request, session=session)
    dag_ids = dag_ids_of(request, bundle_name, session=session)
    if not dag_ids:
        raise NothingToReleaseError(
            "No Dag is concerned: none matches what was asked for. Look at the conditions, and whether Dags are pinned "
            "(CLI: --all takes those that are not pinned, too)."
        )
    named = set(request.selection.dag_ids or ()) | set(request.versions)
    check_access(dag_ids - set(request.selection.exclude), named, access, session=session)
    return bundle_name, dag_ids


def check_access(dag_ids: Collection[str], named: Collection[str], access: Access, *, session: Session) -> None:
    """
    Refuse a caller who may not change all of some Dags.

    :param dag_ids: the Dags
    :param named: those that the caller named, so that nothing is disclosed by naming them
    :param access: what the caller may do
    :param session: database session
    :raises DagsForbiddenError: with the names of those that the caller named or may see, and the number of others
    """
    if access.editable is None:
        return
    missing = set(dag_ids) - access.editable
    known: set[str] = set()
    for page in pages(sorted(missing), IDS_AT_ONCE):
        known.update(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(page))))
    if not known:
        return
    shown = sorted(known & (set(named) | (access.readable or frozenset())))
    hidden = len(known) - len(shown)
    others = [f"{hidden} that you may not see"] if hidden else []
    raise DagsForbiddenError(
        f"You may not change {plural(len(known), 'Dag')} of this release: {', '.join([*shown[:MAX_NAMED], *others])}. "
        "Ask somebody who may, or choose Dags that you may change.",
        dag_ids=shown,
        hidden=hidden,
    )


def read_pins(dag_ids: Collection[str], *, session: Session) -> dict[str, Pin]:
    """Read pins without locking them; a Dag that was never pinned has one that chooses nothing and is not stored."""
    found: dict[str, Pin] = {}
    for page in pages(sorted(dag_ids), IDS_AT_ONCE):
        present = session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(page))).all()
        rows = {pin.dag_id: pin for pin in session.scalars(select(Pin).where(Pin.dag_id.in_(page)))}
        found |= {dag_id: rows.get(dag_id) or Pin(dag_id=dag_id, revision=0, last_run_before=0) for dag_id in present}
    return found


def find_repeated(change: Change, request: Mapping[str, Any], *, session: Session) -> ReleaseReport | None:
    """
    Find the release that an earlier request with the same idempotency key made.

    :raises IdempotencyKeyReusedError: if the key was sent with another request
    """
    if change.idempotency_key is None:
        return None
    release = session.scalar(select(Release).where(Release.idempotency_key == change.idempotency_key))
    if release is None:
        return None
    if release.request != request:
        raise IdempotencyKeyReusedError(
            f"The idempotency key {change.idempotency_key!r} was used for another release, {release.id}. Use a new key "
            "for a new request.",
            idempotency_key=change.idempotency_key,
        )
    rows = session.scalars(select(ReleaseDag).where(ReleaseDag.release_id == release.id))
    return report_of(release, rows, repeated=True)


def refuse_blocked(report: ReleaseReport) -> None:
    """
    Refuse a release of which a Dag cannot be changed.

    :raises ReleaseBlockedError: with the reasons of all of them
    """
    blocked = report.of(ReleaseOutcome.BLOCKED)
    if not blocked:
        return
    told = [f"{dag.dag_id} ({dag.reason}): {dag.message}" for dag in blocked[:MAX_NAMED]]
    if (more := len(blocked) - MAX_NAMED) > 0:
        told.append(f"{more} more.")
    raise ReleaseBlockedError(
        f"{plural(len(blocked), 'Dag')} of {len(report.dags)} cannot be changed, so none was. Fix what blocks, or "
        f"exclude {'it' if len(blocked) == 1 else 'them'} by name. {' '.join(told)}",
        blocked=[{"dag_id": dag.dag_id, "reason": dag.reason, "message": dag.message} for dag in blocked],
    )


def keep(
    report: ReleaseReport,
    change: Change,
    request: Mapping[str, Any],
    *,
    rolls_back: str | None = None,
    session: Session,
) -> ReleaseReport:
    """Write a release down, with what it did with each Dag."""
    release = Release(
        id=report.release_id,
        action=report.action.value,
        bundle_name=report.bundle_name,
        bundle_version=report.bundle_version,
        actor=change.caller.name,
        actor_kind=change.caller.kind.value,
        source=dict(change.caller.source) if change.caller.source else None,
        reason=change.reason,
        override_reason=change.override_reason,
        request=dict(request),
        idempotency_key=change.idempotency_key,
        warnings=list(report.warnings),
        changed=len(report.of(ReleaseOutcome.CHANGED)),
        rolls_back=rolls_back,
    )
    session.add(release)
    session.flush()
    rows = [dag.as_row(release.id) for dag in report.dags]
    session.add_all(rows)
    session.flush()
    kept = report_of(release, rows)
    return ReleaseReport(
        **{
            name: getattr(kept, name)
            for name in ReleaseReport.__dataclass_fields__
            if name not in ("counts", "dependencies")
        },
        dependencies=report.dependencies,
    )


class _Work:
    """
    One release under way.

    :param release_id: its id; ``None`` only says what it would do
    """

    def __init__(
        self,
        request: ReleaseRequest,
        bundle_name: str | None,
        change: Change,
        release_id: str | None,
        progress: Progress | None,
        session: Session,
    ) -> None:
        self._request = request
        self._bundle_name = bundle_name
        # The key and the conditions are those of the whole.
        self._change = conditions.of_one_dag(change)
        self._release_id = release_id
        self._progress = progress
        self._session = session
        self._now = database_clock(session=session)
        self._done: dict[str, PlannedDag] = {}
        self._claims: list[Claim] = []

    def run(self, found: Mapping[str, Pin], dag_ids: Collection[str]) -> ReleaseReport:
        """Go through the Dags, some at a time: each page is read, checked and, unless one is blocked, written."""
        if self._request.action is ReleaseAction.UNPIN:
            chosen = Chosen()
            work = self._unpin_all(found, dag_ids)
        else:
            chosen = choose_versions(self._request, self._bundle_name, found, dag_ids, session=self._session)
            work = self._pin_all(found, chosen)
        self._done |= chosen.others
        for done in work:
            if self._progress is not None:
                self._progress(done, len(dag_ids))
        changed = {dag_id for dag_id, dag in self._done.items() if dag.outcome is ReleaseOutcome.CHANGED}
        dependencies = dependencies_of(self._claims, changed, session=self._session)
        conflicts = conflicts_of_all(self._claims, session=self._session)
        for dag_id, said in conflicts.items():
            if dag_id in changed:
                dag = self._done[dag_id]
                self._done[dag_id] = replace(dag, warnings=dag.warnings + said)
        return ReleaseReport(
            action=self._request.action,
            dags=in_order(self._done.values()),
            release_id=self._release_id,
            bundle_name=self._bundle_name,
            bundle_version=self._request.bundle_version,
            dependencies=dependencies,
            warnings=warn_of_parted(dependencies),
        )

    @property
    def _writes(self) -> bool:
        blocked = any(dag.outcome is ReleaseOutcome.BLOCKED for dag in self._done.values())
        return self._release_id is not None and not blocked

    def _pin_all(self, found: Mapping[str, Pin], chosen: Chosen) -> Iterable[int]:
        done = len(chosen.others)
        for page in pages(sorted(chosen.versions), DAGS_AT_ONCE):
            self._pin({dag_id: found[dag_id] for dag_id in page}, chosen)
            done += len(page)
            yield done

    def _pin(self, found: Mapping[str, Pin], chosen: Chosen) -> None:
        asked = []
        for dag_id, pin in found.items():
            try:
                if pinned_identity(pin) != chosen.versions[dag_id]:
                    conditions.check_hold(pin, self._change, now=self._now, session=self._session)
            except PinningError as held:
                self._block(pin, chosen.versions[dag_id], held)
            else:
                asked.append(Activation(pin, chosen.versions[dag_id], chosen.warnings.get(dag_id, ())))
        if not asked:
            return
        examined = activation.examine(EventKind.PINNED, asked, self._change, session=self._session)
        for dag_id, error in examined.refused.items():
            self._block(found[dag_id], chosen.versions[dag_id], error)
        self._claims += [claim_of(one.checked.readable, one.version.version_number) for one in examined.ready]
        changing = [one for one in examined.ready if not one.changes_nothing]
        was_pinned = {one.dag_id: one.pin.dag_version_id is not None for one in changing}
        told = {one.dag_id: one.warnings for one in changing}
        if self._writes and changing:
            told = activation.write(
                EventKind.PINNED,
                changing,
                self._change,
                {one.dag_id: self._request_of(one.dag_id) for one in changing},
                examined.rows,
                release_id=self._release_id,
                session=self._session,
            )
        for one in examined.ready:
            self._done[one.dag_id] = PlannedDag(
                one.dag_id,
                ReleaseOutcome.CHANGED if one.dag_id in told else ReleaseOutcome.UNCHANGED,
                was_pinned=was_pinned.get(one.dag_id, True),
                from_version=one.from_version,
                to_version=one.version,
                revision=one.pin.revision,
                warnings=told.get(one.dag_id, ()),
            )

    def _unpin_all(self, found: Mapping[str, Pin], dag_ids: Collection[str]) -> Iterable[int]:
        excluded = self._request.selection.exclude
        done = 0
        for page in pages(sorted(dag_ids), DAGS_AT_ONCE):
            latest = latest_of(page, session=self._session)
            if self._release_id is None:
                self._check_policies(found, page, latest)
            for dag_id in page:
                if dag_id in self._done:
                    continue
                self._unpin(dag_id, found.get(dag_id), latest.get(dag_id), is_excluded=dag_id in excluded)
            done += len(page)
            yield done

    def _check_policies(
        self, found: Mapping[str, Pin], dag_ids: Collection[str], latest: Mapping[str, VersionIdentity]
    ) -> None:
        """Say which rules stand in the way of lifting pins, as lifting them checks it."""
        planned = [
            PlannedChange(dag_id, ChangeKind.UNPIN, latest.get(dag_id), self._change.caller.name)
            for dag_id in dag_ids
            if dag_id not in self._request.selection.exclude
            and dag_id in found
            and found[dag_id].dag_version_id is not None
        ]
        for dag_id, decision in decide(planned, self._change, session=self._session).items():
            if isinstance(decision, PinningError):
                self._block(found[dag_id], latest.get(dag_id), decision)

    def _unpin(self, dag_id: str, pin: Pin | None, latest: VersionIdentity | None, *, is_excluded: bool) -> None:
        if is_excluded:
            self._done[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.LEFT, reason="excluded", message="It was excluded from the release."
            )
            return
        if pin is None or pin.dag_version_id is None:
            self._done[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.UNCHANGED, reason="not_pinned", message="It is not pinned."
            )
            return
        before = pinned_identity(pin)
        try:
            conditions.check_hold(pin, self._change, now=self._now, session=self._session)
            warnings: tuple[str, ...] = ()
            if self._writes:
                warnings = pins.lift(
                    pin,
                    latest,
                    self._change,
                    self._request_of(dag_id),
                    release_id=self._release_id,
                    session=self._session,
                )
        except PinningError as error:
            self._block(pin, latest, error)
            return
        self._done[dag_id] = PlannedDag(
            dag_id,
            ReleaseOutcome.CHANGED,
            was_pinned=True,
            from_version=before,
            to_version=latest,
            revision=pin.revision,
            warnings=warnings,
        )

    def _block(self, pin: Pin, version: VersionIdentity | None, error: PinningError) -> None:
        self._done[pin.dag_id] = PlannedDag.blocked(
            pin.dag_id,
            error,
            was_pinned=pin.dag_version_id is not None,
            from_version=pinned_identity(pin),
            to_version=version,
        )

    def _request_of(self, dag_id: str) -> dict[str, Any]:
        return {"action": "release", "dag_id": dag_id, "release_id": self._release_id}
