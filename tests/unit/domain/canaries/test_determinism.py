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
"""Replays by the active version tell which outputs are not deterministic."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import delete

from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.domain.soak.soak import SoakQuestion, soak
from airflow_providers_pinning.domain.soak.verdict import Criteria, Verdict
from tests.support.api import PINNING
from tests.support.replays import DAY, differences, pairs, push, replay

CRITERIA = Criteria(min_runs=1, max_output_differences=0)


@pytest.fixture
def trio(canaries, live):
    """Return the ids of a live run, and of its replays by the candidate and by the active version, which run."""
    original = live()
    created = replay(canaries, last=1, baseline=True)
    [run_id], [baseline] = created.run_ids, created.baseline_replays
    for of in (run_id, baseline):
        canaries.let_start(of)
    return original, run_id, baseline


@pytest.fixture
def judge(session):
    return lambda: soak("orders", 2, SoakQuestion(CRITERIA), session=session)


def random_and_wrong(session, original, run_id, baseline):
    """Let a task push something random, and the candidate compute something else as well."""
    for number, of in enumerate((original, run_id, baseline)):
        push(session, of, "extract", "at", number)
        push(session, of, "load", "rows", 8 if of == run_id else 7)


def test_both_versions_replay_the_same_run_each_with_its_own_code(canaries, trio):
    original, run_id, baseline = trio

    runs = [canaries.run(of) for of in (original, run_id, baseline)]

    assert [canaries.lab.used_versions(run) for run in runs] == [{1}, {2}, {1}]
    assert [run.data_interval_end for run in runs] == [DAY + timedelta(days=1)] * 3
    assert len({run.logical_date for run in runs}) == 3
    assert canaries.record(run_id).baseline_run_id == baseline
    assert (canaries.record(baseline).replay_of, canaries.record(baseline).baseline_run_id) == (original, None)


@pytest.mark.parametrize("first", ["candidate", "baseline"])
def test_outputs_in_which_the_active_version_differs_too_are_set_aside_by_name(canaries, trio, session, judge, first):
    original, run_id, baseline = trio
    random_and_wrong(session, original, run_id, baseline)
    for of in (run_id, baseline) if first == "candidate" else (baseline, run_id):
        canaries.finish(of)

    [pair] = pairs(session)
    assert differences(pair) == [("xcom", "load", "rows", "7", "8")]
    assert (pair.comparison["differences"], pair.comparison["set_aside"]) == (1, ["xcom extract.at"])
    evidence = judge().evidence
    assert (evidence.replays, evidence.output_differences, evidence.outputs_set_aside) == (1, 1, ("xcom extract.at",))
    aside = "1 output is ignored, because the active version differs from itself in it too: xcom extract.at."
    assert aside in evidence.notes


def test_version_that_differs_only_by_chance_passes(canaries, trio, session, judge):
    for number, of in enumerate(trio):
        push(session, of, "extract", "at", number)
    for of in trio[1:]:
        canaries.finish(of)

    assert judge().judgement.verdict is Verdict.SUCCESSFUL


def test_nothing_is_judged_before_the_active_version_has_finished(canaries, trio, session, judge):
    _, run_id, _ = trio
    random_and_wrong(session, *trio)
    canaries.finish(run_id)

    [pair] = pairs(session)
    assert pair.comparison["problem"] == "The replay by the active version has not finished."
    judged = judge()
    assert judged.judgement.verdict is Verdict.PROGRESSING
    assert "1 replay cannot be compared until the active version has replayed the same runs." in judged.evidence.notes


def test_replay_that_was_deleted_before_it_finished_sets_nothing_aside(canaries, trio, session, judge):
    random_and_wrong(session, *trio)
    canaries.finish(trio[1])
    session.execute(delete(DagRun).where(DagRun.run_id == trio[2]))
    session.commit()

    assert pairs(session)[0].comparison["differences"] == 2
    assert judge().judgement.reason == "outputs_differ"


def test_task_that_fails_in_both_is_no_difference_and_still_a_failure(canaries, trio, session, judge):
    for of in trio[1:]:
        canaries.finish(of, extract="failed")

    [pair] = pairs(session)
    assert pair.comparison["differences"] == 0
    assert "state extract" in pair.comparison["set_aside"]
    assert judge().judgement.reason == "too_many_failures"


def test_it_needs_a_pinned_version_that_is_another_one(canaries, live):
    live()

    with pytest.raises(NothingToReplayError, match=r"is the active version itself. Omit the baseline"):
        replay(canaries, 1, last=1, baseline=True)
    canaries.lab.unpin("orders")
    with pytest.raises(NothingToReplayError, match="the next commit could rewrite the active version"):
        replay(canaries, 1, runs=("live__2026-01-05",), baseline=True)


class TestFaces:
    def test_replays_of_both_are_told_apart_through_the_api(self, canaries, live, api, session):
        original = live()
        body = {"version_number": 2, "replay": {"last": 1}, "replay_baseline": True, "idempotency_key": "once"}
        created, again = (api().post(f"{PINNING}/dags/orders/canaryRuns", json=body).json() for _ in range(2))
        [run_id], [baseline] = created["run_ids"], created["baseline_replays"]
        assert (created["replays"], created["baseline_replays"]) == ({run_id: original}, {baseline: original})
        assert again["baseline_replays"] == created["baseline_replays"]
        for of in (run_id, baseline):
            canaries.let_start(of)
        for number, of in enumerate((original, run_id, baseline)):
            push(session, of, "extract", "at", number)
        for of in (run_id, baseline):
            canaries.finish(of)

        [pair] = api().get(f"{PINNING}/dags/orders/versions/2/replays").json()["replays"]
        assert (pair["differences"], pair["set_aside"], pair["baseline_run_id"]) == (0, ["xcom extract.at"], baseline)
        evidence = api().get(f"{PINNING}/dags/orders/versions/2/soak").json()["evidence"]
        assert evidence["outputs_set_aside"] == ["xcom extract.at"]
        history = api().get(f"{PINNING}/dags/orders/events").json()["events"][0]
        assert history["evidence"]["baseline_replays"] == created["baseline_replays"]

    def test_baseline_without_a_replay_is_refused(self, canaries, api):
        body = {"version_number": 2, "replay_baseline": True}
        answer = api().post(f"{PINNING}/dags/orders/canaryRuns", json=body)
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_request")
