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
"""Compare a version's runs with those of the version that it would replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from airflow_providers_pinning.domain.soak.timing import Pair, Timing, between_pairs, between_samples, ratio
from airflow_providers_pinning.domain.soak.verdict import Judgement
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import Verdict


@dataclass(frozen=True)
class Tolerance:
    """How much worse than the baseline a version may be."""

    max_duration_ratio: float = 1.5
    """Maximum ratio of the median duration of its runs to the baseline's."""
    max_failure_rate_increase: float = 0.05
    """Maximum increase of the failure rate over the baseline's. It is a difference, so a baseline of zero works too."""
    min_duration_difference: float = 5.0
    """Seconds by which its runs must take longer to be slower, whatever the ratio is: short runs vary by as much."""
    min_duration_runs: int = 3
    """Required successful runs on each side, or pairs of replay and original, to judge durations."""


@dataclass(frozen=True)
class Sample:
    """The finished runs of one version."""

    failures: int
    durations: tuple[float, ...]
    """Seconds that the tasks of each successful run took, without waiting time."""
    runs: int

    @property
    def failure_rate(self) -> float:
        """Share of failed runs."""
        return self.failures / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class Comparison:
    """The result of the comparison, with its sample sizes."""

    judgement: Judgement
    runs: int
    baseline_runs: int
    failure_rate: float
    baseline_failure_rate: float
    median_duration: float | None
    baseline_median_duration: float | None
    duration_ratio: float | None
    duration_difference: float | None
    """Difference of the median to the baseline's, in seconds."""
    duration_method: str
    """``mann-whitney``, or ``ratio`` if the samples are too small for a test or scipy is not installed."""
    p_value: float | None
    p90_duration: float | None
    """The 90th percentile of the durations of its runs."""
    baseline_p90_duration: float | None
    p90_ratio: float | None
    """Ratio of the 90th percentiles, which is shown but not judged."""
    pairs: int
    """Number of replays whose duration is compared with their original, a run of the baseline."""
    paired_duration_ratio: float | None
    """Median of the pairs' ratios."""
    paired_duration_difference: float | None
    """Median of the pairs' differences, in seconds."""
    paired_duration_method: str
    """``wilcoxon``, or ``ratio`` if there are too few pairs for a test or scipy is not installed."""
    paired_p_value: float | None
    duration_judged_by: str
    """``pairs`` if there are enough of them, because their inputs are the same, else ``runs``."""


def compare(candidate: Sample, baseline: Sample, tolerance: Tolerance, pairs: Sequence[Pair] = ()) -> Comparison:
    """
    Compare failure rates by their difference, and durations by a rank test if there are enough samples.

    If there are enough pairs, durations are judged by them, so that the amount of data in each run does not matter.

    :param candidate: the runs to judge
    :param baseline: the runs to compare them with
    :param tolerance: how much worse they may be
    :param pairs: durations of replays and their originals
    """
    by_runs, by_pairs = between_samples(candidate.durations, baseline.durations), between_pairs(pairs)
    has_pairs = by_pairs.runs >= tolerance.min_duration_runs
    worst, baseline_worst = _p90(candidate.durations), _p90(baseline.durations)
    return Comparison(
        judgement=_judge(candidate, baseline, by_pairs if has_pairs else by_runs, tolerance, paired=has_pairs),
        runs=candidate.runs,
        baseline_runs=baseline.runs,
        failure_rate=candidate.failure_rate,
        baseline_failure_rate=baseline.failure_rate,
        median_duration=median(candidate.durations) if candidate.durations else None,
        baseline_median_duration=median(baseline.durations) if baseline.durations else None,
        duration_ratio=by_runs.ratio,
        duration_difference=by_runs.difference,
        duration_method=by_runs.method,
        p_value=by_runs.p_value,
        p90_duration=worst,
        baseline_p90_duration=baseline_worst,
        p90_ratio=None if worst is None or baseline_worst is None else ratio(worst, baseline_worst),
        pairs=by_pairs.runs,
        paired_duration_ratio=by_pairs.ratio,
        paired_duration_difference=by_pairs.difference,
        paired_duration_method=by_pairs.method,
        paired_p_value=by_pairs.p_value,
        duration_judged_by="pairs" if has_pairs else "runs",
    )


def _p90(durations: tuple[float, ...]) -> float | None:
    if len(durations) < 2:
        return durations[0] if durations else None
    return quantiles(durations, n=10, method="inclusive")[-1]


def _judge(candidate: Sample, baseline: Sample, timing: Timing, tolerance: Tolerance, *, paired: bool) -> Judgement:
    increase = candidate.failure_rate - baseline.failure_rate
    if candidate.runs and increase > tolerance.max_failure_rate_increase:
        against = (
            f"against {baseline.failure_rate:.0%} of {plural(baseline.runs, 'baseline run')}"
            if baseline.runs
            else "and there are no baseline runs to compare with"
        )
        return Judgement(
            Verdict.FAILED,
            "more_failures_than_baseline",
            f"{candidate.failure_rate:.0%} of {plural(candidate.runs, 'run')} failed, {against}.",
        )
    if timing.is_slower(tolerance.max_duration_ratio, tolerance.min_duration_difference):
        return _slower(timing, tolerance, paired=paired)
    if not baseline.runs or timing.ratio is None:
        return Judgement(Verdict.INCONCLUSIVE, "no_baseline", "Not enough successful runs to compare.")
    return Judgement(
        Verdict.SUCCESSFUL, "as_good_as_baseline", f"No regression against {plural(baseline.runs, 'baseline run')}."
    )


def _slower(timing: Timing, tolerance: Tolerance, *, paired: bool) -> Judgement:
    difference = f"{timing.difference:.1f} seconds more"
    if paired:
        seen = f"Replays take {timing.ratio:.2f} times as long as their originals, {difference}"
    else:
        seen = f"The median duration is {timing.ratio:.2f} times the baseline's, {difference}"
    if timing.runs < tolerance.min_duration_runs:
        return Judgement(
            Verdict.INCONCLUSIVE,
            "too_few_durations",
            f"{seen}, but there {'is' if timing.runs == 1 else 'are'} only {plural(timing.runs, 'successful run')} on "
            f"one side; {tolerance.min_duration_runs} are needed to judge durations.",
        )
    return Judgement(Verdict.FAILED, "slower_than_baseline", f"{seen}; the limit is {tolerance.max_duration_ratio}.")
