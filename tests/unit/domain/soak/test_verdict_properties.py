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

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from math import comb

import time_machine
from hypothesis import given
from hypothesis import strategies as st

from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria, Evidence, failure_rate_upper_bound, judge
from airflow_providers_pinning.vocabulary import Verdict
from tests.support.sources import STABLE

BEGAN = datetime(2026, 10, 25, tzinfo=timezone.utc)

seconds = st.integers(0, 10_000).map(lambda n: timedelta(seconds=n))
evidences = st.builds(
    lambda in_a_row, successes, failures, running: Evidence(
        since=BEGAN,
        successes=in_a_row + (successes if failures else 0),
        failures=failures,
        consecutive_successes=in_a_row,
        running=running,
    ),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 3),
)
criteria = st.builds(
    Criteria,
    min_runs=st.integers(0, 6),
    min_duration=seconds,
    max_failures=st.integers(0, 4),
    consecutive_successes=st.none() | st.integers(1, 4),
    inconclusive_after=st.none() | seconds,
)


@given(evidences, criteria, seconds)
def test_success_means_that_every_criterion_is_met(evidence, wanted, passed):
    if judge(evidence, wanted, BEGAN + passed).verdict is Verdict.SUCCESSFUL:
        assert evidence.runs >= max(wanted.min_runs, 1)
        assert evidence.failures <= wanted.max_failures
        assert passed >= wanted.min_duration
        assert evidence.consecutive_successes >= (wanted.consecutive_successes or 0)


@given(evidences, criteria, seconds)
def test_failure_means_exactly_that_too_many_runs_failed(evidence, wanted, passed):
    failed = judge(evidence, wanted, BEGAN + passed).verdict is Verdict.FAILED
    assert failed == (evidence.failures > wanted.max_failures)


@given(evidences, criteria, seconds)
def test_one_more_failed_run_never_makes_a_verdict_better(evidence, wanted, passed):
    before = judge(evidence, wanted, BEGAN + passed).verdict
    worse = replace(evidence, failures=evidence.failures + 1, consecutive_successes=0)
    after = judge(worse, wanted, BEGAN + passed).verdict
    if before is Verdict.FAILED:
        assert after is Verdict.FAILED


@given(evidences, criteria, seconds)
def test_soak_without_a_limit_of_time_is_never_inconclusive(evidence, wanted, passed):
    assert judge(evidence, replace(wanted, inconclusive_after=None), BEGAN + passed).verdict is not Verdict.INCONCLUSIVE


@given(evidences, criteria, seconds, seconds)
def test_once_inconclusive_time_alone_brings_no_other_verdict_than_success(evidence, wanted, passed, more):
    if judge(evidence, wanted, BEGAN + passed).verdict is Verdict.INCONCLUSIVE:
        later = judge(evidence, wanted, BEGAN + passed + more).verdict
        assert later in (Verdict.INCONCLUSIVE, Verdict.SUCCESSFUL)


@given(st.integers(1, 60).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))))
def test_upper_bound_is_above_the_rate_and_falls_with_more_clean_runs(sample):
    failures, runs = sample
    bound = failure_rate_upper_bound(failures, runs)
    assert failures / runs <= bound <= 1
    assert failure_rate_upper_bound(failures, runs + 1) <= bound


@given(st.integers(1, 150).flatmap(lambda runs: st.tuples(st.integers(0, runs - 1), st.just(runs))))
def test_upper_bound_is_the_rate_at_which_so_few_failures_are_as_rare_as_the_confidence_says(sample):
    failures, runs = sample
    rate = Fraction(failure_rate_upper_bound(failures, runs))
    at_most = sum(comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(failures + 1))
    assert abs(at_most - Fraction(5, 100)) < 1e-9


@given(st.integers(1, 10**7).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))))
def test_upper_bound_of_any_number_of_runs_is_a_rate(sample):
    failures, runs = sample
    assert failures / runs <= failure_rate_upper_bound(failures, runs) <= 1


def test_minimum_duration_of_a_soak_ends_at_the_very_second(lab, session):
    lab.commit("sha1", orders=STABLE)
    hour = timedelta(hours=1)
    question = SoakQuestion(Criteria(min_runs=1, min_duration=hour, inconclusive_after=hour))
    with time_machine.travel(BEGAN, tick=False) as clock:
        lab.candidate("orders", 1)
        clock.shift(timedelta(minutes=59, seconds=59))
        assert soak.soak("orders", 1, question, session=session).judgement.verdict is Verdict.PROGRESSING
        clock.shift(timedelta(seconds=1))
        assert soak.soak("orders", 1, question, session=session).judgement.verdict is Verdict.INCONCLUSIVE
        clock.shift(timedelta(hours=-3))
        judged = soak.soak("orders", 1, question, session=session)
        assert judged.judgement.verdict is Verdict.PROGRESSING
