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
"""Compare the durations of a version's runs with other runs, and with the originals of its replays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

SIGNIFICANCE = 0.05

LEAST_SECONDS = 1.0
"""Lower bound for durations, because starting a task's process takes about as long, and varies."""

Pair = tuple[float, float]
"""Durations of a replay and its original, in seconds."""


@dataclass(frozen=True)
class Timing:
    """Comparison of the durations of two samples, or of pairs."""

    runs: int
    """Size of the smaller sample, or number of pairs."""
    ratio: float | None
    """Ratio of the medians, or median of the pairs' ratios."""
    difference: float | None
    """The same for differences, in seconds. Positive means slower."""
    method: str
    """``mann-whitney`` or ``wilcoxon``; ``ratio`` if there are too few for a test, or scipy is not installed."""
    p_value: float | None

    def is_slower(self, max_ratio: float, min_difference: float) -> bool:
        """
        Return whether the runs are slower than tolerated, and significantly so if a test is possible.

        :param max_ratio: ratio to tolerate
        :param min_difference: smaller differences, in seconds, do not matter, whatever the ratio is
        """
        if self.ratio is None or self.difference is None:
            return False
        by_chance = self.p_value is not None and self.p_value > SIGNIFICANCE
        return self.ratio > max_ratio and self.difference >= min_difference and not by_chance


def between_samples(candidate: Sequence[float], baseline: Sequence[float]) -> Timing:
    """Compare durations of different runs, by a rank test if there are enough."""
    runs = min(len(candidate), len(baseline))
    if not runs:
        return Timing(0, None, None, "ratio", None)
    ours, theirs = median(candidate), median(baseline)
    p_value = _mann_whitney(candidate, baseline)
    method = "ratio" if p_value is None else "mann-whitney"
    return Timing(runs, ratio(ours, theirs), ours - theirs, method, p_value)


def between_pairs(pairs: Sequence[Pair]) -> Timing:
    """Compare durations of replays with those of their originals, by a signed-rank test if there are enough."""
    if not pairs:
        return Timing(0, None, None, "ratio", None)
    p_value = _wilcoxon(pairs)
    method = "ratio" if p_value is None else "wilcoxon"
    ratios = [ratio(ours, theirs) for ours, theirs in pairs]
    return Timing(len(pairs), median(ratios), median(ours - theirs for ours, theirs in pairs), method, p_value)


def ratio(ours: float, theirs: float) -> float:
    """Return the ratio of two durations."""
    return max(ours, LEAST_SECONDS) / max(theirs, LEAST_SECONDS)


def can_test(candidate: int, baseline: int) -> bool:
    """
    Return whether a two-sided rank test of these sample sizes can be significant at all.

    With three candidate runs it takes at least five baseline runs, with two eight, with one thirty-nine.
    """
    if not (candidate and baseline):
        return False
    # There are at least as many orders as runs. For very many runs, their number would not fit in memory.
    runs, orders = candidate + baseline, 2 / SIGNIFICANCE
    return runs >= orders or comb(runs, candidate) >= orders


def can_test_pairs(pairs: int) -> bool:
    """Return whether a two-sided signed-rank test of this number of unequal pairs can be significant. It takes six."""
    return 2 * 0.5**pairs <= SIGNIFICANCE


def _mann_whitney(candidate: Sequence[float], baseline: Sequence[float]) -> float | None:
    if not can_test(len(candidate), len(baseline)):
        return None
    try:
        from scipy.stats import mannwhitneyu
    except ImportError:
        return None
    return float(mannwhitneyu(candidate, baseline, alternative="two-sided").pvalue)


def _wilcoxon(pairs: Sequence[Pair]) -> float | None:
    differences = [ours - theirs for ours, theirs in pairs if ours != theirs]
    if not can_test_pairs(len(differences)):
        return None
    try:
        from scipy.stats import wilcoxon
    except ImportError:
        return None
    return float(wilcoxon(differences, alternative="two-sided").pvalue)
