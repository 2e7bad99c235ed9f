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
"""A rollback stops and reruns the runs of the version that it replaces."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from airflow_providers_pinning.domain.changes import rollback, run_repair, run_repair_plan
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair
from airflow_providers_pinning.domain.changes.transactions import rehearse
from airflow_providers_pinning.domain.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    RevisionConflictError,
    RunsNotRepairableError,
    TooManyRunsError,
)
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import FinishedRuns, UnfinishedRuns
from tests.support.remembered import remembered
from tests.support.sources import dag_file

RERUN = RunRepair(finished=FinishedRuns.RERUN)
ALL = RunRepair(UnfinishedRuns.CANCEL, FinishedRuns.RERUN)


def run(lab, run_id, state=None, *, tasks=None):
    """Create a run of the active version, and let it have come as far as is said."""
    made = trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    if state:
        made.state = state
    if tasks:
        lab.session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(state=tasks))
    lab.session.commit()
    lab.session.expire_all()
    return made


@pytest.fixture
@remembered
def bad(lab):
    """Version 1 was good; of version 2, which has other tasks, runs succeeded, failed, run and wait."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 1)
    run(lab, "good", "success", tasks="success")
    lab.commit("sha2", orders=dag_file("orders", tasks="extract transform"))
    lab.pin("orders", 2)
    run(lab, "wrong", "success", tasks="success")
    run(lab, "failed", "failed", tasks="failed")
    run(lab, "running", "running", tasks="running")
    run(lab, "waiting")
    return lab


def states(lab):
    lab.session.expire_all()
    return {one.run_id: str(one.state) for one in lab.runs("orders")}


def one(lab, run_id):
    lab.session.expire_all()
    return next(found for found in lab.runs("orders") if found.run_id == run_id)


def test_a_rollback_counts_the_runs_since_the_pin_and_leaves_them_alone(bad):
    before = states(bad)

    report = bad.roll_back("orders").repair

    assert (report.version_number, report.by_state) == (2, {"failed": 1, "queued": 1, "running": 1, "success": 1})
    assert (report.canceled, report.rerun, report.blocked) == ((), (), ())
    assert states(bad) == before


def test_runs_from_before_the_pin_do_not_count(bad):
    bad.pin("orders", 1)
    bad.pin("orders", 2)
    run(bad, "later", "failed")

    assert bad.roll_back("orders").repair.by_state == {"failed": 1}


def test_an_older_run_that_was_cleared_onto_the_version_since_its_pin_counts_and_is_rerun(bad):
    """Nothing is told of it by its id: it ran on the version that is bad."""
    tis = list(bad.session.scalars(select(TaskInstance).where(TaskInstance.run_id == "good")))
    clear_task_instances(tis, bad.session, run_on_latest_version=True)
    bad.session.execute(update(DagRun).where(DagRun.run_id == "good").values(state="failed"))
    bad.session.commit()
    assert one(bad, "good").created_dag_version_id == bad.version("orders", 2).id

    report = bad.roll_back("orders", repair=RERUN).repair

    assert report.by_state["failed"] == 2
    assert "good" in report.rerun
    assert one(bad, "good").created_dag_version_id == bad.version("orders", 1).id


def test_a_run_that_was_cleared_before_the_pin_does_not_count(bad):
    bad.pin("orders", 1)
    tis = list(bad.session.scalars(select(TaskInstance).where(TaskInstance.run_id == "wrong")))
    clear_task_instances(tis, bad.session)
    bad.session.commit()
    bad.pin("orders", 2)

    assert bad.roll_back("orders").repair.by_state == {}


def test_of_a_dag_that_was_not_pinned_all_runs_of_the_latest_version_count(bad):
    bad.unpin("orders")

    assert sum(bad.roll_back("orders").repair.by_state.values()) == 4


def test_finished_runs_are_rerun_on_the_version_that_is_active_then(bad):
    report = bad.roll_back("orders", repair=RERUN).repair

    assert report.rerun == ("wrong", "failed")
    for run_id in report.rerun:
        cleared = one(bad, run_id)
        assert (cleared.state, cleared.clear_number, cleared.bundle_version) == ("queued", 1, "sha1")
        assert bad.version("orders", 1).id == cleared.created_dag_version_id
        present = {
            ti.task_id: (str(ti.state), ti.dag_version_id)
            for ti in cleared.get_task_instances(session=bad.session)
            if str(ti.state) != "removed"
        }
        version_id = bad.version("orders", 1).id
        assert present == {"extract": ("None", version_id), "load": ("None", version_id)}
    assert states(bad)["good"] == "success"
    assert (states(bad)["running"], states(bad)["waiting"]) == ("running", "queued")


def test_only_failed_runs_are_rerun_if_only_those_are_asked_for(bad):
    report = bad.roll_back("orders", repair=RunRepair(finished=FinishedRuns.RERUN, only_failed=True)).repair

    assert report.rerun == ("failed",)
    assert states(bad)["wrong"] == "success"


def test_unfinished_runs_are_stopped(bad):
    report = bad.roll_back("orders", repair=RunRepair(UnfinishedRuns.CANCEL)).repair

    assert report.canceled == ("running", "waiting")
    assert [states(bad)[run_id] for run_id in report.canceled] == ["failed", "failed"]
    tasks = {(ti.run_id, str(ti.state)) for ti in bad.session.scalars(select(TaskInstance))}
    assert {("running", "failed"), ("waiting", "skipped")} <= tasks


@pytest.mark.parametrize(("unfinished", "said"), [(UnfinishedRuns.CANCEL, 0), (UnfinishedRuns.KEEP, 1)])
def test_runs_that_are_stopped_are_not_said_to_go_on(bad, unfinished, said):
    state = bad.roll_back("orders", repair=RunRepair(unfinished, FinishedRuns.RERUN))

    told = [warning for warning in state.warnings if "queued or running and not stopped" in warning]
    assert len(told) == said
    assert all(warning.startswith("2 other runs of version 2 are") for warning in told)


def test_a_run_without_tasks_is_named(bad):
    bad.session.execute(delete(TaskInstance).where(TaskInstance.run_id == "wrong"))
    bad.session.commit()

    with pytest.raises(RunsNotRepairableError, match="'wrong' has no tasks to rerun"):
        bad.roll_back("orders", repair=RERUN)


def test_only_runs_that_were_due_since_a_time_are_repaired(bad):
    at = one(bad, "failed").run_after

    assert bad.roll_back("orders", repair=RunRepair(finished=FinishedRuns.RERUN, since=at)).repair.rerun == ("failed",)


class TestRunsThatCannotBeRepaired:
    @pytest.fixture
    def at_work(self, bad):
        bad.session.execute(
            update(TaskInstance)
            .where(TaskInstance.run_id == "failed", TaskInstance.task_id == "extract")
            .values(state="running")
        )
        bad.session.commit()
        return bad

    def test_refuse_the_whole_by_name(self, at_work):
        with pytest.raises(RunsNotRepairableError, match="'failed' has a task that is still running") as refusal:
            at_work.roll_back("orders", repair=RERUN)
        at_work.session.rollback()

        [blocked] = refusal.value.data["blocked"]
        assert (blocked["run_id"], blocked["reason"]) == ("failed", "tasks_running")
        assert at_work.pin_state("orders").active.version_number == 2
        assert states(at_work)["wrong"] == "success"

    def test_are_passed_over_if_that_is_asked_for_and_named(self, at_work):
        state = at_work.roll_back("orders", repair=RunRepair(finished=FinishedRuns.RERUN, skip_blocked=True))

        assert state.repair.rerun == ("wrong",)
        assert [(blocked.run_id, blocked.reason) for blocked in state.repair.blocked] == [("failed", "tasks_running")]
        assert any("1 run could not be repaired" in warning for warning in state.warnings)

    def test_are_told_apart_by_reason_if_runs_are_named(self, bad):
        gone = run(bad, "gone", "failed")
        bad.session.execute(delete(TaskInstance).where(TaskInstance.run_id == "gone"))
        bad.session.delete(gone)
        bad.session.commit()

        named = RunRepair(finished=FinishedRuns.RERUN, run_ids=("gone", "good", "wrong", "waiting"), skip_blocked=True)
        report = bad.roll_back("orders", repair=named).repair

        assert report.rerun == ("wrong",)
        assert {blocked.run_id: blocked.reason for blocked in report.blocked} == {
            "gone": "deleted",
            "good": "other_version",
            "waiting": "unfinished",
        }

    def test_are_too_many_for_one_request(self, bad, monkeypatch):
        monkeypatch.setattr("airflow_providers_pinning.domain.changes.run_repair_plan.MAX_REPAIRED_RUNS", 1)

        monkeypatch.setattr(run_repair_plan, "_lock", lambda *given, **named: pytest.fail("They are locked."))

        with pytest.raises(TooManyRunsError, match="2 runs of Dag 'orders'"):
            bad.roll_back("orders", repair=RERUN)


@pytest.mark.parametrize(
    ("repair", "expected"),
    [
        (RunRepair(UnfinishedRuns.CANCEL), {"running", "waiting"}),
        (RunRepair(finished=FinishedRuns.RERUN, only_failed=True), {"failed"}),
        (replace(ALL, run_ids=("wrong", "waiting")), {"wrong", "waiting"}),
    ],
    ids=["by state", "only failed", "named"],
)
def test_only_runs_with_which_something_is_to_be_done_are_locked(repair, expected, bad, monkeypatch):
    locked, lock = [], run_repair_plan._lock

    def locking(*given, **named):
        found = lock(*given, **named)
        locked.extend(run.run_id for run in found)
        return found

    monkeypatch.setattr(run_repair_plan, "_lock", locking)
    bad.roll_back("orders", repair=repair)

    assert set(locked) == expected


def test_runs_that_are_named_and_finished_as_is_not_asked_for_are_left_alone_without_a_word(bad):
    named = RunRepair(finished=FinishedRuns.RERUN, only_failed=True, run_ids=("wrong", "failed"))

    report = bad.roll_back("orders", repair=named).repair

    assert (report.rerun, report.blocked) == (("failed",), ())


def test_the_same_request_repeated_repairs_nothing_more_and_answers_the_same(bad):
    first = bad.roll_back("orders", repair=ALL, idempotency_key="night").repair
    bad.session.execute(update(TaskInstance).where(TaskInstance.run_id == "wrong").values(state="success"))
    bad.session.commit()

    again = bad.roll_back("orders", repair=ALL, idempotency_key="night")

    assert again.repeated.stands
    assert again.repair == first
    assert one(bad, "wrong").clear_number == 1


def test_a_second_rollback_from_the_same_state_is_told_of_the_first_and_repairs_nothing(bad):
    seen = bad.pin_state("orders").revision
    bad.roll_back("orders", repair=RERUN, expected_revision=seen)

    with pytest.raises(RevisionConflictError, match="already rolled back from version 2 to version 1 by alice") as told:
        bad.roll_back("orders", repair=RERUN, expected_revision=seen)

    assert told.value.data["already"]["to_version"] == 1
    bad.session.rollback()
    assert one(bad, "wrong").clear_number == 1


def test_a_rehearsal_names_the_runs_and_touches_none(bad):
    before = states(bad)

    state = rehearse(
        lambda: rollback.roll_back("orders", bad.change(), repair=ALL, session=bad.session), session=bad.session
    )

    assert (state.repair.canceled, state.repair.rerun) == (("running", "waiting"), ("wrong", "failed"))
    assert states(bad) == before
    assert bad.pin_state("orders").active.version_number == 2


def test_what_was_done_is_kept_in_the_history_and_beside_each_run_in_the_audit_log(bad):
    bad.roll_back("orders", repair=ALL, reason="wrong sums")

    event = bad.session.scalars(select(Event).where(Event.kind == "rolled_back")).one()
    kept = event.evidence["repair"]
    assert (kept["canceled"], kept["rerun"], kept["blocked"], kept["unfinished"]) == (2, 2, 0, "cancel")
    assert event.evidence["rerun_run_ids"] == ["wrong", "failed"]
    logged = bad.session.scalars(select(Log).where(Log.event == "repair_dag_run").order_by(Log.id)).all()
    assert {(entry.run_id, entry.owner, json.loads(entry.extra)["done"]) for entry in logged} == {
        ("running", "alice", "canceled"),
        ("waiting", "alice", "canceled"),
        ("wrong", "alice", "rerun"),
        ("failed", "alice", "rerun"),
    }


class TestARepairInParts:
    @pytest.fixture
    def planned(self, bad, monkeypatch):
        """A rollback that is committed, and of whose repair nothing was done; one run is done at a time."""
        monkeypatch.setattr("airflow_providers_pinning.domain.changes.run_repair_part.RUNS_AT_A_TIME", 1)
        self.state = rollback.roll_back("orders", bad.change(idempotency_key="night"), repair=ALL, session=bad.session)
        bad.session.commit()
        return bad

    def go_on(self, lab, seconds=None):
        return rollback.repair_runs(self.state, seconds=seconds, session=lab.session).repair

    def test_stops_in_time_and_goes_on_when_the_request_is_repeated(self, planned):
        pending = [self.go_on(planned, seconds=0).pending for _ in range(3)]
        report = planned.roll_back("orders", repair=ALL, idempotency_key="night").repair

        assert (pending, report.pending) == ([3, 2, 1], 0)
        assert {run_id: one(planned, run_id).clear_number for run_id in report.rerun} == {"wrong": 1, "failed": 1}

    def test_gives_runs_the_pinned_code_if_a_host_without_the_package_wrote_heads_meanwhile(self, planned):
        planned.session.execute(update(DagModel).where(DagModel.dag_id == "orders").values(bundle_version="sha2"))
        planned.session.commit()

        report = self.go_on(planned)

        assert {one(planned, run_id).bundle_version for run_id in report.rerun} == {"sha1"}

    def test_tells_how_far_it_is(self, planned):
        told = []
        rollback.repair_runs(self.state, progress=lambda *far: told.append(far), session=planned.session)

        assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def test_is_recorded_once_when_it_is_at_its_end(self, planned):
        for _ in range(2):
            self.go_on(planned)

        event = planned.session.scalars(select(Event).where(Event.kind == "runs_repaired")).one()
        assert (event.evidence["repair"]["canceled"], event.evidence["repair"]["rerun"]) == (2, 2)
        assert event.actor == "alice"

    def test_names_runs_that_are_deleted_or_cleared_by_others_meanwhile(self, planned):
        planned.session.execute(delete(TaskInstance).where(TaskInstance.run_id == "wrong"))
        planned.session.delete(one(planned, "wrong"))
        one(planned, "failed").state = "running"
        planned.session.commit()

        report = self.go_on(planned)

        assert report.pending == 0
        assert {blocked.run_id: blocked.reason for blocked in report.blocked} == {
            "wrong": "deleted",
            "failed": "changed",
        }

    def test_stops_if_another_version_becomes_active_and_names_what_is_left(self, planned):
        self.go_on(planned, seconds=0)
        planned.restore("orders", 2)
        planned.pin("orders", 2)

        report = self.go_on(planned)

        assert report.pending == 0
        assert {blocked.reason for blocked in report.blocked} == {"superseded"}
        assert len(report.blocked) == 3
        assert one(planned, "wrong").clear_number == 0

    def test_that_was_superseded_is_recorded_at_its_end_too(self, planned):
        self.go_on(planned, seconds=0)
        planned.restore("orders", 2)
        planned.pin("orders", 2)

        report = self.go_on(planned)

        [event] = planned.session.scalars(select(Event).where(Event.kind == "runs_repaired"))
        counts = event.evidence["repair"]
        assert (counts["canceled"], counts["rerun"], counts["blocked"]) == (1, 0, 3)
        assert (report.canceled, report.rerun) == (("running",), ())
        assert {blocked["reason"] for blocked in event.evidence["blocked_run_ids"]} == {"superseded"}

    def test_names_runs_that_ended_by_themselves_rather_than_count_them_as_canceled(self, planned):
        self.go_on(planned, seconds=0)
        one(planned, "waiting").state = "success"
        planned.session.commit()

        report = self.go_on(planned)

        assert report.canceled == ("running",)
        assert [(blocked.run_id, blocked.message) for blocked in report.blocked] == [
            ("waiting", "Run 'waiting' ended before it could be repaired.")
        ]
        event = planned.session.scalars(select(Event).where(Event.kind == "runs_repaired")).one()
        assert (event.evidence["repair"]["canceled"], event.evidence["repair"]["blocked"]) == (1, 1)

    def test_names_runs_that_somebody_else_moved_to_another_version(self, planned):
        one(planned, "wrong").created_dag_version_id = planned.version("orders", 1).id
        planned.session.commit()

        report = self.go_on(planned)

        assert (report.rerun, [blocked.run_id for blocked in report.blocked]) == (("failed",), ["wrong"])

    def test_that_is_at_its_end_does_nothing_when_the_request_is_repeated(self, planned):
        first = self.go_on(planned)
        one(planned, "running").state = "running"
        planned.session.commit()

        again = planned.roll_back("orders", repair=ALL, idempotency_key="night").repair

        assert again == first
        assert states(planned)["running"] == "running"

    @pytest.mark.parametrize(
        ("error", "refusal"),
        [
            (DatabaseBusyError("Nothing was changed.", retry_after=2), DatabaseBusyError),
            (DatabaseUnavailableError("Nothing was changed.", retry_after=5), DatabaseUnavailableError),
            (
                OperationalError("SELECT", None, Exception("gone"), connection_invalidated=True),
                DatabaseUnavailableError,
            ),
        ],
        ids=["busy", "unavailable", "lost between parts"],
    )
    def test_that_the_database_ends_says_that_the_rollback_was_made(self, error, refusal, planned, monkeypatch):
        parts, part = [], run_repair.next_part

        def failing(*given, **named):
            if parts:
                raise error
            parts.append(part(*given, **named))
            return parts[0]

        monkeypatch.setattr(run_repair, "commit", lambda change, *, session: change())
        monkeypatch.setattr(run_repair, "next_part", failing)

        with pytest.raises(refusal) as told:
            self.go_on(planned)

        revision = self.state.revision
        assert told.value.message == (
            f"The rollback was made (revision {revision}), but 3 runs are not repaired yet. Send the same request "
            "again with the same idempotency key. Without the key, it would roll back again."
        )
        assert told.value.data["retry_after"]


def test_canary_runs_are_neither_counted_nor_repaired(bad):
    from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs

    made = create_canary_runs("orders", CanaryRequest(2), bad.change(), session=bad.session)
    bad.session.commit()
    canary = one(bad, made.run_ids[0])
    canary.state = "failed"
    bad.session.commit()

    report = bad.roll_back("orders", repair=ALL).repair

    assert report.by_state["failed"] == 1
    assert canary.run_id not in (*report.rerun, *report.canceled)
    assert one(bad, canary.run_id).clear_number == 0


def test_a_hold_of_a_rollback_that_would_end_in_the_past_is_refused_before_a_run_is_touched(bad):
    from airflow_providers_pinning.domain.errors import HoldEndsInPastError

    with pytest.raises(HoldEndsInPastError):
        bad.roll_back("orders", repair=ALL, hold=True, hold_until=timezone.utcnow() - timedelta(minutes=1))


def test_a_teardown_that_still_has_to_run_holds_up_no_rerun(lab):
    lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", body="EmptyOperator(task_id='down').as_teardown()"))
    lab.pin("orders", 2)
    run(lab, "wrong", "success", tasks="success")
    run(lab, "busy", "running", tasks="running")
    of_teardown = update(TaskInstance).where(TaskInstance.task_id == "down", TaskInstance.run_id == "busy")
    lab.session.execute(of_teardown.values(state=None))
    lab.session.commit()

    state = lab.roll_back("orders", repair=ALL)

    assert (state.repair.pending, state.repair.canceled, state.repair.rerun) == (0, ("busy",), ("wrong",))
