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
from decimal import Decimal

import pytest
import time_machine
from airflow.exceptions import ParamValidationError
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunType
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import ramped_runs
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.ramp_steps import Step
from airflow_providers_pinning.domain.soak import ramp_verdict
from airflow_providers_pinning.enforcement.runs import ramp as patch
from airflow_providers_pinning.models import Event, Ramp
from tests.support.backfills import backfill
from tests.support.ramps import ALL, HALF, act_on_ramp, end_run, make_run, start_ramp
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded


def source(tasks="extract", schedule="None"):
    return dag_file("orders", f"schedule={schedule}", tasks=tasks)


def kinds(session):
    return list(session.scalars(select(Event.kind).where(Event.dag_id == "orders").order_by(Event.id)))


def state(lab):
    lab.session.expire_all()
    return release_state("orders", session=lab.session)


@pytest.fixture(autouse=True)
def nothing_noted():
    patch._noted.clear()
    yield
    patch._noted.clear()


@pytest.fixture
@remembered
def released(lab):
    """A version that is pinned, and a newer one."""
    lab.commit("sha1", orders=source())
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source(tasks="extract load"))
    return lab


class TestStepThatCountsRuns:
    def test_gives_every_second_run_the_version_at_a_half(self, released):
        start_ramp(released, 2, Step(Decimal("0.5"), runs=10))

        assert [make_run(released) for _ in range(6)] == [1, 2, 1, 2, 1, 2]

    def test_leaves_the_active_version_and_the_schedule_as_they_are(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=10))

        make_run(released)

        assert state(released).active.version_number == 1
        assert released.dag_model("orders").bundle_version == "sha1"

    def test_gives_a_run_the_code_and_the_tasks_of_its_version(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=10))

        make_run(released)

        [run] = released.runs("orders")
        assert run.bundle_version == "sha2"
        assert {ti.task_id for ti in run.task_instances} == {"extract", "load"}

    def test_is_passed_when_enough_runs_finished(self, released):
        start_ramp(released, 2, HALF, ALL)

        assert [make_run(released) for _ in range(3)] == [1, 2, 1]
        assert state(released).ramp.step == 2

    def test_that_is_the_last_leads_to_the_pin_of_the_version(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=2))

        assert [make_run(released) for _ in range(3)] == [2, 2, 2]

        now = state(released)
        assert (now.active.version_number, now.ramp) == (2, None)
        assert kinds(released.session)[-2:] == ["ramp_started", "pinned"]
        assert released.dag_model("orders").bundle_version == "sha2"

    def test_waits_for_a_person_if_that_was_asked_for(self, released):
        from airflow_providers_pinning.vocabulary import RampPromotion

        start_ramp(released, 2, Step(Decimal(1), runs=1), promotion=RampPromotion.MANUAL)

        for _ in range(3):
            make_run(released)
        assert state(released).active.version_number == 1

        assert act_on_ramp(released, "promote").active.version_number == 2

    def test_is_not_passed_while_its_time_is_not_over(self, released):
        with time_machine.travel("2027-01-01T12:00:00Z", tick=True) as clock:
            start_ramp(released, 2, Step(Decimal(1), 1, timedelta(hours=1)), ALL)
            make_run(released)
            make_run(released)
            assert state(released).ramp.step == 1

            clock.shift(timedelta(hours=2))
            make_run(released)

            assert state(released).ramp.step == 2

    def test_says_which_run_is_the_next(self, released):
        started = start_ramp(released, 2, Step(Decimal("0.25"), runs=5))
        assert started.ramp.next_in == 4

        make_run(released)

        assert state(released).ramp.next_in == 3
        assert "the next 2 runs do not get it" in str(state(released).ramp)


class TestStepThatDoesNotCount:
    STEP = Step(Decimal("0.3"), duration=timedelta(days=1))

    def test_decides_by_the_id_of_the_run(self, released):
        start_ramp(released, 2, self.STEP)
        ids = [f"run_{number}" for number in range(40)]

        first = {run_id: make_run(released, run_id=run_id) for run_id in ids}

        assert 4 <= list(first.values()).count(2) <= 20
        for run in released.runs("orders"):
            released.session.delete(run)
        released._commit()
        assert {run_id: make_run(released, run_id=run_id) for run_id in ids} == first


class TestVersionThatFails:
    def test_gets_no_run_any_more(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        make_run(released)

        assert make_run(released, "failed") == 2
        assert [make_run(released) for _ in range(3)] == [1, 1, 1]

        now = state(released)
        assert (now.active.version_number, now.ramp) == (1, None)
        assert kinds(released.session)[-1] == "ramp_aborted"

    def test_says_why_in_the_history(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        make_run(released, "failed")
        make_run(released)

        event = released.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert event.kind == "ramp_aborted"
        assert "1 of 1 finished runs failed (limit: 0)." in event.reason
        assert event.evidence["soak"]["failed"] == 1

    def test_goes_on_as_long_as_that_is_tolerated(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=9), max_failures=1)
        make_run(released, "failed")

        assert make_run(released, "failed") == 2
        assert make_run(released) == 1

    def test_is_found_out_in_a_later_step_too(self, released):
        """A run of the first step may fail when the second has begun."""
        start_ramp(released, 2, Step(Decimal(1), runs=1), Step(Decimal(1), runs=5))
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.utils.types import DagRunTriggeredByType

        slow = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=released.session)
        released._commit()
        make_run(released)
        make_run(released)
        assert state(released).ramp.step == 2

        end_run(released, released.session.merge(slow), "failed")

        assert make_run(released) == 1

    def test_leaves_runs_that_are_under_way_their_version(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        make_run(released, "failed")
        make_run(released)

        assert [next(iter(released.used_versions(run))) for run in released.runs("orders")] == [2, 1]


class TestVersionThatNoRunCouldHave:
    def test_ends_the_ramp_on_record_and_the_run_has_the_pinned_one(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        released.session.execute(
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == released.version("orders", 2).id)
            .values(dag_hash="f" * 32)
        )
        released._commit()

        assert make_run(released) == 1

        assert kinds(released.session)[-1] == "ramp_aborted"
        assert (
            "no longer what it was" in released.session.scalars(select(Event).order_by(Event.id.desc())).first().reason
        )

    def test_for_its_code_is_gone_ends_the_ramp_too(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        assert make_run(released) == 2
        released.lose_code("orders", 2)

        assert make_run(released) == 1

        assert state(released).ramp is None
        aborted = released.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert "could not get the code of version 2: the commit is gone" in aborted.reason

    def test_for_its_plugin_is_gone_ends_the_ramp_too(self, released):
        start_ramp(released, 2, Step(Decimal("0.5"), runs=5))
        released.remove_plugin("orders", 2)
        # A process that has read the version with its plugin goes on.
        ramped_runs.forget_dags()

        assert [make_run(released) for _ in range(3)] == [1, 1, 1]

        assert state(released).ramp is None
        aborted = released.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert "cannot be deserialized" in aborted.reason


class TestDagOfTheVersion:
    def test_is_read_once_by_a_process(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        ramped_runs.forget_dags()

        with recorded(released.session) as first:
            assert make_run(released) == 2
        with recorded(released.session) as second:
            assert make_run(released) == 2

        assert len(second) == len(first) - 1

    def test_is_not_used_any_more_after_it_was_rewritten(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        assert make_run(released) == 2
        released.session.execute(
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == released.version("orders", 2).id)
            .values(dag_hash="another")
        )
        released.session.commit()

        assert make_run(released) == 1
        assert state(released).ramp is None


class TestErrorOfOurOwn:
    def test_leaves_the_run_with_the_pinned_version_and_the_ramp_as_it_is(self, released, monkeypatch, caplog):
        start_ramp(released, 2, Step(Decimal(1), runs=5))

        def fail(*args, **kwargs):
            raise RuntimeError("ours")

        with monkeypatch.context() as patched:
            patched.setattr(ramp_verdict, "assess", fail)
            assert make_run(released) == 1

        assert state(released).ramp.status == "running"
        assert make_run(released) == 2


class TestPausedRamp:
    def test_gives_no_run_its_version_until_it_is_resumed(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        act_on_ramp(released, "pause")
        assert make_run(released) == 1

        act_on_ramp(released, "resume")

        assert make_run(released) == 2


class TestRuns:
    def test_of_a_backfill_keep_the_pinned_version(self, released):
        released.commit("sha3", orders=source(tasks="extract load", schedule="'@daily'"))
        released.pin("orders", 2)
        released.commit("sha4", orders=source(tasks="extract load more", schedule="'@daily'"))
        start_ramp(released, 3, Step(Decimal(1), runs=5))

        backfill()

        released.session.expire_all()
        [run] = released.runs("orders")
        assert run.run_type == DagRunType.BACKFILL_JOB
        assert released.used_versions(run) == {2}

    def test_of_the_version_did_not_escape_the_pin(self, released):
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        make_run(released)

        assert escaped_run_ids("orders", limit=10, session=released.session) == []

        act_on_ramp(released, "abort")
        assert escaped_run_ids("orders", limit=10, session=released.session) == []
        assert state(released).health.status.value == "healthy"


class TestScheduler:
    SCHEDULE = "'@hourly'"

    @pytest.fixture
    def scheduled(self, lab):
        with time_machine.travel("2026-01-01T04:00:30Z", tick=True) as clock:
            self.clock = clock
            lab.commit("sha1", orders=source(schedule=self.SCHEDULE))
            lab.pin("orders", 1)
            lab.commit("sha2", orders=source("extract load", schedule=self.SCHEDULE))
            yield lab

    def turn(self, scheduler, times=1):
        """Let a run become due before each turn."""
        for _ in range(times):
            self.clock.shift(timedelta(hours=1))
            scheduler.turn()

    def numbers(self, lab):
        return [next(iter(lab.used_versions(run))) for run in lab.runs("orders")]

    def end_all(self, lab, state="success"):
        for run in lab.runs("orders"):
            if run.state not in ("success", "failed"):
                end_run(lab, run, state)

    def test_gives_scheduled_runs_the_version_by_share(self, scheduled, scheduler):
        start_ramp(scheduled, 2, Step(Decimal("0.5"), runs=5))

        self.turn(scheduler, times=4)

        assert self.numbers(scheduled) == [1, 2, 1, 2]
        intervals = [run.data_interval_start.hour for run in scheduled.runs("orders")]
        assert intervals == [4, 5, 6, 7]

    def test_lets_the_ramp_go_on_at_its_next_turn(self, scheduled, scheduler):
        start_ramp(scheduled, 2, Step(Decimal(1), runs=1), Step(Decimal("0.5"), runs=5))
        self.turn(scheduler)
        self.end_all(scheduled)

        self.turn(scheduler)
        assert state(scheduled).ramp.step == 1
        self.turn(scheduler)

        assert state(scheduled).ramp.step == 2
        assert self.numbers(scheduled) == [2, 2, 1]

    def test_promotes_it(self, scheduled, scheduler):
        start_ramp(scheduled, 2, Step(Decimal(1), runs=1))
        self.turn(scheduler)
        self.end_all(scheduled)

        self.turn(scheduler, times=2)

        assert (state(scheduled).active.version_number, state(scheduled).ramp) == (2, None)
        assert self.numbers(scheduled) == [2, 2, 2]

    def test_aborts_it(self, scheduled, scheduler):
        start_ramp(scheduled, 2, Step(Decimal(1), runs=5))
        self.turn(scheduler)
        self.end_all(scheduled, "failed")

        self.turn(scheduler, times=2)

        assert (state(scheduled).active.version_number, state(scheduled).ramp) == (1, None)
        assert self.numbers(scheduled) == [2, 1, 1]


def test_ended_ramps_stay_to_tell_of_their_runs(released):
    start_ramp(released, 2)
    act_on_ramp(released, "abort")

    [ramp] = released.session.scalars(select(Ramp))
    assert (ramp.status, ramp.message, ramp.ended_after) == ("aborted", "because", 0)


class TestVersionThatRefusesTheParametersOfRuns:
    @pytest.fixture
    def stricter(self, lab):
        """The new version asks for a parameter that nobody gives, and has no schedule that would forbid that."""
        needs = "params={'needed': Param(type='string')}"
        lab.commit("sha1", orders=dag_file("orders", "schedule=[Asset('up')]", tasks="extract"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", f"schedule=None, {needs}", tasks="extract load"))
        return lab

    def test_ends_the_ramp_on_record_and_neither_the_run_nor_the_scheduler(self, stricter, scheduler):
        start_ramp(stricter, 2, Step(Decimal(1), runs=5))
        stricter.publish("up")

        scheduler.turn(2)

        [run] = stricter.runs("orders")
        assert stricter.used_versions(run) == {1}
        aborted = stricter.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert aborted.kind == "ramp_aborted"
        assert "refuses the parameters of a run" in aborted.reason

    def test_that_no_version_takes_says_nothing_of_it(self, lab):
        declared = "schedule=None, params={'size': Param(1, type='integer')}"
        lab.commit("sha1", orders=dag_file("orders", declared, tasks="extract"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", declared, tasks="extract load"))
        start_ramp(lab, 2, Step(Decimal(1), runs=5))

        with pytest.raises(ParamValidationError):
            make_run(lab, conf={"size": "x"})
        lab.session.rollback()

        assert state(lab).ramp.status == "running"


class TestAutomaticRollback:
    def test_gives_its_run_the_stable_version_and_not_the_ramps(self, released):
        from airflow_providers_pinning.domain.policies import store
        from airflow_providers_pinning.schemas.policies import validated

        make_run(released)
        released.pin("orders", 2)
        released.commit("sha3", orders=source(tasks="extract load more"))
        policy = {"name": "all", "match": {"dag_ids": ["*"]}, "auto_rollback": {"max_failures": 0, "within_runs": 5}}
        store.apply(validated({"policies": [policy]}), released.change(), session=released.session)
        released._commit()
        make_run(released, "failed")
        start_ramp(released, 3, Step(Decimal(1), runs=5))

        assert make_run(released) == 1

        assert (state(released).active.version_number, state(released).ramp) == (1, None)


def test_a_dag_with_one_active_run_at_a_time_keeps_the_share_and_passes_its_step(lab, scheduler):
    arguments = "schedule='@hourly', max_active_runs=1"
    with time_machine.travel("2026-01-01T04:00:30Z", tick=True) as clock:
        lab.commit("sha1", orders=dag_file("orders", arguments, tasks="extract"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", arguments, tasks="extract load"))
        start_ramp(lab, 2, Step(Decimal("0.5"), runs=2), Step(Decimal(1), runs=50))
        for _ in range(7):
            clock.shift(timedelta(hours=1))
            scheduler.turn(6)

    numbers = [next(iter(lab.used_versions(run))) for run in lab.runs("orders")]
    assert numbers[:7] == [1, 2, 1, 2, 1, 2, 2]
    assert state(lab).ramp.step == 2


def test_a_scheduled_run_of_the_ramps_version_reads_its_version_once(lab, scheduler, caplog):
    lab.commit("sha1", orders=source(schedule="'@daily'"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source(tasks="extract load", schedule="'@daily'"))
    start_ramp(lab, 2, Step(Decimal(1), runs=50))

    with recorded(Session) as statements, caplog.at_level("INFO"):
        scheduler.create_due_runs()

    [run] = lab.runs("orders")
    assert lab.used_versions(run) == {2}
    assert sum("WHERE serialized_dag.dag_version_id =" in statement for statement in statements) == 1
    assert "moved while a run was being created" not in caplog.text
