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
"""Compare a version's runs with those of the version it would replace."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from statistics import median, quantiles

from airflow_providers_pinning.domain.soak.verdict import Judgement
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import Verdict

SIGNIFICANCE = 0.05

LEAST_SECONDS = 1.0
"""What a shorter duration is taken for: the start of a task's process takes as long, and varies."""


@dataclass(frozen=True)
class Tolerance:
    """How much worse than the baseline a version may be."""

    max_duration_ratio: float = 1.5
    """Median duration of its runs, relative to the baseline's."""
    max_failure_rate_increase: float = 0.05
    """Failure rate above the baseline's, as a difference, so that a baseline of zero works too."""


@dataclass(frozen=True)
class Sample:
    """The finished runs of one version."""

    failures: int
    durations: tuple[float, ...]
    """Seconds that the tasks of each successful run took, without the time that they waited."""
    runs: int

    @property
    def failure_rate(self) -> float:
        """Share of failed runs."""
        return self.failures / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class Comparison:
    """What the comparison found, with its sample sizes."""

    judgement: Judgement
    runs: int
    baseline_runs: int
    failure_rate: float
    baseline_failure_rate: float
    median_duration: float | None
    baseline_median_duration: float | None
    duration_ratio: float | None
    duration_method: str
    """``mann-whitney``, or ``ratio`` where the samples are too small for a test or scipy is not installed."""
    p_value: float | None
    p90_duration: float | None
    """Duration that the worst tenth of its runs exceeds."""
    baseline_p90_duration: float | None
    p90_ratio: float | None
    """Shown beside the median's ratio, and not judged."""


def can_test(candidate: int, baseline: int) -> bool:
    """
    Tell whether a two-sided rank test of these sample sizes can be significant at all.

    With three candidate runs it takes at least five baseline runs, with two eight, with one thirty-nine.
    """
    if not (candidate and baseline):
        return False
    # There are at least as many orders as runs; very many runs have more orders than can be written down.
    runs, orders = candidate + baseline, 2 / SIGNIFICANCE
    return runs >= orders or comb(runs, candidate) >= orders


def compare(candidate: Sample, baseline: Sample, tolerance: Tolerance) -> Comparison:
    """Compare failure rates by their difference and durations by a rank test where samples allow."""
    ours = median(candidate.durations) if candidate.durations else None
    theirs = median(baseline.durations) if baseline.durations else None
    ratio = _ratio(ours, theirs)
    worst, baseline_worst = _p90(candidate.durations), _p90(baseline.durations)
    p_value = _p_value(candidate.durations, baseline.durations)
    return Comparison(
        judgement=_judge(candidate, baseline, ratio, p_value, tolerance),
        runs=candidate.runs,
        baseline_runs=baseline.runs,
        failure_rate=candidate.failure_rate,
        baseline_failure_rate=baseline.failure_rate,
        median_duration=ours,
        baseline_median_duration=theirs,
        duration_ratio=ratio,
        duration_method="ratio" if p_value is None else "mann-whitney",
        p_value=p_value,
        p90_duration=worst,
        baseline_p90_duration=baseline_worst,
        p90_ratio=_ratio(worst, baseline_worst),
    )


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    if ours is None or theirs is None:
        return None
    return max(ours, LEAST_SECONDS) / max(theirs, LEAST_SECONDS)


def _p90(durations: tuple[float, ...]) -> float | None:
    if len(durations) < 2:
        return durations[0] if durations else None
    return quantiles(durations, n=10, method="inclusive")[-1]


def _judge(
    candidate: Sample, baseline: Sample, ratio: float | None, p_value: float | None, tolerance: Tolerance
) -> Judgement:
    increase = candidate.failure_rate - baseline.failure_rate
    if candidate.runs and increase > tolerance.max_failure_rate_increase:
        against = (
            f"against {baseline.failure_rate:.0%} of {plural(baseline.runs, 'baseline run')}"
            if baseline.runs
            else "and there is no baseline run to compare with"
        )
        return Judgement(
            Verdict.FAILED,
            "more_failures_than_baseline",
            f"{candidate.failure_rate:.0%} of {plural(candidate.runs, 'run')} failed, {against}.",
        )
    slower = ratio is not None and ratio > tolerance.max_duration_ratio
    if slower and (p_value is None or p_value <= SIGNIFICANCE):
        return Judgement(
            Verdict.FAILED,
            "slower_than_baseline",
            f"The median duration is {ratio:.2f} times the baseline's; {tolerance.max_duration_ratio} is tolerated.",
        )
    if not baseline.runs or ratio is None:
        return Judgement(
            Verdict.INCONCLUSIVE, "no_baseline", "There are not enough successful runs on both sides to compare."
        )
    return Judgement(
        Verdict.SUCCESSFUL, "as_good_as_baseline", f"No worse than {plural(baseline.runs, 'baseline run')}."
    )


def _p_value(candidate: tuple[float, ...], baseline: tuple[float, ...]) -> float | None:
    if not can_test(len(candidate), len(baseline)):
        return None
    try:
        from scipy.stats import mannwhitneyu
    except ImportError:
        return None
    return float(mannwhitneyu(candidate, baseline, alternative="two-sided").pvalue)
