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

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from airflow_providers_pinning.domain.ramp_steps import Step, runs_until, takes

SHARES = st.integers(1, 1000).map(lambda thousandths: Decimal(thousandths) / 1000)


def has_it(share, run_id):
    """Return whether a run has the version in a step that does not count."""
    return takes(Step(share), dag_id="orders", run_id=run_id, earlier=0, had_it=0)


@given(SHARES, st.integers(1, 300))
def test_a_step_that_counts_gives_exactly_its_share(share, runs):
    step = Step(share, runs=1)

    taken = 0
    for earlier in range(runs):
        taken += takes(step, dag_id="orders", run_id="", earlier=earlier, had_it=taken)

    assert taken == int(share * runs)


@given(SHARES, st.integers(2, 5), st.integers(1, 100))
def test_a_step_that_counts_keeps_its_share_if_runs_are_always_created_at_the_same_time(share, together, rounds):
    step = Step(share, runs=1)

    taken = 0
    for earlier in range(0, rounds * together, together):
        taken += sum(takes(step, dag_id="", run_id="", earlier=earlier, had_it=taken) for _ in range(together))

    assert abs(taken - share * rounds * together) <= together


@given(SHARES, st.integers(0, 300), st.integers(0, 5))
def test_the_next_run_that_has_the_version_is_told(share, earlier, had_it):
    step = Step(share, runs=1)

    ahead = runs_until(step, earlier=earlier, had_it=had_it)

    answers = [takes(step, dag_id="", run_id="", earlier=earlier + n, had_it=had_it) for n in range(ahead)]
    assert answers == [False] * (ahead - 1) + [True]


@given(st.text(min_size=1, max_size=20), SHARES, SHARES)
def test_a_run_that_has_the_version_at_a_share_has_it_at_every_larger_one(run_id, one, other):
    smaller, larger = (
        takes(Step(share), dag_id="orders", run_id=run_id, earlier=0, had_it=0) for share in sorted((one, other))
    )

    assert larger or not smaller


def test_the_id_of_a_run_gives_about_the_share():
    taken = sum(has_it(Decimal("0.1"), f"run_{number}") for number in range(10_000))

    assert 900 < taken < 1100


def test_all_runs_have_the_version_at_a_share_of_one():
    assert all(
        takes(Step(Decimal(1)), dag_id="orders", run_id=f"run_{number}", earlier=0, had_it=0) for number in range(1000)
    )


@given(SHARES, st.none() | st.integers(1, 100), st.integers(0, 10**6))
def test_a_step_is_kept_as_json(share, runs, seconds):
    from datetime import timedelta

    step = Step(share, runs, timedelta(seconds=seconds))

    assert Step.from_dict(step.as_dict()) == step
