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
"""A term that is smaller than the greatest by this factor does not change the sum."""


@dataclass(frozen=True)
class Criteria:
    """When a soak is over, and with which result."""

    min_runs: int = 3
    """Required finished runs. At least one always is."""
    min_duration: timedelta = timedelta()
    """Minimum duration of the soak."""
    max_failures: int = 0
    """Failed runs to tolerate. One more fails the soak."""
    consecutive_successes: int | None = None
    """Required consecutive successful runs, counted back from the newest."""
    max_output_differences: int | None = None
    """
    Outputs that may differ between replays and their originals, all together. ``None`` reports them and judges nothing.
    """
    inconclusive_after: timedelta | None = None
    """Time after which an undecided soak is inconclusive; ``None`` waits forever."""


@dataclass(frozen=True)
class Evidence:
    """Observations about a version since its soak began."""

    since: datetime
    """When the soak began."""
    successes: int = 0
    """Number of successful runs."""
    failures: int = 0
    """Number of failed runs."""
    consecutive_successes: int = 0
    """Number of successful runs since the last failed one."""
    running: int = 0
    """Unfinished runs."""
    cleared: int = 0
    """Cleared runs, whose outcome is not that of their first try."""
    not_evidence: int = 0
    """Finished runs that are not evidence, because no task ran, or their state was set by hand."""
    failed_tasks: int = 0
    """Runs that count as failed because a task failed after all retries, although the run was successful."""
    known_failures: int = 0
    """Successful runs whose failed tasks are ignored, or also fail in live runs."""
    retried_tasks: int = 0
    """Total number of tasks with more than one try."""
    withheld_effects: int = 0
    """Number of withheld effects on live runs."""
    replays: int = 0
    """Finished replays that were compared with their originals."""
    replays_not_compared: int = 0
    """Finished replays that could not be compared with their originals."""
    replays_pending: int = 0
    """Number of these that wait for the active version's replay."""
    output_differences: int = 0
    """Total number of outputs that differ, without ignored ones."""
    outputs_set_aside: tuple[str, ...] = ()
    """Number of ignored differences, in outputs in which the active version also differs from itself."""
    first_run_at: datetime | None = None
    last_run_at: datetime | None = None
    notes: tuple[str, ...] = ()
    """Sentences on runs that are not evidence, failed for other reasons than their tasks, or were altered later."""

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
    """Machine-readable reason."""
    message: str


def judge(evidence: Evidence, criteria: Criteria, now: datetime) -> Judgement:
    """
    Judge a soak. An exceeded limit counts at once, whatever else is missing.

    Missing data never passes: without enough runs, the soak continues, or becomes inconclusive when its time is up.
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
    Return the upper confidence bound of the failure rate, after Clopper and Pearson.

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
    Return the probability of at most this number of failures, at a rate above the observed one.

    That of exactly this number is computed from its logarithm, because its factors overflow a float for a thousand
    runs.
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
    Yield the probability of each smaller number of failures, relative to that of exactly this number.

    At a rate above the observed one, each is less likely than the one before, so only a few matter.
    """
    relative, odds = 1.0, (1 - rate) / rate
    while relative > _NEGLIGIBLE:
        yield relative
        relative *= failures / (runs - failures + 1) * odds
        failures -= 1
