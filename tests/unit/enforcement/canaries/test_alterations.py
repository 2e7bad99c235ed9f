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
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, select

from airflow_providers_pinning.domain.monitoring import maintenance
from airflow_providers_pinning.models import ManagedVersion
from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.remembered import remembered
from tests.support.sources import STABLE
from tests.support.statements import sent

CHAIN = {"extract": "all_success", "load": "all_success"}


@pytest.fixture
@remembered
def two_versions(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_with_tasks(CHAIN))


@pytest.fixture
def canaries(two_versions, scheduler):
    """Return canary runs of version 2, whose two tasks depend on each other."""
    return Canaries(two_versions, scheduler)


def altered(record):
    return [(alteration["what"], alteration["actor"]) for alteration in record.alterations or ()]


def test_hanging_run_that_is_set_to_success_is_no_evidence(canaries, jan):
    run_id = canaries.start()

    jan("PATCH", f"dagRuns/{run_id}", state="success")

    assert canaries.run(run_id).state == "success"
    record = canaries.record(run_id)
    assert altered(record) == [("set to success", "jan")]
    assert (record.counts_as, record.outcome["no_evidence"], record.outcome["reason"]) == (
        "nothing",
        "set_by_hand",
        "set_by_hand",
    )


def test_hanging_run_that_is_set_to_failed_is_no_evidence_either(canaries, jan):
    run_id = canaries.start()

    jan("PATCH", f"dagRuns/{run_id}", state="failed")

    record = canaries.record(run_id)
    assert (altered(record), record.counts_as) == ([("set to failed", "jan")], "nothing")


def test_run_that_is_set_to_success_after_a_task_had_failed_is_evidence_of_the_failure(canaries, jan, lab):
    lab.commit("sha3", orders=dag_with_tasks({"extract": "all_success", "load": "all_done"}))
    run_id = canaries.start(2)
    canaries.work(run_id, extract="failed")

    jan("PATCH", f"dagRuns/{run_id}", state="success")

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])


@pytest.mark.parametrize("state", ["success", "failed"])
def test_setting_runs_in_bulk_is_noted_too(state, canaries, jan):
    run_id = canaries.start()

    action = {"action": "update", "entities": [{"dag_id": "orders", "dag_run_id": run_id, "state": state}]}
    jan("PATCH", "dagRuns", actions=[action])

    assert altered(canaries.record(run_id)) == [(f"set to {state}", "jan")]


def test_task_that_is_set_to_success_makes_the_run_no_evidence(canaries, jan):
    run_id = canaries.start()

    jan("PATCH", f"dagRuns/{run_id}/taskInstances/load", new_state="success")
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert altered(record) == [("task load set to success", "jan")]
    assert (record.state, record.counts_as, record.outcome["no_evidence"]) == ("success", "nothing", "set_by_hand")


def test_failed_task_that_is_set_to_success_did_fail(canaries, jan):
    run_id = canaries.start()
    canaries.work(run_id, extract="failed")

    jan("PATCH", f"dagRuns/{run_id}/taskInstances/extract", new_state="success")
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])


def test_failed_task_that_is_cleared_before_the_run_ends_did_fail(canaries, jan):
    run_id = canaries.start()
    canaries.work(run_id, extract="failed")

    jan("POST", "clearTaskInstances", dag_run_id=run_id, task_ids=["extract"], dry_run=False)
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert ("cleared", "jan") in altered(record)
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])


def test_task_that_is_cleared_while_nothing_failed_leaves_the_run_evidence(canaries, jan):
    run_id = canaries.start()
    canaries.work(run_id)

    jan("POST", "clearTaskInstances", dag_run_id=run_id, task_ids=["extract"], dry_run=False)
    canaries.finish(run_id)

    assert canaries.record(run_id).counts_as == "success"


def test_run_that_hangs_in_its_teardown_and_is_set_to_success_is_no_evidence(canaries, lab, jan):
    """Stock leaves the run running, for the scheduler to finish when the teardown is through."""
    source = dag_with_tasks({"extract": "all_success", "clean": "all_done"})
    lab.commit("sha3", orders=source.replace(">> run_clean()", ">> run_clean().as_teardown()"))
    run_id = canaries.start(2)

    jan("PATCH", f"dagRuns/{run_id}", state="success")
    assert canaries.run(run_id).state == "running"
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["no_evidence"]) == ("success", "nothing", "set_by_hand")


def test_clearing_a_failed_run_leaves_its_outcome(canaries, jan):
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")
    before = canaries.record(run_id).outcome

    jan("POST", f"dagRuns/{run_id}/clear", dry_run=False)
    assert canaries.finish(run_id) == "success"

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome) == ("failed", "failed", before)
    assert altered(record) == [("cleared", "jan")]


def test_setting_a_finished_run_leaves_its_outcome(canaries, jan):
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")

    jan("PATCH", f"dagRuns/{run_id}", state="success")

    record = canaries.record(run_id)
    assert (record.state, altered(record)) == ("failed", [("set to success", "jan")])


def test_deleting_a_failed_run_leaves_its_outcome(canaries, jan, session):
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")

    jan("DELETE", f"dagRuns/{run_id}")
    maintenance.forget_gone_runs(session=session)

    assert session.scalars(select(DagRun)).all() == []
    record = canaries.record(run_id)
    assert (record.state, altered(record)) == ("failed", [("deleted", "jan")])


def test_deleting_runs_in_bulk_leaves_their_outcomes(canaries, jan):
    run_id = canaries.start()
    canaries.finish(run_id, load="failed")

    jan("PATCH", "dagRuns", actions=[{"action": "delete", "entities": [{"dag_id": "orders", "dag_run_id": run_id}]}])

    assert altered(canaries.record(run_id)) == [("deleted", "jan")]


def test_failed_run_without_a_recorded_outcome_leaves_it_when_it_is_deleted(canaries, jan, session):
    """It finished before outcomes were recorded."""
    run_id = canaries.start()
    canaries.run(run_id).state = "failed"
    session.commit()

    jan("DELETE", f"dagRuns/{run_id}")

    record = canaries.record(run_id)
    assert (record.state, record.counts_as) == ("failed", "failed")


def test_run_that_is_put_back_and_deleted_after_a_task_had_failed_did_fail(canaries, jan):
    run_id = canaries.start()
    canaries.work(run_id, extract="failed")

    jan("PATCH", f"dagRuns/{run_id}", state="queued")
    jan("DELETE", f"dagRuns/{run_id}")

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("failed", "failed_tasks", ["extract"])


def test_run_that_is_deleted_in_the_database_is_found_gone(canaries, session):
    run_id = canaries.start()
    canaries.finish(run_id)
    session.execute(delete(DagRun))
    session.commit()

    for _ in range(2):
        maintenance.forget_gone_runs(session=session)
        session.commit()

    assert altered(canaries.record(run_id)) == [("deleted", None)]


def test_evidence_on_a_version_that_is_not_managed_any_more_is_forgotten_with_its_runs(canaries, session):
    run_id = canaries.start()
    canaries.finish(run_id)
    session.execute(delete(ManagedVersion).where(ManagedVersion.version_number == 2))
    maintenance.forget_gone_runs(session=session)
    assert canaries.record(run_id) is not None
    session.execute(delete(DagRun))
    session.commit()

    maintenance.forget_gone_runs(session=session)

    assert canaries.record(run_id) is None


def test_who_asks_is_not_remembered_after_the_request(canaries, jan, session):
    run_id = canaries.start()
    canaries.finish(run_id)
    jan("PATCH", f"dagRuns/{run_id}", note="seen")

    session.delete(canaries.run(run_id))
    session.commit()

    assert altered(canaries.record(run_id)) == [("deleted", None)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "dagRuns/live", {"state": "success"}),
        ("POST", "dagRuns/live/clear", {"dry_run": False}),
        ("PATCH", "dagRuns/live/taskInstances/load", {"new_state": "success"}),
        ("DELETE", "dagRuns/live", {}),
    ],
)
def test_live_runs_cost_no_statement(method, path, body, canaries, api, session):
    trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()

    with sent(session) as statements:
        answer = api().request(method, f"/api/v2/dags/orders/{path}", json=body or None)

    assert answer.status_code < 300, answer.text
    assert statements
    assert not any("pinning_run" in statement for statement in statements)


@pytest.mark.parametrize("bulk", [False, True], ids=["one", "bulk"])
def test_failed_task_that_is_deleted_before_the_run_ends_did_fail(bulk, canaries, jan, lab):
    lab.commit("sha3", orders=dag_with_tasks({"extract": "all_success", "load": "all_done"}))
    run_id = canaries.start(2)
    canaries.work(run_id, extract="failed")
    canaries.scheduler.start_and_decide()

    if bulk:
        entity = {"dag_id": "orders", "dag_run_id": run_id, "task_id": "extract"}
        jan("PATCH", f"dagRuns/{run_id}/taskInstances", actions=[{"action": "delete", "entities": [entity]}])
    else:
        jan("DELETE", f"dagRuns/{run_id}/taskInstances/extract")
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert altered(record) == [("task extract deleted", "jan")]
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])


def test_hanging_task_that_is_deleted_makes_the_run_no_evidence(canaries, jan):
    run_id = canaries.start()

    jan("DELETE", f"dagRuns/{run_id}/taskInstances/load")
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert (record.state, record.counts_as, record.outcome["no_evidence"]) == ("success", "nothing", "set_by_hand")


def test_failed_task_that_is_set_to_success_together_with_that_of_another_run_did_fail(canaries, jan, lab):
    """Only without a schedule: else Airflow goes by the dates of the schedule, which no canary run has."""
    rules = {"extract": "all_success", "load": "all_done"}
    lab.commit("sha3", orders=dag_with_tasks(rules, arguments="schedule=None"))
    lab.pin("orders", 2)
    lab.commit("sha4", orders=dag_with_tasks(rules, arguments="schedule=None, tags=['new']"))
    run_id = canaries.start(3)
    canaries.work(run_id, extract="failed")
    canaries.scheduler.start_and_decide()
    other = canaries.start(3)

    options = {"new_state": "success", "include_past": True}
    jan("PATCH", f"dagRuns/{other}/taskInstances/extract", **options)
    canaries.finish(run_id)

    record = canaries.record(run_id)
    assert altered(record) == [("task extract set to success", "jan")]
    assert (record.state, record.counts_as, record.outcome["failed_tasks"]) == ("success", "failed_tasks", ["extract"])
