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

import pytest
from airflow._shared.timezones import timezone
from airflow.utils.state import DagRunState

from airflow_providers_pinning.cli import waiting
from airflow_providers_pinning.domain.changes import canary
from tests.support.api import PINNING


@pytest.fixture
def run_canaries(orders):
    """Return a function that runs canaries of version 2 that end in the given states."""

    def run(*states):
        request = canary.CanaryRequest(2, count=len(states))
        canary.create_canary_runs("orders", request, orders.change(), session=orders.session)
        now = timezone.utcnow()
        for run, state in zip(orders.runs("orders")[-len(states) :], states, strict=True):
            run.state, run.start_date, run.end_date = state, now, now
        orders.session.commit()

    return run


GOOD, BAD, RUNNING = DagRunState.SUCCESS, DagRunState.FAILED, DagRunState.RUNNING


@pytest.mark.parametrize(
    ("states", "criteria", "verdict", "code"),
    [
        ([GOOD] * 3, (), "successful", 0),
        ([GOOD, RUNNING], (), "progressing", 10),
        ([GOOD, BAD], (), "failed", 11),
        ([GOOD, BAD], ("--max-failures", 1, "--min-runs", 2), "successful", 0),
        ([GOOD], ("--max-wait", 0), "inconclusive", 12),
        ([GOOD, GOOD], ("--min-runs", 1, "--consecutive-successes", 3), "progressing", 10),
        ([GOOD] * 3, ("--min-duration", 3600), "progressing", 10),
        ([GOOD] * 3, ("--run-kinds", "live"), "progressing", 10),
        ([BAD] * 3, ("--since", "2100-01-01"), "progressing", 10),
    ],
    ids=str,
)
def test_the_exit_code_is_the_verdict(states, criteria, verdict, code, run_canaries, pinning):
    run_canaries(*states)

    done = pinning("soak", "orders", "-V", 2, *criteria)
    assert (done.code, done.table["verdict"]) == (code, verdict)


def test_limit_by_both_names_is_refused_if_they_differ(run_canaries, pinning):
    run_canaries(GOOD)
    refused = pinning("soak", "orders", "-V", 2, "--max-wait", 3600, "--inconclusive-after", 7200.5)
    assert refused.code == 2
    assert "--inconclusive-after/--max-wait: is given twice, as 3600 and 7200.5; use only one" in refused.err
    assert pinning("soak", "orders", "-V", 2, "--max-wait", 3600, "--inconclusive-after", 3600).code == 10


@pytest.mark.parametrize("options", [(), ("--compare",)], ids=["alone", "compared"])
def test_is_what_the_rest_api_answers(options, run_canaries, pinning, api):
    run_canaries(GOOD, BAD, RUNNING)

    found = pinning("soak", "orders", "-V", 2, *options, "-o", "json").json
    answer = api().get(f"{PINNING}/dags/orders/versions/2/soak", params={"compare": bool(options)}).json()
    for seen in (found, answer):
        assert seen["evidence"].pop("soaked_seconds") >= 0
    assert found == answer


def test_a_comparison_is_shown(run_canaries, pinning):
    run_canaries(GOOD, GOOD, GOOD)

    done = pinning("soak", "orders", "-V", 2, "--compare")
    assert done.table["compared with"] == "3 (sha3)"
    assert done.table["comparison"].startswith("inconclusive: ")


def test_of_an_unmanaged_version_is_refused(pinning, orders):
    done = pinning("soak", "orders", "-V", 3)

    assert (done.code, "not_managed" in done.err) == (3, True)


def test_waiting_ends_with_the_verdict(run_canaries, pinning, monkeypatch):
    run_canaries(GOOD, GOOD)
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: run_canaries(BAD))

    assert pinning("soak", "orders", "-V", 2, "--wait").code == 11


def test_waiting_gives_up_after_the_timeout(run_canaries, pinning):
    run_canaries(GOOD)

    assert pinning("soak", "orders", "-V", 2, "--wait", "--timeout", 0.05).code == 10
