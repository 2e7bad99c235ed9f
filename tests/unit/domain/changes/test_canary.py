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

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.asset import AssetActive, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from airflow_providers_pinning.domain.errors import (
    InvalidConfError,
    NotManagedError,
    RunIdNotAllowedError,
    RunNotAllowedError,
    VersionDriftedError,
    VersionRejectedError,
)
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.models import Event, ManagedVersion, RoutedRun
from airflow_providers_pinning.vocabulary import RunKind, Verdict
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file

WITH_OUTLET = CHANGED.replace('EmptyOperator(task_id="load")', 'EmptyOperator(task_id="load", outlets=[NEW])').replace(
    "with DAG(", 'from airflow.sdk import Asset\n    NEW = Asset("new_orders")\n\n    with DAG('
)


def start(lab, number=2, *, count=1, conf=None, note=None, **conditions):
    runs = canary.create_canary_runs(
        "orders", CanaryRequest(number, count, conf, note), lab.change(**conditions), session=lab.session
    )
    lab.session.commit()
    return runs


def run_of(session, run_id):
    return session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()


@pytest.fixture
@remembered
def pinned(lab):
    lab.pin_first_of_two()
    return lab


def test_canary_run_has_everything_of_its_version_while_the_pin_stays(pinned, session):
    runs = start(pinned, conf={"name": "tried"})
    run = run_of(session, runs.run_ids[0])
    assert runs.run_ids[0].startswith("canary__v2__")
    assert runs.warnings == ()
    assert (run.bundle_version, run.created_dag_version.version_number) == ("sha2", 2)
    assert {ti.task_id for ti in run.task_instances} == {"extract", "transform", "load"}
    assert {ti.dag_version_id for ti in run.task_instances} == {run.created_dag_version_id}
    live = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    assert (live.bundle_version, live.created_dag_version.version_number) == ("sha1", 1)
    assert session.get(DagModel, "orders").bundle_version == "sha1"


def test_canary_is_not_an_escaped_run(pinned, session):
    start(pinned)
    assert escaped_runs(session=session) == []


def test_conf_is_validated_against_the_candidates_own_parameters(pinned):
    with pytest.raises(InvalidConfError, match="version 2"):
        start(pinned, conf={"name": 5})
    pinned.session.rollback()
    assert pinned.session.scalars(select(DagRun)).all() == []


def test_candidate_with_a_canary_run_is_not_overwritten_by_the_next_commit(pinned):
    start(pinned)
    before = pinned.bytes_of("orders", 2)
    pinned.commit("sha3", orders=STABLE)
    assert pinned.bytes_of("orders", 2) == before
    assert pinned.numbers("orders") == [1, 2, 3]


def test_repeated_request_creates_no_second_run(pinned, session):
    first = start(pinned, count=2, idempotency_key="task-1")
    repeated = start(pinned, count=2, idempotency_key="task-1")
    assert (first.repeated, repeated.run_ids) == (None, first.run_ids)
    assert repeated.repeated.version == first.version
    assert repeated.warnings[0] == "These runs were already created at revision 1; no new runs were created."
    assert len(session.scalars(select(DagRun)).all()) == 2


def test_rejected_version_gets_no_canary(pinned):
    pinned.reject("orders", 2)
    with pytest.raises(VersionRejectedError):
        start(pinned)


def test_canary_of_the_pinned_version_leaves_it_pinned(pinned):
    start(pinned, 1)
    assert pinned.managed("orders") == {1: "active"}


def test_version_that_allows_no_manual_runs_gets_no_canary(lab, session):
    lab.commit("sha1", orders=dag_file("orders", "schedule='@daily', allowed_run_types=['scheduled']"))
    with pytest.raises(RunNotAllowedError, match="allowed_run_types"):
        start(lab, 1)
    session.rollback()
    assert session.scalars(select(DagRun)).all() == []


@pytest.mark.parametrize("pattern", ["^(manual|scheduled)__[^ ]+$", ""])
def test_pattern_of_run_ids_that_refuses_canaries_is_named_before_anything_is_written(
    pinned, session, monkeypatch, pattern
):
    changes = len(session.scalars(select(Event)).all())
    monkeypatch.setenv("AIRFLOW__SCHEDULER__ALLOWED_RUN_ID_PATTERN", pattern)
    with pytest.raises(RunIdNotAllowedError, match=r"\[scheduler\] allowed_run_id_pattern") as refused:
        start(pinned)
    session.commit()
    assert session.scalars(select(DagRun)).all() == []
    assert len(session.scalars(select(Event)).all()) == changes
    assert pinned.managed("orders") == {1: "active"}
    allowing = refused.value.data["allowing_pattern"]
    assert repr(allowing) in refused.value.message
    monkeypatch.setenv("AIRFLOW__SCHEDULER__ALLOWED_RUN_ID_PATTERN", allowing)
    assert len(start(pinned, count=2).run_ids) == 2


def test_live_runs_that_wait_are_warned_of(pinned, session):
    for number in range(3):
        run = trigger_dag(
            "orders", run_id=f"run_{number}", triggered_by=DagRunTriggeredByType.REST_API, session=session
        )
        run.state = DagRunState.RUNNING
    session.commit()
    assert start(pinned).warnings == ()
    run.state = DagRunState.QUEUED
    session.commit()
    assert "1 live run of Dag 'orders' waits to start, and the canary runs start behind it" in start(pinned).warnings[0]


def test_paused_dag_is_warned_of(pinned, session):
    session.get(DagModel, "orders").is_paused = True
    session.commit()
    assert "paused" in start(pinned).warnings[0]


def test_new_outlet_of_a_candidate_is_active_while_its_canary_is_unfinished(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=WITH_OUTLET)
    assert session.get(AssetActive, ("new_orders", "new_orders")) is None
    start(lab)
    assert session.get(AssetActive, ("new_orders", "new_orders")) is not None
    lab.parse("sha2")
    assert [ref.task_id for ref in session.scalars(select(TaskOutletAssetReference))] == ["load"]


def test_new_outlet_stays_active_when_head_and_the_pin_change_while_the_canary_is_unfinished(lab, session):
    def outlets():
        return {ref.asset.name for ref in session.scalars(select(TaskOutletAssetReference))}

    lab.commit("sha1", orders=WITH_OUTLET.replace("new_orders", "old_orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=WITH_OUTLET)
    start(lab)
    lab.commit("sha3", orders=WITH_OUTLET.replace("new_orders", "newest_orders"))
    assert outlets() == {"old_orders", "new_orders"}
    lab.pin("orders", 3)
    assert outlets() == {"newest_orders", "new_orders"}


def test_outlet_of_a_canary_of_a_dag_that_is_not_pinned_stays_active_too(lab, session):
    lab.commit("sha1", orders=WITH_OUTLET)
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session).state = DagRunState.SUCCESS
    session.commit()
    lab.commit("sha2", orders=WITH_OUTLET.replace("new_orders", "newer_orders"))
    start(lab, 1)
    lab.parse("sha2")
    names = {ref.asset.name for ref in session.scalars(select(TaskOutletAssetReference))}
    assert names == {"new_orders", "newer_orders"}


def test_soak_counts_canary_runs_of_exactly_this_version(pinned, session):
    runs = start(pinned, count=3)
    question = SoakQuestion(Criteria(min_runs=3))
    assert soak.soak("orders", 2, question, session=session).judgement.verdict is Verdict.PROGRESSING
    for run_id in runs.run_ids:
        run_of(session, run_id).state = DagRunState.SUCCESS
    session.commit()
    judged = soak.soak("orders", 2, question, session=session)
    assert judged.judgement.verdict is Verdict.SUCCESSFUL
    assert (judged.evidence.runs, judged.evidence.failures) == (3, 0)
    run_of(session, runs.run_ids[1]).state = DagRunState.FAILED
    session.commit()
    assert soak.soak("orders", 2, question, session=session).judgement.verdict is Verdict.FAILED


def test_soak_does_not_count_the_runs_of_another_version(pinned, session):
    finish(session, start(pinned).run_ids, DagRunState.SUCCESS)
    finish(session, start(pinned, 1).run_ids, DagRunState.FAILED)
    assert soak.soak("orders", 2, SoakQuestion(), session=session).evidence.successes == 1
    assert soak.soak("orders", 1, SoakQuestion(), session=session).evidence.failures == 1


def test_soak_does_not_count_a_try_of_local_code(pinned, session):
    pinned.candidate("orders", 2)
    version = pinned.version("orders", 2)
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    values = {"triggered_by": DagRunTriggeredByType.TEST, "created_dag_version_id": version.id}
    session.execute(update(DagRun).values(state=DagRunState.FAILED, **values))
    session.commit()
    assert soak.soak("orders", 2, SoakQuestion(run_kinds=RunKind.ANY), session=session).evidence.runs == 0


def test_successes_in_a_row_are_counted_in_the_order_in_which_the_runs_ended(pinned, session):
    first, second = (run_of(session, run_id) for run_id in start(pinned, count=2).run_ids)
    first.state, first.end_date = DagRunState.SUCCESS, timezone.utcnow() + timedelta(minutes=2)
    second.state, second.end_date = DagRunState.FAILED, timezone.utcnow() + timedelta(minutes=1)
    session.commit()
    assert soak.soak("orders", 2, SoakQuestion(), session=session).evidence.consecutive_successes == 1


def test_live_soak_begins_when_the_version_is_pinned(pinned, session):
    pinned.candidate("orders", 2)
    pinned.pin("orders", 2)
    judged = soak.soak("orders", 2, SoakQuestion(run_kinds=RunKind.LIVE), session=session)
    assert judged.evidence.since == pinned.pin_row("orders").changed_at


def test_live_soak_of_a_pinned_version_leaves_canary_and_manual_runs_out(pinned, session):
    canaries = start(pinned)
    run_of(session, canaries.run_ids[0]).state = DagRunState.FAILED
    pinned.pin("orders", 2)
    manual = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    manual.state = DagRunState.FAILED
    session.commit()
    judged = soak.soak("orders", 2, SoakQuestion(run_kinds=RunKind.LIVE), session=session)
    assert (judged.judgement.verdict, judged.evidence.runs) == (Verdict.PROGRESSING, 0)
    assert soak.soak("orders", 2, SoakQuestion(run_kinds=RunKind.ANY), session=session).evidence.failures == 2


def test_version_that_is_not_managed_has_no_verdict(pinned, session):
    with pytest.raises(NotManagedError, match="candidate"):
        soak.soak("orders", 2, SoakQuestion(), session=session)


def test_verdict_does_not_carry_over_to_a_changed_version(pinned, session):
    start(pinned)
    with pytest.raises(VersionDriftedError):
        soak.soak("orders", 2, SoakQuestion(expected_dag_hash="0" * 32), session=session)
    session.scalars(select(ManagedVersion).where(ManagedVersion.version_number == 2)).one().dag_hash = "0" * 32
    session.commit()
    with pytest.raises(VersionDriftedError):
        soak.soak("orders", 2, SoakQuestion(), session=session)


def test_canary_run_has_a_logical_date_and_a_data_interval_for_its_templates(pinned, session):
    first, second = (run_of(session, run_id) for run_id in start(pinned, count=2).run_ids)
    assert first.logical_date < second.logical_date
    assert first.data_interval_start <= first.data_interval_end <= first.logical_date


def test_canary_of_a_dag_that_depends_on_the_past_has_a_logical_date_too(lab, session):
    lab.commit("sha1", orders=STABLE.replace('task_id="load"', 'task_id="load", depends_on_past=True'))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    runs = start(lab)
    assert run_of(session, runs.run_ids[0]).logical_date is not None
    assert runs.warnings == ()


@pytest.mark.parametrize("microsecond", [0, 1, 999_998, 999_999])
def test_canary_runs_never_take_the_date_of_a_scheduled_run(pinned, session, time_machine, microsecond):
    time_machine.move_to(timezone.utcnow().replace(microsecond=microsecond), tick=False)
    dates = [run_of(session, run_id).logical_date for run_id in start(pinned, count=3).run_ids]
    assert len(set(dates)) == 3
    assert 0 not in {date.microsecond for date in dates}
    assert {date.replace(microsecond=0) for date in dates} == {timezone.utcnow().replace(microsecond=0)}


def test_how_a_canary_run_is_kept_apart_is_stored_with_it(pinned, session):
    [run_id] = start(pinned).run_ids
    assert session.get(RoutedRun, ("orders", run_id)).isolation == {
        "assets": "withhold",
        "alerts": "withhold",
        "triggers": "refuse",
        "state": "withhold",
        "slots": "behind",
    }


def finish(session, run_ids, *states):
    for run_id, state in zip(run_ids, states, strict=True):
        run_of(session, run_id).state = state
    session.commit()


def test_evidence_starts_anew_when_a_rejected_version_is_restored(pinned, session):
    finish(session, start(pinned).run_ids, DagRunState.FAILED)
    pinned.reject("orders", 2)
    pinned.restore("orders", 2)
    finish(session, start(pinned).run_ids, DagRunState.SUCCESS)
    judged = soak.soak("orders", 2, SoakQuestion(Criteria(min_runs=1)), session=session)
    assert (judged.judgement.verdict, judged.evidence.runs) == (Verdict.SUCCESSFUL, 1)


def test_one_early_run_does_not_decide_a_comparison(pinned, session):
    finish(session, start(pinned, count=2).run_ids[:1], DagRunState.FAILED)
    question = SoakQuestion(Criteria(min_runs=2, max_failures=1), tolerance=Tolerance())
    assert soak.soak("orders", 2, question, session=session).judgement.verdict is Verdict.PROGRESSING


def test_a_comparison_counts_with_the_last_run_that_is_needed(pinned, session):
    live = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    live.state, live.run_type = DagRunState.SUCCESS, DagRunType.SCHEDULED
    finish(session, start(pinned, count=2).run_ids, DagRunState.FAILED, DagRunState.SUCCESS)
    question = SoakQuestion(Criteria(min_runs=2, max_failures=1), tolerance=Tolerance())
    judged = soak.soak("orders", 2, question, session=session).judgement
    assert (judged.verdict, judged.reason) == (Verdict.FAILED, "more_failures_than_baseline")


def test_soak_that_goes_on_is_not_ended_by_a_comparison_that_more_runs_may_settle(pinned, session):
    finish(session, start(pinned).run_ids, DagRunState.SUCCESS)
    question = SoakQuestion(Criteria(min_runs=1, min_duration=timedelta(hours=1)), tolerance=Tolerance())
    judged = soak.soak("orders", 2, question, session=session)
    assert judged.comparison.judgement.verdict is Verdict.INCONCLUSIVE
    assert judged.judgement.verdict is Verdict.PROGRESSING


def test_run_that_was_created_when_the_soak_began_counts(pinned, session):
    [run_id] = start(pinned).run_ids
    finish(session, [run_id], DagRunState.SUCCESS)
    question = SoakQuestion(since=run_of(session, run_id).created_at)
    assert soak.soak("orders", 2, question, session=session).evidence.runs == 1


def test_version_is_never_compared_with_itself(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    question = SoakQuestion(run_kinds=RunKind.LIVE, tolerance=Tolerance())
    assert soak.soak("orders", 1, question, session=session).baseline is None


def test_baseline_of_a_bake_is_what_the_version_replaced(pinned, session):
    pinned.pin("orders", 2)
    question = SoakQuestion(run_kinds=RunKind.LIVE, tolerance=Tolerance())
    assert soak.soak("orders", 2, question, session=session).baseline.version_number == 1


def test_version_that_becomes_a_candidate_takes_the_place_of_one_that_was_used_longest_ago(lab, option):
    option("keep_versions", 1)
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    lab.candidate("orders", 2)
    lab.commit("sha3", orders=WITH_OUTLET)
    lab.pin("orders", 3)
    assert lab.managed("orders") == {2: "candidate", 3: "active"}
    start(lab, 1)
    assert lab.managed("orders") == {1: "candidate", 3: "active"}
