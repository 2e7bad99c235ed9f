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
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_providers_pinning.domain.soak import verdict
from airflow_providers_pinning.domain.soak.baseline import Sample, Tolerance, compare
from airflow_providers_pinning.domain.soak.timing import can_test, can_test_pairs
from airflow_providers_pinning.domain.soak.verdict import Criteria, Evidence, failure_rate_upper_bound, judge
from airflow_providers_pinning.vocabulary import Verdict

BEGAN = datetime(2026, 3, 29, tzinfo=timezone.utc)
NOW = BEGAN + timedelta(hours=1)


def verdict_of(outcomes: str, criteria: Criteria, after: timedelta = timedelta(hours=1)) -> Verdict:
    evidence = Evidence(
        since=BEGAN,
        successes=outcomes.count("+"),
        failures=outcomes.count("-"),
        consecutive_successes=len(outcomes) - 1 - outcomes.rfind("-"),
    )
    return judge(evidence, criteria, BEGAN + after).verdict


@pytest.mark.parametrize(
    ("outcomes", "max_failures", "expected"),
    [
        ("+++", 0, Verdict.SUCCESSFUL),
        ("++-", 0, Verdict.FAILED),
        ("++-", 1, Verdict.SUCCESSFUL),
        ("-+-", 1, Verdict.FAILED),
        ("-", 0, Verdict.FAILED),
    ],
)
def test_soak_fails_with_one_failure_more_than_tolerated(outcomes, max_failures, expected):
    assert verdict_of(outcomes, Criteria(min_runs=3, max_failures=max_failures)) is expected


def test_soak_without_any_run_is_never_a_pass():
    assert verdict_of("", Criteria(min_runs=3)) is Verdict.PROGRESSING
    assert verdict_of("", Criteria(min_runs=3, inconclusive_after=timedelta(minutes=5))) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("after", "expected"),
    [(timedelta(seconds=59.9), Verdict.PROGRESSING), (timedelta(seconds=60), Verdict.SUCCESSFUL)],
)
def test_minimum_duration_is_met_exactly_when_it_has_passed(after, expected):
    assert verdict_of("+++", Criteria(min_duration=timedelta(seconds=60)), after) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [(timedelta(seconds=59.9), Verdict.PROGRESSING), (timedelta(seconds=60), Verdict.INCONCLUSIVE)],
)
def test_soak_is_inconclusive_exactly_when_the_wait_is_over(after, expected):
    assert verdict_of("+", Criteria(min_runs=3, inconclusive_after=timedelta(seconds=60)), after) is expected


def test_failure_counts_even_when_the_wait_is_over():
    assert verdict_of("+-", Criteria(inconclusive_after=timedelta(seconds=60))) is Verdict.FAILED


@pytest.mark.parametrize(("outcomes", "expected"), [("-++", Verdict.SUCCESSFUL), ("++-+", Verdict.PROGRESSING)])
def test_consecutive_successes_are_counted_from_the_newest_run(outcomes, expected):
    assert verdict_of(outcomes, Criteria(min_runs=1, max_failures=5, consecutive_successes=2)) is expected


def test_clock_that_went_back_does_not_end_a_soak():
    assert verdict_of("+++", Criteria(min_duration=timedelta(minutes=1)), timedelta(hours=-1)) is Verdict.PROGRESSING


@pytest.mark.parametrize(("runs", "bound"), [(3, 0.63), (10, 0.26), (59, 0.05)])
def test_clean_runs_leave_a_known_upper_bound_of_the_failure_rate(runs, bound):
    assert failure_rate_upper_bound(0, runs) == pytest.approx(bound, abs=0.005)


def test_upper_bound_agrees_with_the_beta_quantile():
    from scipy.stats import beta

    for failures, runs in ((1, 10), (3, 20), (9, 10)):
        assert failure_rate_upper_bound(failures, runs) == pytest.approx(
            beta.ppf(0.95, failures + 1, runs - failures), abs=1e-6
        )
    assert failure_rate_upper_bound(4, 4) == 1.0


@pytest.mark.parametrize(
    ("failures", "runs"), [(400, 1_100), (140, 16_000), (5_000, 10_000), (9_999, 10_000), (80, 500_000), (0, 1_000_000)]
)
def test_upper_bound_of_very_many_runs_agrees_with_the_beta_quantile(failures, runs):
    from scipy.stats import beta

    assert failure_rate_upper_bound(failures, runs) == pytest.approx(
        beta.ppf(0.95, failures + 1, runs - failures), rel=1e-6
    )


@pytest.mark.parametrize(("failures", "bound"), [(0, 0.95), (1, 1.0)])
def test_upper_bound_of_a_single_run(failures, bound):
    assert failure_rate_upper_bound(failures, 1) == pytest.approx(bound)


def test_upper_bound_of_runs_that_all_failed_is_one():
    assert failure_rate_upper_bound(1_000_000, 1_000_000) == 1.0


def test_very_many_failures_are_not_added_up_one_by_one():
    added = sum(1 for _ in verdict._fewer(500_000, 1_000_000, 0.5005))
    assert added < 10_000


@pytest.mark.parametrize(("candidate", "needed"), [(1, 39), (2, 8), (3, 5)])
def test_rank_test_needs_enough_baseline_runs(candidate, needed):
    assert can_test(candidate, needed)
    assert not can_test(candidate, needed - 1)


def test_rank_test_of_very_many_runs_is_possible():
    assert can_test(1_000_000, 1_000_000)
    assert can_test(1, 10**400)
    assert not can_test(0, 10**400)


def sample(*durations: float, failures: int = 0) -> Sample:
    return Sample(failures=failures, durations=durations, runs=len(durations) + failures)


def test_small_samples_are_compared_by_ratio_and_say_so():
    result = compare(sample(20.0, 22.0, 21.0), sample(10.0, 10.0, 10.0), Tolerance(max_duration_ratio=1.5))
    assert (result.judgement.verdict, result.judgement.reason) == (Verdict.FAILED, "slower_than_baseline")
    assert result.duration_method == "ratio"


def test_large_samples_are_compared_by_a_rank_test():
    result = compare(sample(20, 22, 21, 23), sample(10, 11, 12, 10, 11, 12), Tolerance())
    assert result.judgement.verdict is Verdict.FAILED
    assert result.duration_method == "mann-whitney"
    assert result.p_value < 0.05


def test_difference_that_may_be_chance_does_not_fail():
    result = compare(sample(10, 100, 9, 40), sample(12, 90, 11, 14, 13), Tolerance(max_duration_ratio=1.1))
    assert result.judgement.verdict is Verdict.SUCCESSFUL


def test_durations_of_fewer_runs_than_are_needed_fail_nothing_and_pass_nothing():
    early = compare(sample(19.0, 19.0), sample(10.0, 10.0, 10.0), Tolerance())
    later = compare(sample(19.0, 19.0, 13.3, 13.3, 13.3), sample(10.0, 10.0, 10.0), Tolerance())

    assert (early.judgement.verdict, early.judgement.reason) == (Verdict.INCONCLUSIVE, "too_few_durations")
    assert early.judgement.message == (
        "The median duration is 1.90 times the baseline's, 9.0 seconds more, but there are only 2 successful runs on "
        "one side; 3 are needed to judge durations."
    )
    assert later.judgement.verdict is Verdict.SUCCESSFUL


@pytest.mark.parametrize(("seconds", "verdict"), [(5.0, Verdict.SUCCESSFUL), (4.0, Verdict.FAILED)])
def test_difference_of_few_seconds_is_no_matter_whatever_the_ratio_is(seconds, verdict):
    slower = compare(sample(6.0, 6.0, 6.0), sample(1.5, 1.5, 1.5), Tolerance(min_duration_difference=seconds))

    assert slower.judgement.verdict is verdict


class TestPairs:
    FAST, SLOW = tuple((10.0 + n, 10.0 + n) for n in range(6)), tuple((30.0 + n, 10.0 + n) for n in range(6))

    def test_of_replays_and_originals_judge_instead_of_runs_on_other_inputs(self):
        more_data = compare(sample(*[60.0] * 6), sample(*[10.0] * 6), Tolerance(), self.FAST)
        slower = compare(sample(*[30.0] * 6), sample(*[30.0] * 6), Tolerance(), self.SLOW)

        assert more_data.judgement.verdict is Verdict.SUCCESSFUL
        assert (more_data.duration_ratio, more_data.paired_duration_ratio) == (6.0, 1.0)
        assert slower.judgement.reason == "slower_than_baseline"
        assert slower.judgement.message.startswith("Replays take 2.60 times as long as their originals, 20.0 seconds")
        assert (slower.pairs, slower.duration_judged_by) == (6, "pairs")

    def test_are_tested_by_signed_ranks_where_there_are_enough(self):
        five, six = (compare(sample(30.0), sample(10.0), Tolerance(), self.SLOW[:number]) for number in (5, 6))

        assert (five.paired_duration_method, five.paired_p_value) == ("ratio", None)
        assert six.paired_duration_method == "wilcoxon"
        assert six.paired_p_value < 0.05

    def test_that_differ_by_chance_fail_nothing(self):
        mixed = ((40.0, 10.0), (41.0, 11.0), (42.0, 12.0), (43.0, 13.0), (10.0, 60.0), (11.0, 62.0), (12.0, 64.0))

        compared = compare(sample(10.0), sample(10.0), Tolerance(), mixed)

        assert compared.paired_duration_ratio > 3
        assert compared.judgement.verdict is Verdict.SUCCESSFUL

    def test_that_are_too_few_leave_it_to_all_runs(self):
        compared = compare(sample(*[10.0] * 3), sample(*[10.0] * 3), Tolerance(), self.SLOW[:2])

        assert (compared.judgement.verdict, compared.duration_judged_by) == (Verdict.SUCCESSFUL, "runs")

    def test_without_any_difference_need_no_test(self):
        assert compare(sample(10.0), sample(10.0), Tolerance(), self.FAST).paired_p_value is None

    @pytest.mark.parametrize(("number", "possible"), [(5, False), (6, True), (10_000, True)])
    def test_can_be_significant_from_six_on(self, number, possible):
        assert can_test_pairs(number) is possible


def test_any_increase_over_the_floor_fails_against_a_baseline_of_zero():
    result = compare(sample(10, 10, failures=1), sample(10, 10, 10), Tolerance(max_failure_rate_increase=0.05))
    assert result.judgement.reason == "more_failures_than_baseline"


def test_failures_without_a_baseline_are_not_told_as_worse_than_nothing():
    judgement = compare(sample(10, failures=1), sample(), Tolerance()).judgement
    assert judgement.message == "50% of 2 runs failed, and there are no baseline runs to compare with."


def test_comparison_without_a_baseline_is_inconclusive():
    assert compare(sample(10.0), sample(), Tolerance()).judgement.verdict is Verdict.INCONCLUSIVE


def test_no_criterion_can_be_so_low_that_no_run_is_needed():
    assert verdict_of("", Criteria(min_runs=0)) is Verdict.PROGRESSING


class TestOutputDifferences:
    @pytest.mark.parametrize(
        ("tolerated", "differ", "verdict"),
        [(None, 9, Verdict.SUCCESSFUL), (0, 0, Verdict.SUCCESSFUL), (2, 2, Verdict.SUCCESSFUL), (2, 3, Verdict.FAILED)],
    )
    def test_are_judged_only_if_asked(self, tolerated, differ, verdict):
        seen = Evidence(since=BEGAN, successes=3, consecutive_successes=3, replays=3, output_differences=differ)

        judged = judge(seen, Criteria(max_output_differences=tolerated), NOW)

        assert judged.verdict == verdict

    def test_message_says_how_many(self):
        seen = Evidence(since=BEGAN, successes=3, replays=1, output_differences=1)

        judged = judge(seen, Criteria(max_output_differences=0), NOW)

        assert (judged.reason, judged.message) == (
            "outputs_differ",
            "1 replay of live runs differs in 1 output; 0 tolerated.",
        )

    def test_without_a_replay_there_is_nothing_to_judge_by(self):
        seen = Evidence(since=BEGAN, successes=3)

        judged = judge(seen, Criteria(max_output_differences=0), NOW)

        assert judged.verdict == Verdict.PROGRESSING
        assert "a replay that was compared with its original" in judged.message
