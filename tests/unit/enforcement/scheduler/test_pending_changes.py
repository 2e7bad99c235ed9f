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

import copy
import re
from datetime import datetime, timedelta, timezone
from time import monotonic

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.cli import cli_parser
from airflow.cli.commands import dag_command
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import due, into_effect
from airflow_providers_pinning.domain.errors import ActivationPendingError, NothingPendingError, PinUnavailableError
from airflow_providers_pinning.domain.history.events import Caller
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.policies import freezes, store
from airflow_providers_pinning.models import Event, ManagedVersion, Pin, TimedChange
from airflow_providers_pinning.schemas.policies import validated
from tests.support.backfills import backfill
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file

MINUTE = timedelta(minutes=1)


def now():
    return datetime.now(timezone.utc)


def at_minute(moment):
    return moment.replace(second=0, microsecond=0)


def scheduled(cron, start, *, tasks="extract"):
    begin = f"datetime({start.year}, {start.month}, {start.day}, {start.hour}, {start.minute}, tzinfo=timezone.utc)"
    source = dag_file("orders", f"schedule={cron!r}, max_active_runs=100", tasks=tasks)
    return re.sub(r"start_date=datetime\([^)]*\), catchup=False", f"start_date={begin}, catchup=True", source)


def by_version(lab, dag_id="orders"):
    """Return the times of the runs, by the version that all their tasks have."""
    found = {}
    for run in lab.runs(dag_id):
        [number] = lab.used_versions(run)
        assert run.bundle_version == f"sha{number}"
        found.setdefault(number, []).append(run.run_after)
    return found


def kinds(session):
    return list(session.scalars(select(Event.kind).where(Event.dag_id == "orders").order_by(Event.id)))


def trigger(lab, run_after=None, **more):
    run = trigger_dag(
        "orders", triggered_by=DagRunTriggeredByType.REST_API, run_after=run_after, session=lab.session, **more
    )
    lab.session.commit()
    return run


@pytest.fixture
@remembered
def two(lab):
    """A Dag with two versions without a schedule, of which the first is pinned."""
    lab.commit("sha1", orders=dag_file("orders", "schedule=None"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule=None", tasks="extract load"))
    return lab


class TestManyChanges:
    def test_that_wait_for_the_old_schedule_keep_no_other_from_its_turn(self, lab, scheduler, monkeypatch):
        monkeypatch.setattr(due, "AT_ONCE", 1)
        monkeypatch.setattr(due, "_left", {})
        start = at_minute(now()) - 20 * MINUTE
        waiting = scheduled("* * * * *", start)
        lab.commit("sha1", orders=waiting, invoices=dag_file("invoices", "schedule=None"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, now() - 2 * MINUTE)
        lab.pin_from("invoices", 1, now() - MINUTE)

        for _ in range(2):
            due.put_due_into_effect(session=lab.session)
            lab.session.rollback()

        assert lab.pin_row("orders").version_number == 1
        assert lab.pin_row("invoices").version_number == 1

    def test_take_only_so_much_of_a_turn(self, lab, monkeypatch):
        monkeypatch.setattr(due, "TURN", 0.0)
        monkeypatch.setattr(due, "_left", {})
        lab.commit("sha1", orders=dag_file("orders", "schedule=None"))
        lab.pin_from("orders", 1, now() - MINUTE)

        assert due.put_due_into_effect(session=lab.session) == 0
        monkeypatch.undo()
        assert due.put_due_into_effect(session=lab.session) == 1


class TestAssetEventsOfBefore:
    def test_do_not_end_the_scheduler_if_the_plugin_of_the_version_before_is_gone(self, lab, scheduler):
        on_asset = dag_file("orders", "schedule=[Asset('raw')]")
        other = on_asset.replace("'orders'", "'invoices'")
        lab.commit("sha1", orders=on_asset, invoices=other)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('raw')]", tasks="extract load"), invoices=other)
        lab.publish("raw")
        lab.pin_from("orders", 2, now())
        due.put_due_into_effect(session=lab.session)
        lab.remove_plugin("orders", 1)

        scheduler.turn()

        assert lab.pin_row("orders").version_number == 2
        assert lab.runs("orders") == []
        assert len(lab.runs("invoices")) == 1


class TestScheduledRuns:
    def test_change_sides_exactly_at_the_time_with_another_schedule(self, lab, scheduler):
        start = at_minute(now()) - 20 * MINUTE
        moment = start + 11 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, moment)

        scheduler.turn(30)

        found = by_version(lab)
        assert found[1] == [start + n * MINUTE for n in range(11)]
        assert found[2][0] == moment + MINUTE * (moment.minute % 2)
        assert all(run_after >= moment and run_after.minute % 2 == 0 for run_after in found[2])
        assert lab.pin_row("orders").version_number == 2

    def test_change_sides_exactly_at_the_time_with_the_same_schedule(self, lab, scheduler):
        start = at_minute(now()) - 20 * MINUTE
        moment = start + 11 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("* * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, moment)

        scheduler.turn(30)

        found = by_version(lab)
        assert found[1] == [start + n * MINUTE for n in range(11)]
        assert found[2][:9] == [start + n * MINUTE for n in range(11, 20)]

    def test_begin_when_the_new_schedule_says_though_the_old_one_is_not_due_for_long(self, lab, scheduler):
        moment = at_minute(now()) - 3 * MINUTE
        lab.commit("sha1", orders=scheduled("0 0 1 1 *", moment))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("* * * * *", moment - 10 * MINUTE, tasks="extract load"))
        lab.pin_from("orders", 2, moment)

        scheduler.turn(3)

        assert by_version(lab) == {2: [moment, moment + MINUTE, moment + 2 * MINUTE]}

    def test_do_not_begin_earlier_after_the_file_is_parsed_again(self, lab, scheduler):
        moment = at_minute(now()) - 3 * MINUTE
        lab.commit("sha1", orders=scheduled("0 0 1 1 *", moment))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("* * * * *", moment - 10 * MINUTE, tasks="extract load"))
        lab.pin_from("orders", 2, moment)
        due.put_due_into_effect(session=lab.session)

        lab.parse("sha2")

        assert lab.dag_model("orders").next_dagrun_create_after == moment

    def test_begin_at_the_time_whatever_lies_between_it_and_the_start_of_the_dag(self, lab, scheduler):
        moment = at_minute(now()) - 3 * MINUTE
        lab.commit("sha1", orders=dag_file("orders", "schedule=None"))
        lab.pin("orders", 1)
        years_ago = moment.replace(year=moment.year - 5, day=1)
        lab.commit("sha2", orders=scheduled("* * * * *", years_ago, tasks="extract load"))
        lab.pin_from("orders", 2, moment)

        started = monotonic()
        scheduler.turn(3)

        assert monotonic() - started < 10
        assert by_version(lab) == {2: [moment, moment + MINUTE, moment + 2 * MINUTE]}

    def test_wait_for_one_that_the_old_schedule_still_has_to_make(self, lab, scheduler):
        start = at_minute(now()) - 10 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, start + 2 * MINUTE)

        scheduler.turn()

        state = lab.pin_state("orders")
        assert state.active.version_number == 1
        assert state.pending.is_due
        assert state.pending.waits_for == start + MINUTE

    def test_are_not_waited_for_if_the_old_version_cannot_be_read(self, lab, scheduler, session):
        start = at_minute(now()) - 10 * MINUTE
        moment = start + 2 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, moment)
        old = session.scalars(select(SerializedDagModel).order_by(SerializedDagModel.created_at)).first()
        data = copy.deepcopy(old.data)
        data["dag"]["timetable"] = {"__type": "plugin_that_is_gone.Timetable", "__var": {}}
        session.execute(update(SerializedDagModel).where(SerializedDagModel.id == old.id).values(_data=data))
        session.commit()

        scheduler.turn(4)

        assert lab.pin_row("orders").version_number == 2
        found = by_version(lab)
        assert set(found) == {2}
        assert min(found[2]) >= moment
        evidence = session.scalars(
            select(Event.evidence).where(Event.kind == "pinned").order_by(Event.id.desc())
        ).first()
        assert "cannot be deserialized" in evidence["old_schedule"]["unreadable"]

    def test_of_the_old_version_are_made_later_if_the_dag_was_paused(self, lab, scheduler):
        start = at_minute(now()) - 10 * MINUTE
        moment = start + 2 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, moment)
        lab.session.execute(update(DagModel).values(is_paused=True))
        lab.session.commit()
        scheduler.turn()
        assert lab.pin_row("orders").version_number == 2

        lab.session.execute(update(DagModel).values(is_paused=False))
        lab.session.commit()
        scheduler.turn(5)

        found = by_version(lab)
        assert all(run_after < moment for run_after in found[1])
        assert all(run_after >= moment for run_after in found[2])

    def test_are_not_waited_for_if_the_automatic_rollback_lets_the_old_version_have_none(self, lab, scheduler):
        start = at_minute(now()) - 10 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, start + 2 * MINUTE)
        lab.session.execute(update(Pin).values(breaker="waiting"))
        lab.session.commit()

        scheduler.turn(2)

        assert lab.pin_row("orders").version_number == 2
        assert lab.runs("orders") != []

    def test_are_not_made_by_the_old_version_while_the_change_is_due(self, lab, scheduler, monkeypatch):
        start = at_minute(now()) - 3 * MINUTE
        lab.commit("sha1", orders=scheduled("* * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/2 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, start)

        # A turn in which the change fell due after it was looked for.
        scheduler.create_due_runs()
        assert lab.runs("orders") == []

        scheduler.turn(4)
        assert set(by_version(lab)) == {2}


class TestManualRuns:
    def test_have_the_old_version_before_and_the_new_one_after(self, two, scheduler):
        moment = now() + timedelta(hours=1)
        two.pin_from("orders", 2, moment)

        trigger(two)
        trigger(two, moment - timedelta(microseconds=1))
        trigger(two, moment)
        trigger(two, moment + timedelta(days=1))

        assert {number: len(times) for number, times in by_version(two).items()} == {1: 2, 2: 2}
        assert two.pin_state("orders").health.problems == ()

    def test_have_the_new_version_once_it_is_due_though_no_scheduler_runs(self, two):
        two.pin_from("orders", 2, now() - MINUTE)

        run = trigger(two)

        assert two.used_versions(run) == {2}
        assert two.task_ids(run) == {"extract", "load"}

    def test_have_the_old_version_if_they_are_late(self, two, scheduler):
        moment = now() - MINUTE
        two.pin_from("orders", 2, moment)
        scheduler.turn()

        late, new = trigger(two, moment - timedelta(seconds=1)), trigger(two)

        assert two.used_versions(late) == {1}
        assert two.task_ids(late) == {"extract"}
        assert two.used_versions(new) == {2}
        assert two.pin_state("orders").health.problems == ()

    def test_have_the_version_of_their_time_after_several_changes(self, two, scheduler):
        first, second = now() - 20 * MINUTE, now() - 10 * MINUTE
        two.pin_from("orders", 2, first)
        scheduler.turn()
        two.commit("sha3", orders=dag_file("orders", "schedule=None", tasks="a b c"))
        two.pin_from("orders", 3, second)
        scheduler.turn()

        for moment in (first - MINUTE, first, second - MINUTE, second):
            trigger(two, moment)

        assert by_version(two) == {1: [first - MINUTE], 2: [first, second - MINUTE], 3: [second]}

    def test_all_have_the_active_version_once_it_is_pinned_without_a_time(self, two, scheduler):
        moment = now() - MINUTE
        two.pin_from("orders", 2, moment)
        scheduler.turn()

        two.pin("orders", 2)

        assert two.used_versions(trigger(two, moment - MINUTE)) == {2}

    def test_have_the_latest_version_after_an_unpin(self, two, scheduler):
        moment = now() - MINUTE
        two.unpin_from("orders", moment)

        early, late = trigger(two), trigger(two, moment - MINUTE)
        scheduler.turn()
        assert not two.pin_state("orders").pinned
        after, before = trigger(two), trigger(two, moment - timedelta(seconds=2))

        assert [two.used_versions(run) for run in (early, late, after, before)] == [{2}, {1}, {2}, {1}]
        assert [run.bundle_version for run in (early, late, after, before)] == ["sha2", "sha1", "sha2", "sha1"]


class TestOtherRuns:
    def test_of_a_backfill_have_the_version_of_their_time(self, lab, scheduler):
        start = at_minute(now()) - 60 * MINUTE
        moment = start + 30 * MINUTE
        lab.commit("sha1", orders=scheduled("*/10 * * * *", start))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=scheduled("*/10 * * * *", start, tasks="extract load"))
        lab.pin_from("orders", 2, moment)
        scheduler.turn()
        assert lab.pin_row("orders").version_number == 2

        backfill(start, now(), max_active_runs=10)

        found = by_version(lab)
        assert found[1]
        assert found[2]
        assert max(found[1]) < moment <= min(found[2])

    @pytest.mark.parametrize("pinned_at_once", [True, False])
    def test_that_an_asset_triggers_have_the_version_of_the_event(self, pinned_at_once, lab, scheduler):
        on_asset = "schedule=[Asset('raw')]"
        lab.commit("sha1", orders=dag_file("orders", on_asset))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", on_asset, tasks="extract load"))
        lab.publish("raw")
        lab.pin_from("orders", 2, now() - MINUTE if pinned_at_once else now())

        scheduler.turn(2)

        [run] = lab.runs("orders")
        assert lab.used_versions(run) == ({2} if pinned_at_once else {1})
        assert lab.pin_row("orders").version_number == 2

    def test_of_assets_follow_the_new_version(self, lab, scheduler):
        lab.commit("sha1", orders=dag_file("orders", "schedule=[Asset('raw')]"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('other')]"))
        lab.pin_from("orders", 2, now() - MINUTE)
        scheduler.turn()

        lab.publish("raw")
        scheduler.turn()
        assert lab.runs("orders") == []
        lab.publish("other")
        scheduler.turn()

        assert set(by_version(lab)) == {2}

    def test_of_partitions_have_the_new_version(self, lab, scheduler):
        partitioned = "schedule=PartitionedAssetTimetable(assets=Asset('raw'))"
        lab.commit("sha1", orders=dag_file("orders", partitioned))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", partitioned, tasks="extract load"))
        lab.pin_from("orders", 2, now() - MINUTE)
        lab.publish("raw", partition_key="north")

        scheduler.turn(2)

        [run] = lab.runs("orders")
        assert lab.used_versions(run) == {2}

    def test_of_an_asset_wait_if_the_change_fell_due_in_the_turn(self, lab, scheduler):
        lab.commit("sha1", orders=dag_file("orders", "schedule=[Asset('raw')]"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('raw')]", tasks="extract load"))
        lab.pin_from("orders", 2, now() - MINUTE)
        lab.publish("raw")

        # A turn in which the change fell due after it was looked for.
        scheduler.create_due_runs()
        assert lab.runs("orders") == []

        scheduler.turn()
        assert set(by_version(lab)) == {2}

    def test_of_a_partition_wait_if_the_change_fell_due_in_the_turn(self, lab, scheduler):
        partitioned = "schedule=PartitionedAssetTimetable(assets=Asset('raw'))"
        lab.commit("sha1", orders=dag_file("orders", partitioned))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", partitioned, tasks="extract load"))
        lab.pin_from("orders", 2, now() - MINUTE)
        lab.publish("raw", partition_key="north")

        scheduler.create_due_runs()
        assert lab.runs("orders") == []

        scheduler.turn(2)
        assert set(by_version(lab)) == {2}

    def test_of_a_dag_that_is_tested_run_what_is_in_its_file(self, two, tmp_path):
        local = dag_file("orders", "schedule=None", tasks="other")
        two.pin_from("orders", 2, now() - MINUTE)
        (tmp_path / "orders.py").write_text(local)

        run = DagBag(tmp_path, bundle_path=tmp_path, bundle_name=BUNDLE).dags["orders"].test()

        assert two.task_ids(run) == {"other"}
        assert two.pin_row("orders").version_number == 1

    def test_that_are_cleared_on_the_latest_version_have_the_active_one(self, two, scheduler, session):
        moment = now() - MINUTE
        run_id = trigger(two, moment - MINUTE).run_id
        two.pin_from("orders", 2, moment)
        scheduler.turn()
        assert set(by_version(two)) == {1}

        two.serialized("orders", 2).dag.clear(run_id=run_id, run_on_latest_version=True, session=session)
        session.commit()

        [run] = two.runs("orders")
        assert {ti.dag_version_id for ti in run.task_instances if ti.task_id == "extract"} == {
            two.version("orders", 2).id
        }


def asked_by_rest(lab, api, moment):
    body = {"logical_date": None, **({"run_after": moment.isoformat()} if moment else {})}
    assert api().post("/api/v2/dags/orders/dagRuns", json=body).status_code == 200


def asked_by_a_task(lab, api, moment):
    trigger_dag(
        "orders",
        run_type=DagRunType.OPERATOR_TRIGGERED,
        triggered_by=DagRunTriggeredByType.OPERATOR,
        run_after=moment,
    )


def asked_by_command(lab, api, moment):
    dag_command.dag_trigger(cli_parser.get_parser().parse_args(["dags", "trigger", "orders", "--output", "json"]))


def asked_by_materializing(lab, api, moment):
    asset = lab.session.scalars(select(AssetModel).where(AssetModel.name == "report")).one()
    assert api().post(f"/api/v2/assets/{asset.id}/materialize", json={}).status_code == 200


NOW_ONLY = (asked_by_command, asked_by_materializing)


@pytest.fixture
@remembered
def report(lab):
    """A Dag that publishes an asset, with two versions, of which the first is pinned."""
    publish = "EmptyOperator(task_id='publish', outlets=[Asset('report')])"
    lab.commit("sha1", orders=dag_file("orders", "schedule=None", body=publish))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule=None", tasks="extract load", body=publish))
    return lab


@pytest.mark.parametrize(
    "ask",
    [asked_by_rest, asked_by_a_task, asked_by_command, asked_by_materializing],
    ids=lambda one: one.__name__,
)
class TestEveryWayToAskForARun:
    def test_before_a_change_gives_the_old_version(self, ask, report, api):
        report.pin_from("orders", 2, now() + timedelta(hours=1))

        ask(report, api, None)

        assert set(by_version(report)) == {1}

    @pytest.mark.parametrize("in_effect", [True, False])
    def test_after_a_change_gives_the_new_version(self, ask, in_effect, report, api, scheduler):
        report.pin_from("orders", 2, now() - MINUTE)
        if in_effect:
            scheduler.turn()

        ask(report, api, None)

        assert set(by_version(report)) == {2}

    @pytest.mark.parametrize("in_effect", [True, False])
    def test_for_another_time_gives_the_version_of_that(self, ask, in_effect, report, api, scheduler):
        moment = now() - MINUTE if in_effect else now() + timedelta(hours=1)
        report.pin_from("orders", 2, moment)
        if in_effect:
            scheduler.turn()
        other = moment - timedelta(seconds=1) if in_effect else moment

        ask(report, api, other)

        expected = 1 if in_effect else 2
        # What cannot be asked for another time is one of now.
        assert set(by_version(report)) == {3 - expected if ask in NOW_ONLY else expected}


class TestChange:
    def test_takes_effect_once_with_one_event(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)

        scheduler.turn(3)

        assert kinds(session) == ["pinned", "activation_scheduled", "pinned"]
        event = session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()
        assert event.actor == "alice"
        assert event.evidence["activation"]["action"] == "pin"

    def test_waits_for_its_time(self, two, scheduler):
        moment = now() + timedelta(hours=1)
        state = two.pin_from("orders", 2, moment)

        scheduler.turn(2)

        assert state.active.version_number == 1
        assert (state.pending.version.version_number, state.pending.effective_from) == (2, moment)
        assert two.pin_row("orders").version_number == 1
        assert two.managed("orders") == {1: "active", 2: "candidate"}

    def test_of_a_rollback_rejects_what_was_active(self, two, scheduler):
        two.pin("orders", 2)
        two.roll_back_from("orders", now() - MINUTE)
        assert two.managed("orders")[2] == "active"

        scheduler.turn()

        assert two.managed("orders") == {1: "active", 2: "rejected"}

    def test_does_not_take_effect_if_the_version_was_rejected_since(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE, override_reason="urgent")
        two.reject("orders", 2)
        with pytest.raises(PinUnavailableError):
            trigger(two)
        session.rollback()

        scheduler.turn(2)

        state = two.pin_state("orders")
        assert state.active.version_number == 1
        assert [problem.reason for problem in state.health.problems] == ["activation_failed"]
        assert "version_rejected" in state.health.problems[0].message
        assert kinds(session)[-1] == "activation_failed"
        assert session.scalars(select(TimedChange.status)).all() == ["failed"]
        assert two.used_versions(trigger(two)) == {1}

    def test_does_not_take_effect_if_the_version_changed_since(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)
        two.rewrite("orders", 2, bundle_version="rewritten")
        with pytest.raises(PinUnavailableError):
            trigger(two)
        session.rollback()

        scheduler.turn(2)

        assert two.pin_state("orders").active.version_number == 1
        assert session.scalars(select(TimedChange.result_reason)).all() == ["version_drifted"]

    def test_does_not_take_effect_if_the_version_is_gone(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)
        two.remove_version("orders", 2)

        scheduler.turn(2)

        assert two.pin_state("orders").active.version_number == 1
        assert session.scalars(select(TimedChange.result_reason)).all() == ["unknown_version"]

    def test_does_not_take_effect_if_the_code_is_missing(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)
        two.lose_code("orders", 2)

        scheduler.turn()

        assert session.scalars(select(TimedChange.result_reason)).all() == ["code_unavailable"]

    def test_does_not_take_effect_if_the_dag_was_put_on_hold_since(self, two, scheduler, session):
        from airflow_providers_pinning.domain.changes.hold import hold

        two.pin_from("orders", 2, now() - MINUTE, override_reason="urgent")
        hold("orders", two.change(), session=session)
        session.commit()

        scheduler.turn()

        assert session.scalars(select(TimedChange.result_reason)).all() == ["held"]
        assert two.pin_state("orders").hold

    def test_does_not_take_effect_if_changes_were_frozen_since(self, two, scheduler, session):
        caller = Caller("alice", may_override_policies=lambda: True)
        two.pin_from("orders", 2, now() - MINUTE, caller=caller, override_reason="urgent")
        freezes.freeze(two.change(), session=session)
        session.commit()
        with pytest.raises(PinUnavailableError, match="blocks changes"):
            trigger(two)
        session.rollback()

        scheduler.turn()

        assert session.scalars(select(TimedChange.result_reason)).all() == ["policy"]
        assert two.used_versions(trigger(two)) == {1}

    def test_that_overrides_a_freeze_takes_effect_though_it_is_frozen_still(self, two, scheduler, session):
        freezes.freeze(two.change(), session=session)
        session.commit()
        caller = Caller("alice", may_override_policies=lambda: True)
        two.pin_from("orders", 2, now() - MINUTE, caller=caller, override_reason="urgent")

        assert two.used_versions(trigger(two)) == {2}
        scheduler.turn()

        assert two.pin_state("orders").active.version_number == 2

    def test_is_not_stopped_by_a_freeze_that_ends_before_its_time(self, two, session):
        two.pin_from("orders", 2, now() + timedelta(hours=2))
        freezes.freeze(two.change(), until=now() + timedelta(hours=1), session=session)
        session.commit()

        assert two.used_versions(trigger(two, now() + timedelta(hours=3))) == {2}

    def test_does_not_take_effect_if_the_policy_changed_since(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)
        strict = {"name": "strict", "match": {"dag_ids": ["orders"]}, "requires": {"approvals": 1}}
        store.apply(validated({"policies": [strict]}), two.change(), session=session)
        session.commit()

        scheduler.turn()

        assert session.scalars(select(TimedChange.result_reason)).all() == ["policy"]

    def test_that_an_override_allowed_does_not_override_a_rejection_by_a_clock_that_is_slow(
        self, two, scheduler, session
    ):
        two.pin_from("orders", 2, now() - MINUTE, override_reason="urgent")
        two.reject("orders", 2)
        session.execute(update(ManagedVersion).values(state_changed_at=now() - timedelta(days=1)))
        session.commit()

        scheduler.turn()

        assert session.scalars(select(TimedChange.result_reason)).all() == ["version_rejected"]

    def test_that_is_given_up_leaves_no_run_that_seems_to_have_escaped(self, two, scheduler):
        moment = now() + timedelta(hours=1)
        two.pin_from("orders", 2, moment)
        trigger(two, moment)

        state = two.cancel("orders")

        assert state.health.problems == ()
        assert "1 unfinished run due at" in state.warnings[0]
        assert "version 2" in state.warnings[0]

    def test_tells_of_runs_that_are_there_for_later_already(self, two):
        moment = now() + timedelta(hours=1)
        trigger(two, moment + MINUTE)

        state = two.pin_from("orders", 2, moment)

        assert "or later has version 1 and keeps it" in state.warnings[0]

    def test_that_is_not_in_effect_long_after_its_time_is_a_problem(self, two):
        assert two.pin_from("orders", 2, now() - MINUTE).health.problems == ()
        two.cancel("orders")

        state = two.pin_from("orders", 2, now() - 6 * MINUTE)

        assert [problem.reason for problem in state.health.problems] == ["activation_overdue"]
        assert "no scheduler has made it" in state.health.problems[0].message
        [listed], _ = list_pins(PinFilter(unhealthy=True), limit=5, offset=0, session=two.session)
        assert [problem.reason for problem in listed.health.problems] == ["activation_overdue"]

    def test_that_fails_for_a_reason_that_nobody_foresaw_fails_once(self, two, scheduler, session, monkeypatch):
        two.pin_from("orders", 2, now() - MINUTE)
        monkeypatch.setattr(into_effect.pins, "pin_version", lambda *_, **__: 1 / 0)

        scheduler.turn(2)

        assert session.scalars(select(TimedChange.result_reason)).all() == ["unexpected"]
        assert two.pin_state("orders").active.version_number == 1

    def test_is_no_failure_any_more_once_the_pin_was_changed(self, two, scheduler):
        two.pin_from("orders", 2, now() - MINUTE)
        two.reject("orders", 2)
        scheduler.turn()
        two.restore("orders", 2)

        state = two.pin("orders", 2)

        assert state.health.problems == ()
        assert two.pin_state("orders").health.problems == ()

    def test_goes_with_its_dag(self, two, scheduler, session):
        from airflow.api.common.delete_dag import delete_dag

        two.pin_from("orders", 2, now() - MINUTE)
        delete_dag("orders", session=session)
        session.commit()

        scheduler.turn()

        assert session.scalars(select(TimedChange.id)).all() == []


class TestAnotherChange:
    def test_is_refused_while_one_is_pending(self, two):
        two.pin_from("orders", 2, now() + MINUTE)

        for other in (
            lambda: two.pin("orders", 2),
            lambda: two.unpin("orders"),
            lambda: two.pin_from("orders", 2, now() + MINUTE),
            lambda: two.unpin_from("orders", now() + MINUTE),
        ):
            with pytest.raises(ActivationPendingError) as refusal:
                other()
            assert refusal.value.data["pending"]["version_number"] == 2
            two.session.rollback()

    def test_supersedes_it(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)

        state = two.pin("orders", 2, supersede=True)
        scheduler.turn()

        assert state.pending is None
        assert "canceled" in state.warnings[0]
        assert kinds(session) == ["pinned", "activation_scheduled", "activation_canceled", "pinned"]
        assert two.used_versions(trigger(two, now() - timedelta(hours=3))) == {2}

    def test_for_a_time_supersedes_it(self, two, session):
        two.pin_from("orders", 2, now() + MINUTE)

        state = two.pin_from("orders", 2, now() + 5 * MINUTE, supersede=True)

        assert state.pending.effective_from > now() + 4 * MINUTE
        assert sorted(session.scalars(select(TimedChange.status))) == ["canceled", "pending"]

    def test_that_rolls_back_at_once_cancels_it_and_says_so(self, two, scheduler):
        two.pin("orders", 2)
        two.commit("sha3", orders=dag_file("orders", "schedule=None", tasks="a b c"))
        two.pin_from("orders", 3, now() - MINUTE)

        state = two.roll_back("orders")
        scheduler.turn()

        assert "The pending pin of version 3" in state.warnings[0]
        assert two.pin_state("orders").active.version_number == 1

    def test_is_possible_once_it_was_canceled(self, two, scheduler, session):
        two.pin_from("orders", 2, now() - MINUTE)

        two.cancel("orders")
        scheduler.turn()

        assert two.pin_state("orders").active.version_number == 1
        assert kinds(session)[-1] == "activation_canceled"
        with pytest.raises(NothingPendingError):
            two.cancel("orders")
        two.session.rollback()
        two.pin("orders", 2)

    def test_that_is_repeated_with_its_key_is_made_once(self, two, scheduler, session):
        moment = now() - MINUTE
        two.pin_from("orders", 2, moment, idempotency_key="k")
        again = two.pin_from("orders", 2, moment, idempotency_key="k")
        scheduler.turn()
        after = two.pin_from("orders", 2, moment, idempotency_key="k")

        assert again.repeated.stands
        assert after.repeated.stands
        assert session.scalars(select(TimedChange.status)).all() == ["in_effect"]
