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
"""Views of ramps in progress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.monitoring.ramp_runs import count_runs, present_step
from airflow_providers_pinning.domain.ramp_steps import Step, runs_until
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import RampStatus


@dataclass(frozen=True)
class StepState:
    """View of a step."""

    share: float
    runs: int | None
    duration: float | None
    """Duration in seconds."""


@dataclass(frozen=True)
class RampSummary:
    """A ramp in progress for lists, without the runs of its version, which take a statement to count."""

    id: int
    status: str
    version: VersionIdentity
    """The version that gets a share."""
    steps: tuple[StepState, ...]
    step: int
    """Number of the current step, starting at 1."""
    share: float
    """Current share of new runs that get the version; 0 while the ramp is paused."""
    step_since: datetime
    started_at: datetime
    max_failures: int
    promotion: str
    actor: str
    reason: str
    message: str | None
    """What keeps it from advancing."""

    def __str__(self) -> str:
        number = self.version.version_number
        return (
            f"{number} paused" if self.status != RampStatus.RUNNING.value else f"{number} at {self.share * 100:.4g} %"
        )


@dataclass(frozen=True)
class RampState(RampSummary):
    """A ramp in progress, with its progress."""

    finished: int
    """Finished runs of the version in the current step."""
    needed: int
    """Number of finished runs that the step needs."""
    failed: int
    """Failed runs of the version since the ramp began."""
    unfinished: int
    next_in: int | None
    """How many runs from now the version is used next, where 1 is the next run; ``None`` if the run ID decides."""

    def as_dict(self) -> dict[str, Any]:
        """Return a description of the ramp as plain JSON values."""
        return {
            "id": self.id,
            "status": self.status,
            "version_number": self.version.version_number,
            "step": self.step,
            "steps": len(self.steps),
            "share": self.share,
            "actor": self.actor,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        step = self.steps[self.step - 1]
        shown = f"step {self.step} of {len(self.steps)}, {Step.from_dict(asdict(step))}"
        runs = f"{self.finished} of {self.needed} runs finished, {self.failed} failed"
        return f"version {self.version.version_number} {self.status}: {shown}; {runs}{self._next()}"

    def _next(self) -> str:
        if self.status != RampStatus.RUNNING.value or self.next_in is None:
            return ""
        if self.next_in == 1:
            return "; the next run gets it"
        return f"; the next {plural(self.next_in - 1, 'run')} {'does' if self.next_in == 2 else 'do'} not get it"


def ramp_of(pin: Pin | None, *, session: Session) -> RampState | None:
    """Return the ramp in progress of a Dag, if there is one."""
    if pin is None or pin.ramp_id is None:
        return None
    ramp = session.get(Ramp, pin.ramp_id)
    if ramp is None:
        return None
    step, counts = present_step(ramp), count_runs(ramp, session=session)
    return RampState(
        **_summary(ramp),
        finished=counts.finished,
        needed=step.needed_runs,
        failed=counts.failed,
        unfinished=counts.unfinished,
        next_in=runs_until(step, earlier=counts.all_runs, had_it=counts.had_it),
    )


def ramps_of(pins: Iterable[Pin], *, session: Session) -> dict[str, RampSummary]:
    """Return the ramps in progress of several Dags, by Dag ID, with at most one statement."""
    ids = [pin.ramp_id for pin in pins if pin.ramp_id is not None]
    return {
        ramp.dag_id: RampSummary(**_summary(ramp))
        for some in pages(ids)
        for ramp in session.scalars(select(Ramp).where(Ramp.id.in_(some)))
    }


def _summary(ramp: Ramp) -> dict[str, Any]:
    return {
        "id": ramp.id,
        "status": ramp.status,
        "version": VersionIdentity.from_dict(ramp.to_version),
        "steps": tuple(StepState(**one) for one in ramp.steps),
        "step": ramp.step + 1,
        "share": float(present_step(ramp).share) if ramp.status == RampStatus.RUNNING.value else 0.0,
        "step_since": ramp.step_since,
        "started_at": ramp.started_at,
        "max_failures": ramp.max_failures,
        "promotion": ramp.promotion,
        "actor": ramp.actor,
        "reason": ramp.reason,
        "message": ramp.message,
    }
