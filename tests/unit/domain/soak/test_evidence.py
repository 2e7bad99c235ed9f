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
"""What counts as evidence, of runs that the scheduler finished and that people altered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, update

from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import FailedTasks, RunKind, Verdict
from tests.support.canaries import Canaries, dag_with_tasks

CHAIN = {"extract": "all_success", "load": "all_success"}
GREEN_ANYWAY = {"extract": "all_success", "load": "all_done"}


@pytest.fixture
def dag(lab, scheduler):
    """Return a function that pins version 1 and registers version 2 of a Dag, and returns its canary runs."""

    def register(rules=CHAIN, arguments="schedule='@daily'"):
        lab.commit("sha1", orders=dag_with_tasks(rules, arguments))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_with_tasks({**rules, "more": "all_success"}, arguments))
        return Canaries(lab, scheduler)

    return register


@pytest.fixture
def judge(session):
    """Return a function that judges a version by one run at least."""

    def ask(number=2, **question):
        session.expire_all()
        return soak.soak("orders", number, SoakQuestion(Criteria(min_runs=1), **question), session=session)

    return ask


def live(canaries, run_id, **states):
    """Let a live run go through, whose tasks end as given."""
    trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=canaries.session)
    canaries.session.execute(update(DagRun).where(DagRun.run_id == run_id).values(run_type="scheduled"))
    canaries.let_start(run_id)
    canaries.finish(run_id, **states)


def test_run_without_a_task_is_told_and_not_counted(dag, judge, session):
    canaries = dag()
    run_id = canaries.start()
    session.execute(delete(TaskInstance))
    session.commit()
    canaries.finish(run_id)

    judged = judge()

    assert (judged.judgement.verdict, judged.evidence.runs, judged.evidence.not_evidence) == (Verdict.PROGRESSING, 0, 1)
    assert judged.evidence.notes == ("1 run is no evidence: it has no tasks.",)
    assert judged.judgement.message.endswith("1 run is no evidence: it has no tasks.")


def test_hanging_run_that_was_set_to_success_is_told_and_not_counted(dag, judge, jan):
    run_id = dag().start()
    jan("PATCH", f"dagRuns/{run_id}", state="success")

    judged = judge()

    assert judged.judgement.verdict is Verdict.PROGRESSING
    assert judged.evidence.notes == ("1 run is no evidence: set to success by jan.",)


def test_runs_that_are_no_evidence_for_the_same_reason_are_told_together(dag, judge, jan):
    canaries = dag()
    for run_id in (canaries.start(), canaries.start()):
        jan("PATCH", f"dagRuns/{run_id}", state="success")

    assert judge().evidence.notes == ("2 runs are no evidence: set to success by jan.",)


def test_failed_run_that_was_deleted_still_fails_the_soak(dag, judge, jan):
    canaries = dag()
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")
    jan("DELETE", f"dagRuns/{run_id}")
    canaries.finish(canaries.start())

    judged = judge()

    assert (judged.judgement.verdict, judged.evidence.runs) == (Verdict.FAILED, 2)
    assert judged.evidence.notes == ("1 run failed (later deleted by jan).",)


def test_failed_run_that_was_cleared_and_succeeded_still_fails_the_soak(dag, judge, jan):
    canaries = dag()
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")
    jan("POST", f"dagRuns/{run_id}/clear", dry_run=False)
    canaries.finish(run_id)

    judged = judge()

    assert (judged.judgement.verdict, judged.evidence.failures, judged.evidence.cleared) == (Verdict.FAILED, 1, 1)
    assert judged.evidence.notes == ("1 run failed (later cleared by jan).",)


def test_successful_run_that_was_deleted_still_counts(dag, judge, jan):
    canaries = dag()
    run_id = canaries.start()
    canaries.finish(run_id)
    jan("DELETE", f"dagRuns/{run_id}")

    judged = judge()

    assert judged.judgement.verdict is Verdict.SUCCESSFUL
    assert judged.evidence.notes == ("1 run succeeded (later deleted by jan).",)


def test_run_that_timed_out_says_so(dag, judge, session):
    canaries = dag(arguments="schedule='@daily', dagrun_timeout=timedelta(minutes=5)")
    run_id = canaries.start()
    canaries.run(run_id).start_date = timezone.utcnow() - timedelta(hours=1)
    session.commit()
    canaries.finish(run_id)

    judged = judge()

    assert judged.judgement.verdict is Verdict.FAILED
    assert judged.evidence.notes == ("1 run failed, since it exceeded the Dag's dagrun_timeout.",)


class TestTaskThatFailsInAGreenRun:
    def test_fails_the_run(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        canaries.finish(canaries.start(), extract="failed")

        judged = judge()

        assert (judged.judgement.verdict, judged.evidence.failures) == (Verdict.FAILED, 1)
        assert judged.evidence.failed_tasks == 1
        assert judged.evidence.notes == ("1 run failed in task extract, whatever it ended as.",)

    def test_is_passed_over_if_live_runs_of_the_active_version_fail_in_it_too(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        live(canaries, "live", extract="failed")
        canaries.finish(canaries.start(), extract="failed")

        judged = judge()

        assert (judged.judgement.verdict, judged.evidence.successes) == (Verdict.SUCCESSFUL, 1)
        assert (judged.evidence.failed_tasks, judged.evidence.known_failures) == (0, 1)
        assert judged.evidence.notes == ("1 run ended well although task extract failed.",)

    def test_fails_the_run_if_live_runs_fail_in_another_one(self, dag, judge):
        canaries = dag({"extract": "all_success", "check": "all_success", "load": "all_done"})
        live(canaries, "live", check="failed")
        canaries.finish(canaries.start(), extract="failed")

        assert judge().judgement.verdict is Verdict.FAILED

    def test_is_passed_over_if_one_asks_for_it(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        canaries.finish(canaries.start(), extract="failed")

        judged = judge(failed_tasks=FailedTasks.IGNORE)

        assert (judged.judgement.verdict, judged.evidence.successes) == (Verdict.SUCCESSFUL, 1)
        assert judged.evidence.consecutive_successes == 1

    def test_breaks_a_row_of_successes(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        canaries.finish(canaries.start())
        canaries.finish(canaries.start(), extract="failed")
        canaries.finish(canaries.start())

        assert judge().evidence.consecutive_successes == 1

    def test_fails_a_live_run_of_a_bake(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        canaries.lab.pin("orders", 2)
        live(canaries, "first", extract="failed")
        live(canaries, "second")

        judged = judge(run_kinds=RunKind.LIVE)

        assert (judged.judgement.verdict, judged.evidence.failures, judged.evidence.successes) == (Verdict.FAILED, 1, 1)
        assert judged.evidence.notes == ("1 run failed in task extract, whatever it ended as.",)

    def test_is_passed_over_in_a_bake_if_the_replaced_version_failed_in_it_too(self, dag, judge):
        canaries = dag(GREEN_ANYWAY)
        live(canaries, "before", extract="failed")
        canaries.lab.pin("orders", 2)
        live(canaries, "after", extract="failed")

        judged = judge(run_kinds=RunKind.LIVE)

        assert (judged.judgement.verdict, judged.evidence.known_failures) == (Verdict.SUCCESSFUL, 1)
        assert judged.evidence.notes == ("1 run ended well although task extract failed.",)


class TestLiveRun:
    def test_without_a_task_is_no_evidence(self, dag, judge, session):
        canaries = dag()
        canaries.lab.pin("orders", 2)
        live(canaries, "live")
        session.execute(delete(TaskInstance))
        session.commit()

        judged = judge(run_kinds=RunKind.LIVE)

        assert judged.judgement.verdict is Verdict.PROGRESSING
        assert judged.evidence.notes == ("1 run is no evidence: it has no tasks.",)

    def test_that_was_set_by_hand_is_no_evidence(self, dag, judge, jan):
        canaries = dag()
        canaries.lab.pin("orders", 2)
        live(canaries, "good")
        live(canaries, "bad", load="failed")
        jan("PATCH", "dagRuns/bad", state="success")
        jan("PATCH", "dagRuns/good", note="seen")

        judged = judge(run_kinds=RunKind.LIVE)

        assert (judged.evidence.successes, judged.evidence.not_evidence) == (1, 1)
        assert judged.evidence.notes == ("1 run is no evidence: set to success by jan.",)

    def test_that_was_set_by_hand_is_nothing_to_compare_with(self, dag, judge, jan):
        canaries = dag()
        live(canaries, "good")
        live(canaries, "bad", load="failed")
        jan("PATCH", "dagRuns/bad", state="success")
        canaries.finish(canaries.start())

        assert judge(tolerance=Tolerance()).comparison.baseline_runs == 1

    def test_that_was_set_by_hand_tells_no_duration(self, dag, judge, jan):
        canaries = dag()
        canaries.lab.pin("orders", 2)
        canaries.seconds = 10
        live(canaries, "good")
        canaries.seconds = 1000
        live(canaries, "bad", load="failed")
        jan("PATCH", "dagRuns/bad", state="success")

        assert judge(run_kinds=RunKind.LIVE, tolerance=Tolerance()).comparison.p90_duration == 30

    @pytest.mark.parametrize("path", ["orders", "~"])
    def test_that_was_set_by_hand_with_others_is_no_evidence(self, path, dag, judge, api, session):
        canaries = dag()
        canaries.lab.pin("orders", 2)
        for number in range(3):
            live(canaries, f"live_{number}", extract="failed")
        named = [{"dag_run_id": f"live_{number}", "dag_id": "orders", "state": "success"} for number in range(2)]
        others = [
            {"dag_run_id": "live_2", "dag_id": "orders", "note": "seen"},
            {"dag_run_id": "live_2", "dag_id": "other", "state": "success"},
        ]
        answer = api("op", username="jan").request(
            "PATCH",
            f"/api/v2/dags/{path}/dagRuns",
            json={"actions": [{"action": "update", "entities": named + others, "action_on_non_existence": "skip"}]},
        )
        assert len(answer.json()["update"]["success"]) == 3, answer.text

        judged = judge(run_kinds=RunKind.LIVE)

        assert (judged.evidence.failures, judged.evidence.not_evidence) == (1, 2)
        assert judged.evidence.notes == ("2 runs are no evidence: set to success by jan.",)

    @pytest.mark.parametrize(
        "extra",
        [
            '{"state": ',
            '["state": ]',
            '{"actions": null, "state": 1}',
            '{"actions": [{"action": "update"}, 1], "state": 1}',
            '{"actions": [{"action": "update", "entities": [{"dag_run_id": [1], "state": "success"}, "live_1"]}]}',
        ],
    )
    def test_is_judged_whatever_a_bulk_request_wanted(self, extra, dag, judge, session):
        canaries = dag()
        canaries.lab.pin("orders", 2)
        live(canaries, "live_1")
        session.add(Log(event="bulk_dag_runs", dag_id="orders", extra=extra))
        session.commit()

        assert judge(run_kinds=RunKind.LIVE).evidence.successes == 1

    @pytest.mark.parametrize(("schedule", "runs"), [("None", 1), ("'@daily'", 0), ("[Asset('raw')]", 0)])
    def test_is_a_triggered_one_if_the_dag_has_no_schedule(self, schedule, runs, dag, judge):
        canaries = dag(arguments=f"schedule={schedule}")
        canaries.lab.pin("orders", 2)
        trigger_dag(
            "orders", run_id="by_operator", triggered_by=DagRunTriggeredByType.OPERATOR, session=canaries.session
        )
        canaries.let_start("by_operator")
        canaries.finish("by_operator")

        assert judge(run_kinds=RunKind.LIVE).evidence.runs == runs


def test_every_kind_of_run_is_judged_together(dag, judge):
    canaries = dag(GREEN_ANYWAY)
    canaries.lab.pin("orders", 2)
    live(canaries, "live")
    canaries.finish(canaries.start(), extract="failed")

    judged = judge(run_kinds=RunKind.ANY)

    assert (judged.evidence.successes, judged.evidence.failures) == (1, 1)


def test_retries_and_withheld_effects_are_told(dag, judge, session):
    canaries = dag()
    run_id = canaries.start()
    canaries.finish(run_id)
    record = canaries.record(run_id)
    record.retried_tasks, record.withheld_effects = 2, 3
    session.commit()

    evidence = judge().evidence

    assert (evidence.retried_tasks, evidence.withheld_effects) == (2, 3)


def test_retries_of_live_runs_are_told(dag, judge, session):
    canaries = dag()
    canaries.lab.pin("orders", 2)
    live(canaries, "live")
    session.execute(update(TaskInstance).where(TaskInstance.task_id == "load").values(try_number=3))
    session.commit()

    assert judge(run_kinds=RunKind.LIVE).evidence.retried_tasks == 1


def test_durations_are_those_of_the_tasks_and_the_worst_tenth_stands_beside_the_median(dag, judge):
    canaries = dag()
    for number in range(3):
        live(canaries, f"live{number}")
    for seconds in (10, 10, 100):
        canaries.seconds = seconds
        canaries.finish(canaries.start())

    compared = judge(tolerance=Tolerance(max_duration_ratio=2)).comparison

    assert (compared.baseline_median_duration, compared.baseline_p90_duration) == (20, 20)
    assert (compared.median_duration, compared.p90_duration) == (30, pytest.approx(246))
    assert (compared.duration_ratio, compared.p90_ratio) == (1.5, pytest.approx(12.3))


class TestRunThatFinishedBeforeOutcomesWereRecorded:
    @pytest.fixture
    def old(self, dag, session):
        """Return a function that finishes a run, and takes its record back."""

        def finish(rules=CHAIN, **states):
            canaries = dag(rules)
            run_id = canaries.start()
            canaries.finish(run_id, **states)
            gone = dict.fromkeys(("state", "counts_as", "active_seconds", "retried_tasks", "withheld_effects"))
            session.execute(update(RoutedRun).values(gone))
            session.commit()
            return run_id

        return finish

    def test_counts_as_what_it_is(self, old, judge):
        old()
        judged = judge(tolerance=Tolerance())
        assert (judged.evidence.successes, judged.comparison.median_duration) == (1, 30)

    def test_counts_as_failed_if_it_failed(self, old, judge):
        old(load="failed")
        assert judge().judgement.verdict is Verdict.FAILED

    def test_counts_as_failed_if_a_task_failed(self, old, judge):
        old(GREEN_ANYWAY, extract="failed")
        assert judge().judgement.verdict is Verdict.FAILED

    @pytest.mark.parametrize("change", [{"clear_number": 1}, {}])
    def test_is_no_evidence_if_it_was_cleared_or_has_no_task(self, change, old, judge, session):
        old()
        session.execute(update(DagRun).values(change) if change else delete(TaskInstance))
        session.commit()
        assert (judge().evidence.runs, judge().evidence.not_evidence) == (0, 1)


def test_audit_log_of_another_dag_changes_nothing(dag, judge, session):
    canaries = dag()
    canaries.lab.pin("orders", 2)
    live(canaries, "live")
    session.add(Log(event="patch_dag_run", dag_id="other", run_id="live", extra='{"state": "success"}'))
    session.commit()

    assert judge(run_kinds=RunKind.LIVE).evidence.successes == 1
