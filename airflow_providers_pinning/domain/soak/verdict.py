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
"""The verdict on a version: pure functions from evidence and criteria to one of four results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, lgamma, log, log1p

from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import Verdict

_NEGLIGIBLE = 1e-20
"""A term that is so much smaller than the greatest changes no digit of a sum."""


@dataclass(frozen=True)
class Criteria:
    """When a soak is over, and how."""

    min_runs: int = 3
    """Finished runs that are needed; at least one always is."""
    min_duration: timedelta = timedelta()
    """Time that must have passed since the soak began."""
    max_failures: int = 0
    """Failed runs that are tolerated: the soak fails with one more."""
    consecutive_successes: int | None = None
    """Successful runs in a row, counted from the newest, that are needed."""
    max_output_differences: int | None = None
    """
    Outputs that may differ between replays and their originals, all together. ``None`` reports them and judges nothing.
    """
    inconclusive_after: timedelta | None = None
    """Time after which a soak that is not decided is inconclusive; ``None`` waits for ever."""


@dataclass(frozen=True)
class Evidence:
    """What was observed of one version since its soak began."""

    since: datetime
    """When the soak began."""
    successes: int = 0
    """Number of successful runs."""
    failures: int = 0
    """Number of failed runs."""
    consecutive_successes: int = 0
    """Number of successful runs since the last failed one."""
    running: int = 0
    """Runs that are not finished."""
    cleared: int = 0
    """Runs that were cleared, so that their outcome is not that of their first try."""
    not_evidence: int = 0
    """Finished runs that say nothing: without a task that ran, or with a state that was set by hand."""
    failed_tasks: int = 0
    """Failed runs that ended well although a task failed after its retries."""
    known_failures: int = 0
    """Successful runs in which a task failed that fails in live runs too, or whose failed tasks are ignored."""
    retried_tasks: int = 0
    """Tasks that needed more than one try, in all runs together."""
    withheld_effects: int = 0
    """What the runs would have changed for live runs, and did not."""
    replays: int = 0
    """Finished replays that were compared with their originals."""
    replays_not_compared: int = 0
    """Finished replays that could not be compared with their originals."""
    replays_pending: int = 0
    """How many of these wait for the replay by the active version."""
    output_differences: int = 0
    """In how many outputs they differ, all together, without those that are set aside."""
    outputs_set_aside: tuple[str, ...] = ()
    """Outputs that differ, and in which the active version differs from itself too."""
    first_run_at: datetime | None = None
    last_run_at: datetime | None = None
    notes: tuple[str, ...] = ()
    """Sentences on runs that are no evidence, that failed otherwise than by their tasks, or that were altered later."""

    @property
    def runs(self) -> int:
        """Number of finished runs."""
        return self.successes + self.failures

    @property
    def failure_rate(self) -> float | None:
        """Share of failed runs, or ``None`` without runs."""
        return self.failures / self.runs if self.runs else None

    @property
    def failure_rate_upper_95(self) -> float | None:
        """Upper bound of the failure rate at 95 % confidence, or ``None`` without runs."""
        return failure_rate_upper_bound(self.failures, self.runs) if self.runs else None


@dataclass(frozen=True)
class Judgement:
    """A verdict and why."""

    verdict: Verdict
    reason: str
    """Machine word."""
    message: str


def judge(evidence: Evidence, criteria: Criteria, now: datetime) -> Judgement:
    """
    Judge a soak. A limit that is exceeded counts at once, whatever else is missing.

    No data is never a pass: without enough runs the soak goes on, or is inconclusive when the time is over.
    """
    if evidence.failures > criteria.max_failures:
        return Judgement(
            Verdict.FAILED,
            "too_many_failures",
            f"{evidence.failures} of {evidence.runs} finished runs failed (limit: {criteria.max_failures}).",
        )
    tolerated = criteria.max_output_differences
    if tolerated is not None and evidence.output_differences > tolerated:
        return Judgement(
            Verdict.FAILED,
            "outputs_differ",
            f"{plural(evidence.replays, 'replay')} of live runs {'differs' if evidence.replays == 1 else 'differ'} in "
            f"{plural(evidence.output_differences, 'output')}; {tolerated} tolerated.",
        )
    lacking = _lacking(evidence, criteria, now)
    if not lacking:
        return Judgement(
            Verdict.SUCCESSFUL,
            "criteria_met",
            f"{evidence.successes} of {evidence.runs} finished runs succeeded since {evidence.since.isoformat()}.",
        )
    if criteria.inconclusive_after is not None and now - evidence.since >= criteria.inconclusive_after:
        return Judgement(
            Verdict.INCONCLUSIVE,
            "no_data" if not evidence.runs else "not_enough_data",
            f"After {criteria.inconclusive_after} the soak still needs {' and '.join(lacking)}.",
        )
    return Judgement(Verdict.PROGRESSING, "soaking", f"The soak still needs {' and '.join(lacking)}.")


def _lacking(evidence: Evidence, criteria: Criteria, now: datetime) -> list[str]:
    lacking = []
    if (needed_runs := max(criteria.min_runs, 1)) > evidence.runs:
        lacking.append(plural(needed_runs - evidence.runs, "finished run"))
    if (missing := criteria.min_duration - (now - evidence.since)) > timedelta():
        lacking.append(f"{missing} of time")
    if criteria.max_output_differences is not None and not evidence.replays:
        lacking.append("a replay that was compared with its original")
    elif criteria.max_output_differences is not None and evidence.replays_not_compared:
        lacking.append(f"a comparison of {plural(evidence.replays_not_compared, 'replay')} with the original")
    if (needed := criteria.consecutive_successes) and evidence.consecutive_successes < needed:
        lacking.append(plural(needed - evidence.consecutive_successes, "success in a row", "successes in a row"))
    return lacking


def failure_rate_upper_bound(failures: int, runs: int, confidence: float = 0.95) -> float:
    """
    Return the failure rate that a sample rules out to be exceeded, after Clopper and Pearson.

    Three clean runs leave 63 %, ten leave 26 %, fifty-nine leave 5 %.

    :param failures: failed runs
    :param runs: all runs, at least one
    :param confidence: one-sided
    """
    if failures >= runs:
        return 1.0
    low, high = failures / runs, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        low, high = (rate, high) if _at_most(failures, runs, rate) > 1 - confidence else (low, rate)
    return high


def _at_most(failures: int, runs: int, rate: float) -> float:
    """
    Return the probability of no more failures than these, at a rate that is above theirs.

    That of exactly these is taken by its logarithm: of a thousand runs its factors are beyond what a float can hold.
    """
    if rate >= 1:
        return 0.0
    log_exactly = (
        lgamma(runs + 1)
        - lgamma(failures + 1)
        - lgamma(runs - failures + 1)
        + failures * log(rate)
        + (runs - failures) * log1p(-rate)
    )
    return exp(log_exactly) * sum(_fewer(failures, runs, rate))


def _fewer(failures: int, runs: int, rate: float) -> Iterator[float]:
    """
    Yield the probability of each smaller number of failures, relative to that of exactly these.

    At a rate above theirs each is less likely than the one before, so that few of very many count.
    """
    relative, odds = 1.0, (1 - rate) / rate
    while relative > _NEGLIGIBLE:
        yield relative
        relative *= failures / (runs - failures + 1) * odds
        failures -= 1
