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
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select, update

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome
from airflow_providers_pinning.models import WithheldEffect
from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.remembered import remembered
from tests.support.sources import STABLE, dag_file
from tests.support.statements import recorded

CHAIN = {"extract": "all_success", "load": "all_success"}
GREEN_ANYWAY = {"extract": "all_success", "load": "all_done"}


@pytest.fixture
def canaries(lab, scheduler):
    return Canaries(lab, scheduler)


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)


@pytest.fixture
def candidate(pinned):
    """Return a function that registers a candidate, version 2."""

    def register(source):
        pinned.commit("sha2", orders=source)

    return register


def test_what_the_scheduler_finds_is_recorded_when_it_finishes_the_run(candidate, canaries):
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    assert canaries.record(run_id).state is None

    canaries.finish(run_id)

    run, record = canaries.run(run_id), canaries.record(run_id)
    assert (record.state, record.counts_as) == ("success", "success")
    assert (record.started_at, record.ended_at) == (run.start_date, run.end_date)
    assert (record.active_seconds, record.retried_tasks, record.withheld_effects) == (20, 0, 0)
    assert record.outcome["tasks_by_state"] == {"success": 2}
    assert record.outcome["no_evidence"] is None


def test_tasks_that_failed_are_recorded_with_those_that_could_not_run(candidate, canaries):
    candidate(dag_with_tasks(CHAIN))

    run_id = canaries.start()
    assert canaries.finish(run_id, extract="failed") == "failed"

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["reason"]) == ("failed", "failed", "finished")
    assert record.outcome["failed_tasks"] == ["extract"]
    assert record.outcome["upstream_failed_tasks"] == ["load"]


def test_task_that_failed_in_a_green_run_is_recorded(candidate, canaries):
    candidate(dag_with_tasks(GREEN_ANYWAY))

    run_id = canaries.start()
    assert canaries.finish(run_id, extract="failed") == "success"

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])


def test_run_without_any_task_is_no_evidence(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    session.execute(TaskInstance.__table__.delete())
    session.commit()

    assert canaries.finish(run_id) == "success"

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["no_evidence"]) == ("success", "nothing", "no_task")


def test_run_whose_every_task_was_skipped_is_no_evidence(candidate, canaries):
    candidate(dag_with_tasks(CHAIN))

    run_id = canaries.start()
    assert canaries.finish(run_id, extract="skipped") == "success"

    assert canaries.record(run_id).outcome["no_evidence"] == "no_task_ran"


def test_mapped_task_over_nothing_does_not_keep_the_others_from_being_evidence(candidate, canaries):
    candidate(dag_file("orders", "schedule='@daily'", "extract", "@task\ndef load(x):\n    pass\nload.expand(x=[])\n"))

    run_id = canaries.start()
    assert canaries.finish(run_id) == "success"

    record = canaries.record(run_id)
    assert (record.counts_as, record.outcome["tasks_by_state"]) == ("success", {"success": 1, "skipped": 1})


def test_task_that_is_successful_without_having_started_is_no_evidence(candidate, canaries, session):
    """Somebody set it in the database, or through a component without the enforcement."""
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    session.execute(update(TaskInstance).values(state="success", try_number=0))
    session.commit()

    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert (record.counts_as, record.outcome["no_evidence"]) == ("nothing", "never_started")
    assert record.outcome["never_started"] == ["extract", "load"]


def test_retried_tasks_are_recorded_with_the_time_of_every_try(candidate, canaries):
    candidate(dag_with_tasks(CHAIN, more=", retries=2, retry_delay=timedelta(0)"))
    run_id = canaries.start()
    canaries.retry(run_id, "extract", seconds=100)

    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert (record.counts_as, record.retried_tasks, record.outcome["tries"]) == ("success", 1, {"extract": 2})
    assert record.active_seconds == 120


def test_time_that_tasks_waited_for_a_slot_is_not_counted(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    session.execute(update(DagRun).values(start_date=timezone.utcnow() - timedelta(hours=5)))
    session.commit()

    canaries.finish(run_id)

    assert canaries.record(run_id).active_seconds == 20


def test_run_that_timed_out_is_recorded_as_failed(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN, "schedule='@daily', dagrun_timeout=timedelta(minutes=5)"))
    run_id = canaries.start()
    session.execute(update(DagRun).values(start_date=timezone.utcnow() - timedelta(hours=1)))
    session.commit()

    assert canaries.finish(run_id) == "failed"

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["reason"]) == ("failed", "failed", "timed_out")


def test_withheld_effects_are_counted(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    session.add_all(WithheldEffect(dag_id="orders", run_id=run_id, kind="asset_event") for _ in range(3))
    session.commit()

    canaries.finish(run_id)

    assert canaries.record(run_id).withheld_effects == 3


@pytest.mark.parametrize(
    ("reason", "counts_as", "no_evidence"),
    [("overran_gap", "failed", None), ("version_rejected", "nothing", "version_rejected")],
)
def test_run_that_is_ended_here_is_recorded_with_the_reason(
    reason, counts_as, no_evidence, candidate, canaries, session
):
    candidate(dag_with_tasks(CHAIN))
    run = canaries.run(canaries.start())
    run.set_state(DagRunState.FAILED)

    assert record_outcome(run, reason=reason, session=session)

    record = canaries.record(run.run_id)
    assert (record.outcome["reason"], record.counts_as, record.outcome["no_evidence"]) == (
        reason,
        counts_as,
        no_evidence,
    )


def test_first_outcome_stays(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    canaries.finish(run_id := canaries.start(), load="failed")
    run = canaries.run(run_id)
    run.state = DagRunState.SUCCESS

    assert not record_outcome(run, session=session)

    assert canaries.record(run_id).state == "failed"


def test_outcome_is_recorded_in_the_transaction_that_finishes_the_run(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    run_id = canaries.start()
    session.execute(update(TaskInstance).values(state="success", try_number=1))
    session.commit()
    runner, run = canaries.scheduler.runner, canaries.run(run_id)

    runner._schedule_dag_run(run, session=session)
    assert canaries.record(run_id).state == "success"
    session.rollback()

    assert (canaries.run(run_id).state, canaries.record(run_id).state) == ("running", None)


def test_live_runs_cost_no_statement(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    live = trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.execute(update(DagRun).values(run_after=timezone.utcnow() - timedelta(seconds=2)))
    session.commit()

    with recorded(session) as statements:
        canaries.scheduler.start_and_decide(3)

    assert canaries.run(live.run_id).state == "success"
    assert not any("pinning_run" in statement or "withheld" in statement for statement in statements)


def test_number_of_statements_does_not_grow_with_the_tasks(candidate, lab, canaries, session):
    def statements_of(source, sha, number):
        lab.commit(sha, orders=source)
        run_id = canaries.start(number)
        session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(state="success", try_number=1))
        session.commit()
        with recorded(session) as statements:
            canaries.scheduler.start_and_decide()
        assert canaries.record(run_id).state == "success"
        return sum("pinning" in statement or "task_instance" in statement for statement in statements)

    candidate(dag_with_tasks(CHAIN))
    few = statements_of(dag_with_tasks({"a": "all_success"}), "sha3", 2)
    many = statements_of(dag_with_tasks({f"task_{n}": "all_success" for n in range(30)}), "sha4", 3)

    assert few == many


def test_run_that_only_looks_like_a_canary_run_is_left_alone(candidate, canaries, session):
    candidate(dag_with_tasks(CHAIN))
    trigger_dag("orders", run_id="canary__mine", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.execute(update(DagRun).values(run_after=timezone.utcnow() - timedelta(seconds=2)))
    session.commit()

    canaries.scheduler.start_and_decide(3)

    [run] = session.scalars(select(DagRun))
    assert (run.state, canaries.record(run.run_id)) == ("success", None)
