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

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.cli import cli_parser
from airflow.cli.commands import dag_command
from airflow.models.dag import DagModel
from airflow.models.log import Log
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import breaker as change
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.policies import breaker, store
from airflow_providers_pinning.domain.policies.model import AutoRollback
from airflow_providers_pinning.domain.resolution import refused_runs
from airflow_providers_pinning.enforcement.runs import breaker as patch
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.schemas.policies import validated
from tests.support.asynchronous import statements_sent
from tests.support.backfills import backfill
from tests.support.remembered import remembered
from tests.support.sources import dag_file


def source(tasks="extract", schedule="None"):
    return dag_file("orders", f"schedule={schedule}, max_active_runs=1, tags=['tier-1']", tasks=tasks)


def declare(session, match=None, more=None, **rule):
    rules = {"max_failures": 1, "within_runs": 5, **rule}
    policy = {"name": "critical", "match": match or {"tags": ["tier-1"]}, "auto_rollback": rules, **(more or {})}
    applied = store.apply(validated({"policies": [policy]}), Change(Caller("ruler"), "because"), session=session)
    session.commit()
    return applied


def trigger(lab, **more):
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session, **more)
    lab.session.commit()
    lab.session.expire_all()
    return run


def finish(lab, *states):
    """Create a live run for each state, and let it end so."""
    for state in states:
        run = trigger(lab)
        run = lab.session.merge(run)
        run.state = state
        lab.session.commit()
    return lab.runs("orders")


def end_all(lab, state):
    for run in lab.runs("orders"):
        if run.state not in ("success", "failed"):
            run.state = state
    # As the scheduler does when it finishes a run.
    lab.session.execute(update(DagModel).values(exceeds_max_non_backfill=False))
    lab.session.commit()


def kinds(session):
    return list(session.scalars(select(Event.kind).where(Event.dag_id == "orders").order_by(Event.id)))


def newest(session, kind):
    session.expire_all()
    return session.scalars(select(Event).where(Event.dag_id == "orders", Event.kind == kind).order_by(Event.id)).all()[
        -1
    ]


def numbers(lab):
    return [next(iter(lab.used_versions(run))) for run in lab.runs("orders")]


@pytest.fixture(autouse=True)
def unmuted():
    patch._muted.clear()
    yield
    patch._muted.clear()


@pytest.fixture
@remembered
def released(lab):
    """Pin a version that works, and then another one."""
    lab.commit("sha1", orders=source())
    lab.pin("orders", 1)
    lab.commit("sha2", orders=source(tasks="extract load"))
    lab.candidate("orders", 2)
    finish(lab, "success")
    lab.pin("orders", 2)
    return lab


def call_rest_api(api):
    answer = api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None})
    assert answer.status_code == 200, answer.text


def trigger_from_task(api):
    trigger_dag("orders", run_type=DagRunType.OPERATOR_TRIGGERED, triggered_by=DagRunTriggeredByType.OPERATOR)


def run_cli(api):
    parser = cli_parser.get_parser()
    dag_command.dag_trigger(parser.parse_args(["dags", "trigger", "orders", "--output", "json"]))


def create_backfill(api):
    backfill()


class TestTheNextRun:
    @pytest.mark.parametrize(
        "create", [call_rest_api, trigger_from_task, run_cli, create_backfill], ids=lambda one: one.__name__
    )
    def test_has_the_stable_version_however_it_is_created(self, create, lab, api):
        lab.commit("sha1", orders=source(schedule="'@daily'"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=source(tasks="extract load", schedule="'@daily'"))
        lab.candidate("orders", 2)
        finish(lab, "success")
        lab.pin("orders", 2)
        declare(lab.session)
        finish(lab, "failed", "failed")

        create(api)

        lab.session.expire_all()
        run = lab.runs("orders")[-1]
        assert (run.bundle_version, lab.used_versions(run), lab.task_ids(run)) == ("sha1", {1}, {"extract"})
        state = lab.pin_state("orders")
        assert (state.active.version_number, lab.managed("orders")[2]) == (1, "rejected")
        assert state.hold.actor == change.ACTOR
        assert kinds(lab.session)[-2:] == ["rolled_back", "held"]

    def test_has_the_stable_version_and_its_schedule_if_it_is_scheduled(self, lab, scheduler):
        start = datetime.now(timezone.utc) - timedelta(days=3)
        begin = f"datetime({start.year}, {start.month}, {start.day}, tzinfo=timezone.utc)"
        files = [
            source(tasks=tasks, schedule=cron).replace("catchup=False", "catchup=True")
            for tasks, cron in (("extract", "'0 0 * * *'"), ("extract load", "'0 * * * *'"))
        ]
        files = [re.sub(r"start_date=datetime\([^)]*\)", f"start_date={begin}", one) for one in files]
        lab.commit("sha1", orders=files[0])
        lab.pin("orders", 1)
        lab.commit("sha2", orders=files[1])
        lab.candidate("orders", 2)
        scheduler.turn()
        end_all(lab, "success")
        lab.pin("orders", 2)
        declare(lab.session, max_failures=0)
        scheduler.turn()
        end_all(lab, "failed")
        assert numbers(lab) == [1, 2]

        scheduler.turn(2)

        assert numbers(lab) == [1, 2, 1]
        run = lab.runs("orders")[-1]
        assert run.run_after.hour == 0
        assert (run.bundle_version, lab.pin_row("orders").version_number) == ("sha1", 1)
        assert kinds(lab.session)[-2:] == ["rolled_back", "held"]

    def test_has_the_stable_version_if_an_asset_triggers_it(self, lab, scheduler):
        listening = "Asset('raw')"
        lab.commit("sha1", orders=source(schedule=listening))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=source(tasks="extract load", schedule=listening))
        lab.candidate("orders", 2)
        lab.publish("raw")
        scheduler.turn()
        end_all(lab, "success")
        lab.pin("orders", 2)
        declare(lab.session, max_failures=0)
        lab.publish("raw")
        scheduler.turn()
        end_all(lab, "failed")
        lab.publish("raw")

        scheduler.turn(2)

        assert numbers(lab) == [1, 2, 1]
        assert lab.pin_row("orders").version_number == 1


class TestTripping:
    def test_waits_until_more_runs_failed_than_are_tolerated(self, released):
        declare(released.session, max_failures=1)

        finish(released, "failed", "success")
        trigger(released)

        assert numbers(released)[-1] == 2
        assert released.pin_row("orders").breaker is None

    def test_looks_at_the_newest_finished_runs_only(self, released):
        declare(released.session, max_failures=1, within_runs=3)
        finish(released, "failed")
        finish(released, "success", "success", "success", "failed")
        assert numbers(released)[-1] == 2

        finish(released, "success")
        trigger(released)

        assert released.pin_row("orders").version_number == 2

    def test_tells_what_it_rests_on(self, released):
        applied = declare(released.session)
        runs = finish(released, "failed", "success", "failed")
        trigger(released)

        event = newest(released.session, "rolled_back")
        assert event.actor == change.ACTOR
        assert event.actor_kind == "system"
        assert event.evidence["breaker"] == {
            "policy_revision": applied.revision,
            "policies": ["critical"],
            "version_number": 2,
            "failed": 2,
            "finished": 3,
            "tolerated": 1,
            "failed_runs": [runs[-1].run_id, runs[-3].run_id],
        }
        assert event.evidence["rejected"] == 2
        assert "2 of the last 3 live runs of version 2 failed" in event.reason

    def test_needs_a_policy_that_is_about_the_dag(self, released):
        declare(released.session, match={"tags": ["another"]})
        finish(released, "failed", "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 2

    @pytest.mark.parametrize(
        "match", [{"bundles": ["team_dags"]}, {"owners": ["airflow"]}, {"dag_ids": ["ord*"]}], ids=str
    )
    def test_happens_whatever_a_policy_matches_by(self, match, released):
        declare(released.session, match=match)
        finish(released, "failed", "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 1

    def test_does_not_count_runs_before_the_pin_or_of_other_versions(self, released):
        declare(released.session, max_failures=0)
        run = finish(released, "success")[-1]
        run.state = "failed"
        run.created_dag_version_id = released.version("orders", 1).id
        released.session.commit()
        before = released.runs("orders")[0]
        before.state, before.created_dag_version_id = "failed", released.version("orders", 2).id
        released.session.commit()

        trigger(released)

        assert released.pin_row("orders").version_number == 2

    def test_does_not_count_canary_runs(self, released):
        declare(released.session, max_failures=0)
        created = create_canary_runs("orders", CanaryRequest(2), released.change(), session=released.session)
        released.runs("orders")[-1].state = "failed"
        released.session.commit()
        assert created.run_ids == (released.runs("orders")[-1].run_id,)

        trigger(released)

        assert released.pin_row("orders").version_number == 2

    def test_does_not_count_what_somebody_marked_as_failed(self, released):
        declare(released.session, max_failures=0)
        finish(released, "success")
        run = released.runs("orders")[-1]
        run.state = "failed"
        released.session.add(
            Log(event="patch_dag_run", dag_id="orders", run_id=run.run_id, extra='{"state": "failed"}', owner="bob")
        )
        released.session.commit()

        trigger(released)

        assert released.pin_row("orders").version_number == 2

    def test_does_not_count_backfills(self, released):
        declare(released.session, max_failures=0)
        finish(released, "success")
        run = released.runs("orders")[-1]
        run.state, run.run_type = "failed", DagRunType.BACKFILL_JOB
        released.session.commit()

        trigger(released)

        assert released.pin_row("orders").version_number == 2

    def test_is_over_once_the_failed_runs_were_repaired(self, released):
        declare(released.session, max_failures=0)
        finish(released, "failed")
        released.runs("orders")[-1].state = "success"
        released.session.commit()

        trigger(released)

        assert released.pin_row("orders").version_number == 2


class TestReturning:
    def test_stops_at_the_version_that_is_returned_to_though_its_runs_fail_as_well(self, released):
        declare(released.session, max_failures=0)
        finish(released, "failed", "failed", "failed", "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 1
        assert kinds(released.session).count("rolled_back") == 1
        assert released.managed("orders")[1] == "active"

    def test_is_possible_again_once_somebody_pins_another_version(self, released):
        declare(released.session, max_failures=0, hold=False)
        finish(released, "failed", "success")
        released.commit("sha3", orders=source(tasks="extract load report"))
        released.pin("orders", 3)
        finish(released, "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 1
        assert released.managed("orders") == {1: "active", 2: "rejected", 3: "rejected"}
        assert newest(released.session, "rolled_back").evidence["breaker"]["version_number"] == 3

    def test_passes_over_a_version_whose_newest_run_failed(self, released):
        finish(released, "failed")
        released.commit("sha3", orders=source(tasks="extract load report"))
        released.pin("orders", 3)
        declare(released.session, max_failures=0)
        finish(released, "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 1
        [passed] = newest(released.session, "rolled_back").evidence["passed_over"]
        assert (passed["version_number"], passed["reason"]) == (2, "not_stable")

    def test_leaves_a_hold_of_a_person_as_it_is(self, released):
        from airflow_providers_pinning.domain.changes.hold import hold

        hold("orders", released.change("mine"), session=released.session)
        released.session.commit()
        declare(released.session, max_failures=0, hold=False)
        finish(released, "failed")

        trigger(released)

        state = released.pin_state("orders")
        assert (state.active.version_number, state.hold.reason) == (1, "mine")

    def test_is_not_stopped_by_a_freeze(self, released):
        from airflow_providers_pinning.domain.policies.freezes import freeze

        freeze(released.change(), session=released.session)
        released.session.commit()
        declare(released.session, max_failures=0)
        finish(released, "failed")

        trigger(released)

        assert released.pin_row("orders").version_number == 1

    def test_is_bound_by_rules_if_the_policy_binds_rollbacks(self, released):
        declare(released.session, max_failures=0, more={"exempt": [], "requires": {"approvals": 1}})
        finish(released, "failed")

        trigger(released)

        assert released.pin_row("orders").breaker == "open"
        assert "approval" in newest(released.session, "breaker_opened").evidence["refusal"]


@pytest.fixture
def first(lab):
    """Pin the first version of a Dag; there is nothing to return to."""
    lab.commit("sha1", orders=source(schedule="'@daily'"))
    lab.pin("orders", 1)
    return lab


class TestNothingIsStable:
    def test_so_runs_go_on_and_it_is_told_once(self, first):
        declare(first.session, max_failures=0)
        finish(first, "failed")

        trigger(first)
        trigger(first)

        assert numbers(first) == [1, 1, 1]
        assert kinds(first.session) == ["pinned", "breaker_opened"]
        state = first.pin_state("orders")
        assert [one.reason for one in state.health.problems] == ["breaker_open"]
        assert state.hold is None

    def test_so_no_run_is_created_if_the_policy_says_so(self, first, api, scheduler):
        declare(first.session, max_failures=0, when_nothing_is_stable="wait")
        finish(first, "failed")

        with pytest.raises(PinUnavailableError, match="Pin another version, or confirm this one"):
            trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=first.session)
        first.session.rollback()
        answer = api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None})
        assert (answer.status_code, "no stable version to return to" in answer.text) == (400, True)
        scheduler.turn(3)

        assert len(first.runs("orders")) == 1
        assert kinds(first.session) == ["pinned", "breaker_opened"]
        assert newest(first.session, "breaker_opened").evidence["runs_wait"] is True
        state = first.pin_state("orders")
        assert ([one.reason for one in state.health.problems], state.health.status.value) == (["runs_wait"], "broken")

    def test_so_the_scheduler_finds_out_by_itself(self, first, scheduler):
        declare(first.session, max_failures=0, when_nothing_is_stable="wait")
        scheduler.turn()
        end_all(first, "failed")
        first.session.execute(
            update(DagModel).values(next_dagrun_create_after=datetime(2026, 3, 1, tzinfo=timezone.utc))
        )
        first.session.commit()

        scheduler.turn(3)

        assert len(first.runs("orders")) == 1
        assert first.pin_row("orders").breaker == "waiting"

    @pytest.mark.parametrize("word", ["continue", "wait"])
    def test_until_somebody_confirms_the_version(self, word, first):
        declare(first.session, max_failures=0, when_nothing_is_stable=word)
        finish(first, "failed")
        with suppress(PinUnavailableError):
            trigger(first)
        first.session.rollback()
        assert first.pin_row("orders").breaker

        first.pin("orders", 1)
        assert first.pin_row("orders").breaker
        state = first.pin("orders", 1, override_reason="An outage")

        assert state.health.problems == ()
        assert numbers(finishing(first)) == [1] * len(first.runs("orders"))
        assert newest(first.session, "confirmed").override_reason == "An outage"
        # From then on failures count again.
        finish(first, "failed")
        with suppress(PinUnavailableError):
            trigger(first)
        first.session.rollback()
        assert kinds(first.session).count("breaker_opened") == 2

    def test_though_a_scheduler_that_is_late_found_it_before_somebody_confirmed_the_version(self, first):
        declare(first.session, max_failures=0)
        finish(first, "failed")
        rules = [("critical", AutoRollback(max_failures=0, within_runs=5))]
        tripped = breaker.find_tripped(first.pin_row("orders"), rules, 1, session=first.session)
        trigger(first)
        assert first.pin_row("orders").breaker == "open"
        first.pin("orders", 1, override_reason="An outage")

        refused_runs.note_tripped("orders", tripped)
        patch.roll_back_noted(session=first.session)

        assert kinds(first.session).count("breaker_opened") == 1
        assert first.pin_row("orders").breaker is None

    def test_until_somebody_pins_another_version(self, first):
        declare(first.session, max_failures=0, when_nothing_is_stable="wait")
        finish(first, "failed")
        with suppress(PinUnavailableError):
            trigger(first)
        first.session.rollback()

        first.commit("sha2", orders=source(tasks="extract load"))
        first.pin("orders", 2)

        assert first.used_versions(trigger(first)) == {2}


def finishing(lab):
    finish(lab, "success")
    return lab


class TestAnErrorOfOurOwn:
    def test_keeps_no_run_from_being_created(self, released, monkeypatch):
        declare(released.session, max_failures=0)
        finish(released, "failed")
        monkeypatch.setattr(breaker, "find_tripped", lambda *args, **kwargs: 1 / 0)

        trigger(released)

        assert numbers(released)[-1] == 2
        assert released.pin_row("orders").version_number == 2

    def test_while_rolling_back_is_tried_again_later(self, released, monkeypatch):
        declare(released.session, max_failures=0)
        finish(released, "failed")
        with monkeypatch.context() as failing:
            failing.setattr(change, "roll_back", lambda *args, **kwargs: 1 / 0)
            trigger(released)
        assert released.pin_row("orders").version_number == 2
        assert kinds(released.session)[-1] == "pinned"
        assert numbers(released)[-1] == 1
        assert escaped_runs(session=released.session) == []
        patch._muted.clear()

        trigger(released)

        assert released.pin_row("orders").version_number == 1


class TestCost:
    def sent(self, lab):
        with statements_sent() as sent:
            trigger(lab)
        return len(sent)

    def test_of_a_dag_that_no_policy_watches_is_none(self, released):
        trigger(released)
        without = self.sent(released)
        declare(released.session, match={"tags": ["another"]})
        trigger(released)

        assert self.sent(released) == without

    def test_of_a_dag_that_a_policy_watches_is_one_statement_however_many_runs_there_are(self, released):
        trigger(released)
        without = self.sent(released)
        declare(released.session, max_failures=3)
        trigger(released)
        assert self.sent(released) == without + 1
        finish(released, *["success"] * 5, *["failed"] * 3)

        assert self.sent(released) == without + 1
