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
The steps of a ramp, and which runs of a Dag get its version.

Pure functions: in a retried transaction, they return the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from hashlib import sha256
from typing import Any

from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import RampPromotion


@dataclass(frozen=True)
class Step:
    """
    A share of new runs, and what it takes for the next step.

    With ``runs``, every k-th run has the version, as a Dag with few runs must not leave it to chance. Without, a hash
    of the run's id decides.
    """

    share: Decimal
    """Above 0, and 1 at most."""
    runs: int | None = None
    """Finished runs of the version that are needed; without it, one."""
    duration: timedelta = timedelta()
    """Time that must have passed since the step began."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Step:
        """Return what :meth:`as_dict` wrote."""
        return cls(Decimal(str(values["share"])), values.get("runs"), timedelta(seconds=values.get("duration") or 0))

    def as_dict(self) -> dict[str, Any]:
        """Return the step as JSON values, the duration in seconds."""
        return {"share": float(self.share), "runs": self.runs, "duration": self.duration.total_seconds() or None}

    @property
    def needed_runs(self) -> int:
        """Finished runs that are needed; a step never ends without any."""
        return max(self.runs or 1, 1)

    def __str__(self) -> str:
        parts = [f"{(self.share * 100).normalize():f} %"]
        if self.runs is not None:
            parts.append(f"until {plural(self.runs, 'run')} finished")
        if self.duration:
            parts.append(f"for {self.duration}")
        return " ".join(parts)


def steps_of(values: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return steps from what is stored."""
    return tuple(Step.from_dict(one) for one in values)


@dataclass(frozen=True)
class Ramped:
    """The ramp that a version goes through, as policies look at it."""

    steps: tuple[Step, ...]
    max_failures: int
    is_passed: bool
    """Whether its last step is passed; of a ramp that is about to start, that it would be."""

    def has_passed(self, wanted: Sequence[Step]) -> bool:
        """Return whether it is passed, tolerated no failed run, and had each of the wanted steps or a stricter one."""
        return self.is_passed and not self.max_failures and all(map(self._has, wanted))

    def _has(self, wanted: Step) -> bool:
        return any(
            step.share <= wanted.share
            and step.needed_runs >= wanted.needed_runs
            and step.duration >= wanted.duration
            and (wanted.runs is None or step.runs is not None)
            for step in self.steps
        )


def takes(step: Step, *, dag_id: str, run_id: str, earlier: int, had_it: int) -> bool:
    """
    Return whether a new run has the ramp's version.

    A step that counts gives it to a run while fewer have it than the share says. Who creates runs at the same time does
    not see the other's: that is made up for by the next runs, as it would not be if every k-th run by its place had it.

    :param step: the present step
    :param dag_id: the Dag
    :param run_id: id of the run
    :param earlier: runs of the Dag since the step began, whichever version they have; looked at if the step counts
    :param had_it: those of them that have the version
    """
    if step.runs is not None:
        return had_it < _whole(step.share, earlier + 1)
    # The step is not part of it: who has the version at 10 % has it at 50 % too.
    return Decimal(_place(dag_id, run_id)) < step.share * 2**64


def runs_until(step: Step, *, earlier: int, had_it: int) -> int | None:
    """
    Return how many runs from now the next one has the version, 1 being the next run.

    :param step: the present step
    :param earlier: runs of the Dag since the step began
    :param had_it: those of them that have the version
    :return: ``None`` if the step does not count
    """
    if step.runs is None:
        return None
    needed = (Decimal(had_it + 1) / step.share).to_integral_value(ROUND_CEILING)
    return max(int(needed) - earlier, 1)


def _whole(share: Decimal, runs: int) -> int:
    return int((share * runs).to_integral_value(ROUND_FLOOR))


def _place(dag_id: str, run_id: str) -> int:
    """Return where a run is on a scale of 64 bits."""
    return int.from_bytes(sha256(f"{dag_id}\0{run_id}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Plan:
    """How a version gains its share."""

    steps: Sequence[Step]
    max_failures: int = 0
    """Failed runs of the version that are tolerated, in all steps together; the ramp is aborted with one more."""
    promotion: RampPromotion = RampPromotion.AUTOMATIC

    def as_request(self) -> dict[str, Any]:
        """Return the plan as plain values, for comparing requests."""
        return {
            "steps": [step.as_dict() for step in self.steps],
            "max_failures": self.max_failures,
            "promotion": self.promotion.value,
        }
