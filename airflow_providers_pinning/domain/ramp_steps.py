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

These are pure functions, so they return the same result in a retried transaction.
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
    A share of new runs, and what completes the step.

    With ``runs``, every k-th run gets the version, because chance would not be reliable for a Dag with few runs.
    Without, a hash of the run ID decides.
    """

    share: Decimal
    """Above 0, and at most 1."""
    runs: int | None = None
    """Required number of finished runs of the version; ``None`` means one."""
    duration: timedelta = timedelta()
    """Minimum duration of the step."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Step:
        """Return what :meth:`as_dict` wrote."""
        return cls(Decimal(str(values["share"])), values.get("runs"), timedelta(seconds=values.get("duration") or 0))

    def as_dict(self) -> dict[str, Any]:
        """Return the step as JSON values, the duration in seconds."""
        return {"share": float(self.share), "runs": self.runs, "duration": self.duration.total_seconds() or None}

    @property
    def needed_runs(self) -> int:
        """Required number of finished runs. A step never ends without any."""
        return max(self.runs or 1, 1)

    def __str__(self) -> str:
        parts = [f"{(self.share * 100).normalize():f} %"]
        if self.runs is not None:
            parts.append(f"until {plural(self.runs, 'run')} finished")
        if self.duration:
            parts.append(f"for {self.duration}")
        return " ".join(parts)


def steps_of(values: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return steps from their stored form."""
    return tuple(Step.from_dict(one) for one in values)


@dataclass(frozen=True)
class Ramped:
    """The ramp of a version, for checking it against policies."""

    steps: tuple[Step, ...]
    max_failures: int
    is_passed: bool
    """Whether its last step is passed. For a ramp that is about to start, assume that it will be."""

    def has_passed(self, wanted: Sequence[Step]) -> bool:
        """Return whether it is passed, tolerated no failed run, and had each required step or a stricter one."""
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
    Return whether a new run gets the ramp's version.

    A step with ``runs`` gives it to a run as long as fewer runs have it than the share says. Transactions that create
    runs concurrently do not see each other's runs. The next runs make up for that, which would not happen if every k-th
    run by position got the version.

    :param step: the current step
    :param dag_id: the Dag
    :param run_id: ID of the run
    :param earlier: runs of the Dag since the step began, with any version; only used by steps with ``runs``
    :param had_it: those of them that have the version
    """
    if step.runs is not None:
        return had_it < _whole(step.share, earlier + 1)
    # The step is not part of the hash: a run that gets the version at 10 % would get it at 50 % too.
    return Decimal(_place(dag_id, run_id)) < step.share * 2**64


def runs_until(step: Step, *, earlier: int, had_it: int) -> int | None:
    """
    Return how many runs from now the version is used next, where 1 is the next run.

    :param step: the current step
    :param earlier: runs of the Dag since the step began
    :param had_it: those of them that have the version
    :return: ``None`` for a step without ``runs``
    """
    if step.runs is None:
        return None
    needed = (Decimal(had_it + 1) / step.share).to_integral_value(ROUND_CEILING)
    return max(int(needed) - earlier, 1)


def _whole(share: Decimal, runs: int) -> int:
    return int((share * runs).to_integral_value(ROUND_FLOOR))


def _place(dag_id: str, run_id: str) -> int:
    """Return the position of a run on a 64-bit scale."""
    return int.from_bytes(sha256(f"{dag_id}\0{run_id}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Plan:
    """The plan of a ramp."""

    steps: Sequence[Step]
    max_failures: int = 0
    """Failed runs of the version to tolerate, over all steps. One more aborts the ramp."""
    promotion: RampPromotion = RampPromotion.AUTOMATIC

    def as_request(self) -> dict[str, Any]:
        """Return the plan as plain values, for comparing requests."""
        return {
            "steps": [step.as_dict() for step in self.steps],
            "max_failures": self.max_failures,
            "promotion": self.promotion.value,
        }
