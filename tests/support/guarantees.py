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
What must hold of every Dag after every step, whatever the steps were.

A :class:`Watch` takes each step, tells whether what changed was allowed to change, and keeps what is needed to say
which version a run has: the timeline of each Dag, written down from what was asked for, not read from the pin store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import func, select

from airflow_providers_pinning.domain.changes.released import release_of
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.models import (
    Event,
    ManagedVersion,
    Pin,
    Ramp,
    Release,
    ReleaseDag,
    RoutedRun,
    TimedChange,
)
from airflow_providers_pinning.vocabulary import RampStatus, ReleaseOutcome, TimedStatus
from tests.support.clock import Clock
from tests.support.lab import Lab
from tests.support.sources import dag_file

DAGS = ("billing", "orders")
FREE = "free"
"""A Dag that nothing manages."""
VERSIONS = 3
"""Versions that are registered before the first step."""
BEGIN = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
ALWAYS = datetime(2000, 1, 1, tzinfo=timezone.utc)


def source(dag_id: str, number: int) -> str:
    """Return a Dag each version of which has another limit, task and, where it has one, schedule."""
    # A ramp counts the runs that somebody triggers only of a Dag without a schedule.
    schedule = None if dag_id == "billing" else f"*/{5 + number} * * * *"
    return dag_file(
        dag_id,
        f"schedule={schedule!r}, max_active_runs={50 + number}, tags=['v{number}']",
        tasks=f"extract task_{number}",
    )


def build(lab: Lab) -> None:
    """Register three Dags with some versions each, two of which are pinned to the first."""
    for number in range(1, VERSIONS + 1):
        lab.commit(f"sha{number}", **{dag_id: source(dag_id, number) for dag_id in (*DAGS, FREE)})
        for dag_id in DAGS:
            lab.candidate(dag_id, number)
    for dag_id in DAGS:
        lab.pin(dag_id, 1)


@dataclass(frozen=True)
class Seen:
    """A Dag's pin at a moment."""

    number: int | None
    active: int
    """What runs without a time of their own have."""
    revision: int
    hold: bool
    pending: tuple[datetime, str, int | None] | None
    """When, what, and which version."""
    ramp: tuple[int, int, str] | None
    """Its id, its version and its status."""
    breaker: str | None
    rejected: frozenset[int]


@dataclass
class Watch:
    """
    Watches a deployment.

    :param lab: the deployment
    :param clock: its clock
    """

    lab: Lab
    clock: Clock
    timeline: dict[str, list[tuple[datetime, int | None]]] = field(default_factory=dict)
    """From when on which version is pinned; ``None`` stands for the latest."""
    stored: dict[tuple[str, int], tuple] = field(default_factory=dict)
    """What managed versions consist of."""
    steps: list[str] = field(default_factory=list)
    runs: set[int] = field(default_factory=set)
    """Ids of the runs that were looked at."""
    before_timelines: dict[str, list[tuple[datetime, int | None]]] = field(default_factory=dict)
    """The timelines before the last step."""
    chosen: dict[str, set[int]] = field(default_factory=dict)
    """Versions that were active at some time."""
    free_runs: int = 0

    def __post_init__(self) -> None:
        for dag_id in DAGS:
            seen = self.see(dag_id)
            self.timeline[dag_id] = [(ALWAYS, seen.number)]
            self.chosen[dag_id] = {seen.active}
        self.check()

    def see(self, dag_id: str) -> Seen:
        """Read the pin of a Dag."""
        session = self.lab.session
        pin = session.get_one(Pin, dag_id, populate_existing=True)
        pending = session.scalar(
            select(TimedChange).where(TimedChange.dag_id == dag_id, TimedChange.status == TimedStatus.PENDING.value)
        )
        ramp = session.get(Ramp, pin.ramp_id) if pin.ramp_id else None
        rejected = session.scalars(
            select(ManagedVersion.version_number).where(
                ManagedVersion.dag_id == dag_id, ManagedVersion.state == "rejected"
            )
        )
        return Seen(
            number=pin.version_number,
            active=pin.version_number or self.lab.numbers(dag_id)[-1],
            revision=pin.revision,
            hold=pin.hold_at is not None,
            pending=pending
            and (pending.effective_from, pending.action, (pending.to_version or {}).get("version_number")),
            ramp=ramp and (ramp.id, ramp.to_version["version_number"], ramp.status),
            breaker=pin.breaker,
            rejected=frozenset(rejected),
        )

    def content(self, dag_id: str, number: int) -> int:
        """Return what a version was made of: the next commit rewrites one that nothing manages and that has no run."""
        content: int = self.lab.serialized(dag_id, number).data["dag"]["max_active_runs"] - 50
        return content

    def step(
        self,
        name: str,
        make: Callable[[], Any],
        *,
        allowed: Callable[[str, Seen, Seen], bool],
        refusal_writes: bool = False,
    ) -> bool:
        """
        Make a step, and check what became of it.

        :param name: what it is
        :param make: makes it, or is refused
        :param allowed: tells whether the choice of a Dag may change as it did
        :param refusal_writes: whether it may change something although it is refused
        :return: whether it was made
        """
        self.steps.append(name)
        session = self.lab.session
        before = {dag_id: self.see(dag_id) for dag_id in DAGS}
        counted = self._count()
        session.rollback()
        made = True
        # No two canary runs have the same logical date.
        self.clock.advance(0.1)
        try:
            make()
            session.commit()
        except PinningError as refused:
            session.rollback()
            made = False
            self.steps[-1] += f" [{refused.reason}]"
        session.expire_all()
        after = {dag_id: self.see(dag_id) for dag_id in DAGS}
        if not made and not refusal_writes:
            assert after == before, f"a refusal changed something: {self}"
            assert self._count() == counted, f"a refusal was written down: {self}"
        for dag_id in DAGS:
            self._compare(dag_id, before[dag_id], after[dag_id], allowed)
            self._look_at_new_runs(dag_id, before[dag_id], after[dag_id])
        self.check()
        return made

    def _count(self) -> list[int]:
        session = self.lab.session
        tables = (Event, Release, TimedChange, Ramp, DagRun, RoutedRun)
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    def _compare(self, dag_id: str, before: Seen, after: Seen, allowed: Callable[[str, Seen, Seen], bool]) -> None:
        """Check that a change of a choice is allowed and recorded, and note it in the timeline."""
        assert after.revision >= before.revision, self
        self.before_timelines[dag_id] = list(self.timeline[dag_id])
        times = self.timeline[dag_id]
        if before.pending and self._took_effect(dag_id, before.pending[0]):
            moment, _, number = before.pending
            # What was the latest version until then is known by now.
            times = [(at, one or before.active) for at, one in times if at < moment] + [(moment, number)]
        if after.number != times[-1][1]:
            times = [(ALWAYS, after.number)]
        self.timeline[dag_id] = times
        if after.number == before.number:
            return
        self.chosen[dag_id] |= {before.active, after.active}
        assert after.revision > before.revision, f"{dag_id} changed without a revision: {self}"
        told = select(func.count()).select_from(Event).where(Event.dag_id == dag_id, Event.revision == after.revision)
        assert self.lab.session.scalar(told), f"{dag_id} changed without an event: {self}"
        assert allowed(dag_id, before, after), f"{dag_id} went from {before} to {after}: {self}"

    def _took_effect(self, dag_id: str, moment: datetime) -> bool:
        newest = self.lab.session.scalar(
            select(TimedChange).where(TimedChange.dag_id == dag_id).order_by(TimedChange.id.desc()).limit(1)
        )
        # Another one may be pending by now, but not one that is in effect.
        return newest is not None and newest.status == TimedStatus.IN_EFFECT.value and newest.effective_from == moment

    def _version_for(
        self, times: list[tuple[datetime, int | None]], dag_id: str, run_after: datetime, pin: Seen
    ) -> int:
        latest = self.lab.numbers(dag_id)[-1]
        if pin.pending and run_after >= pin.pending[0]:
            return pin.pending[2] or latest
        return [number for moment, number in times if moment <= run_after][-1] or latest

    def _look_at_new_runs(self, dag_id: str, before: Seen, after: Seen) -> None:
        """A run has one version, with its tasks and its code: the one that was chosen for its time."""
        for run in self.lab.runs(dag_id):
            if run.id in self.runs:
                continue
            self.runs.add(run.id)
            [number] = self.lab.used_versions(run)
            assert run.bundle_version == self.lab.version(dag_id, number).bundle_version, self
            assert self.lab.task_ids(run) == {"extract", f"task_{self.content(dag_id, number)}"}, self
            routed = self.lab.session.get(RoutedRun, (dag_id, run.run_id))
            if routed is not None and routed.kind == "canary":
                continue
            right = {
                self._version_for(self.before_timelines[dag_id], dag_id, run.run_after, before),
                self._version_for(self.timeline[dag_id], dag_id, run.run_after, after),
            }
            if before.ramp and before.ramp[2] == RampStatus.RUNNING.value:
                right.add(before.ramp[1])
            assert number in right, f"a run of {run.run_after} of {dag_id} has version {number}, not {right}: {self}"

    def check(self) -> None:
        """Check what must hold at any time."""
        session = self.lab.session
        for dag_id in DAGS:
            pin = session.get_one(Pin, dag_id, populate_existing=True)
            seen = self.see(dag_id)
            assert (pin.pending_from is None) == (seen.pending is None), self
            assert seen.pending is None or pin.pending_from == seen.pending[0], self
            opened = session.scalars(
                select(Ramp.id).where(
                    Ramp.dag_id == dag_id, Ramp.status.in_([RampStatus.RUNNING.value, RampStatus.PAUSED.value])
                )
            ).all()
            assert opened == ([pin.ramp_id] if pin.ramp_id else []), self
            assert not (pin.ramp_id and seen.number is None), self
            self._check_dag_model(dag_id, seen)
            self._check_stored(dag_id)
            assert escaped_run_ids(dag_id, limit=5, session=session) == [], self
            assert release_state(dag_id, session=session).health.status.value != "broken", self
        scheduled = select(ReleaseDag.release_id, ReleaseDag.dag_id).where(
            ReleaseDag.outcome == ReleaseOutcome.SCHEDULED.value
        )
        waiting = {(row.release_id, row.dag_id) for row in session.execute(scheduled)}
        pending = session.scalars(select(TimedChange).where(TimedChange.status == TimedStatus.PENDING.value))
        assert waiting == {(of, change.dag_id) for change in pending if (of := release_of(change))}, self
        self._check_free()
        session.rollback()

    def _check_dag_model(self, dag_id: str, seen: Seen) -> None:
        """Schedule and limits are those of the active version."""
        model = self.lab.dag_model(dag_id)
        content = self.content(dag_id, seen.active)
        assert model.max_active_runs == 50 + content, self
        if seen.number is not None:
            assert model.bundle_version == self.lab.version(dag_id, seen.active).bundle_version, self
            assert dag_id == "billing" or model.timetable_summary == f"*/{5 + content} * * * *", self

    def _check_stored(self, dag_id: str) -> None:
        managed = self.lab.managed(dag_id)
        for number in managed:
            now = self.lab.bytes_of(dag_id, number)
            assert self.stored.setdefault((dag_id, number), now) == now, f"version {number} was altered: {self}"
        for key in [key for key in self.stored if key[0] == dag_id and key[1] not in managed]:
            del self.stored[key]

    def _check_free(self) -> None:
        """Nothing is written down of the Dag that nothing manages, and it uses its latest version."""
        session = self.lab.session
        for table in (Pin, ManagedVersion, Event, TimedChange, Ramp):
            assert not session.scalar(select(func.count()).where(table.dag_id == FREE)), self
        assert self.lab.dag_model(FREE).max_active_runs == 50 + self.content(FREE, self.lab.numbers(FREE)[-1]), self
        for run in self.lab.runs(FREE)[self.free_runs :]:
            assert self.lab.used_versions(run) == {self.lab.numbers(FREE)[-1]}, self
            self.free_runs += 1

    def __str__(self) -> str:
        return "\n".join(["", *self.steps])
