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
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.asset import AssetActive, AssetModel, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import hold, pins, ramp
from airflow_providers_pinning.domain.changes.deletion import forget_dag
from airflow_providers_pinning.domain.errors import (
    ActivationPendingError,
    DagHeldError,
    NoRampError,
    NotPinnedError,
    PolicyNotMetError,
    RampUnderWayError,
    VersionActiveError,
    VersionRejectedError,
)
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.domain.ramp_steps import Plan, Step
from airflow_providers_pinning.models import Event, ManagedVersion, Pin, Ramp
from airflow_providers_pinning.schemas.policies import validated
from airflow_providers_pinning.vocabulary import RampPromotion
from tests.support.ramps import act_on_ramp, end_run, make_run, start_ramp
from tests.support.remembered import remembered
from tests.support.sources import dag_file

FULL = Step(Decimal(1), runs=1)


@pytest.fixture
@remembered
def released(lab):
    """A version that is pinned, and a newer one."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    return lab


def events(lab):
    return list(lab.session.scalars(select(Event).where(Event.dag_id == "orders").order_by(Event.id)))


def ramp_of(lab):
    lab.session.expire_all()
    return release_state("orders", session=lab.session).ramp


def declare(lab, **rules):
    store.apply(
        validated({"policies": [{"name": "all", "match": {"dag_ids": ["orders"]}, **rules}]}),
        lab.change(),
        session=lab.session,
    )
    lab._commit()


class TestStart:
    def test_protects_the_version_from_being_overwritten(self, released):
        start_ramp(released, 2)

        row = released.session.get_one(ManagedVersion, released.version("orders", 2).id)
        assert row.state == "candidate"

    def test_is_recorded_with_its_steps(self, released):
        start_ramp(released, 2, FULL, reason="try it")

        event = events(released)[-1]
        assert (event.kind, event.reason) == ("ramp_started", "try it")
        assert (event.from_version["version_number"], event.to_version["version_number"]) == (1, 2)
        assert event.evidence["ramp"]["steps"] == [{"share": 1.0, "runs": 1, "duration": None}]

    def test_of_a_dag_that_is_not_pinned_is_refused(self, released):
        released.unpin("orders")

        with pytest.raises(NotPinnedError, match="Pin a stable version"):
            start_ramp(released, 1)

    def test_of_the_pinned_version_is_refused(self, released):
        with pytest.raises(VersionActiveError):
            start_ramp(released, 1)

    def test_is_refused_for_whatever_refuses_a_pin(self, released):
        released.reject("orders", 2)

        with pytest.raises(VersionRejectedError):
            start_ramp(released, 2)

        assert ramp_of(released) is None

    def test_is_refused_while_the_dag_is_on_hold(self, released):
        hold.hold("orders", released.change(), until=None, session=released.session)
        released._commit()

        with pytest.raises(DagHeldError):
            start_ramp(released, 2)

    def test_is_refused_while_another_change_is_pending(self, released):
        released.pin_from("orders", 2, timezone.utcnow() + timedelta(hours=1))

        with pytest.raises(ActivationPendingError):
            start_ramp(released, 2)

    def test_is_refused_outside_of_the_windows_of_policies(self, released):
        declare(released, windows={"allow": [{"cron": "0 0 29 2 *", "duration": "1h", "timezone": "UTC"}]})

        with pytest.raises(PolicyNotMetError):
            start_ramp(released, 2)

    def test_that_is_asked_for_again_with_its_key_is_made_once(self, released):
        start_ramp(released, 2, idempotency_key="once")

        again = start_ramp(released, 2, idempotency_key="once")

        assert again.repeated
        assert len(released.session.scalars(select(Ramp)).all()) == 1

    def test_of_another_version_supersedes_only_if_that_is_asked_for(self, released):
        start_ramp(released, 2)
        released.commit("sha3", orders=dag_file("orders", tasks="extract load more"))

        with pytest.raises(RampUnderWayError) as refused:
            start_ramp(released, 3)
        assert refused.value.data["ramp"]["version_number"] == 2
        released.session.rollback()

        state = start_ramp(released, 3, supersede=True)

        assert state.ramp.version.version_number == 3
        assert state.warnings[0] == "The ramp to version 2, started by alice, was aborted."
        assert [ramp.status for ramp in released.session.scalars(select(Ramp).order_by(Ramp.id))] == [
            "aborted",
            "running",
        ]


class TestOtherChanges:
    @pytest.fixture
    def ramping(self, released):
        start_ramp(released, 2)
        return released

    @pytest.mark.parametrize(
        "change",
        [
            lambda lab, **how: lab.pin("orders", 2, **how),
            lambda lab, **how: lab.unpin("orders", **how),
            lambda lab, **how: lab.pin_from("orders", 2, timezone.utcnow() + timedelta(hours=1), **how),
        ],
        ids=["pin", "unpin", "pin later"],
    )
    def test_are_refused_unless_they_supersede_the_ramp(self, ramping, change):
        with pytest.raises(RampUnderWayError, match="Promote or abort it first"):
            change(ramping)
        ramping.session.rollback()
        assert ramp_of(ramping).status == "running"

        change(ramping, supersede=True)

        assert ramp_of(ramping) is None

    def test_of_many_dags_are_refused_too(self, ramping):
        from airflow_providers_pinning.domain.changes.activation import Activation, examine
        from airflow_providers_pinning.domain.versions.identity import find_version
        from airflow_providers_pinning.vocabulary import EventKind

        pin = ramping.session.get_one(Pin, "orders")
        version = find_version("orders", version_number=2, session=ramping.session)

        found = examine(EventKind.PINNED, [Activation(pin, version)], ramping.change(), session=ramping.session)

        assert isinstance(found.refused["orders"], RampUnderWayError)

    def test_a_rollback_always_aborts_it(self, ramping):
        act_on_ramp(ramping, "promote")
        ramping.commit("sha3", orders=dag_file("orders", tasks="extract load more"))
        start_ramp(ramping, 3)

        state = ramping.roll_back("orders")

        assert (state.active.version_number, state.ramp) == (1, None)
        assert "The ramp to version 3, started by alice, was aborted." in state.warnings

    def test_the_rejection_of_its_version_aborts_it(self, ramping):
        state = ramping.reject("orders", 2)

        assert state.ramp is None
        assert [event.kind for event in events(ramping)][-2:] == ["ramp_aborted", "rejected"]
        assert make_run(ramping) == 1

    def test_the_rejection_of_another_version_does_not(self, ramping):
        ramping.commit("sha3", orders=dag_file("orders", tasks="extract load more"))

        assert ramping.reject("orders", 3).ramp.status == "running"

    def test_the_deletion_of_the_dag_forgets_it(self, ramping):
        forget_dag("orders", Change(Caller("alice"), "gone"), session=ramping.session)
        ramping._commit()

        assert ramping.session.scalars(select(Ramp)).all() == []
        assert ramping.session.get_one(Pin, "orders").ramp_id is None


class TestHold:
    def test_keeps_a_ramp_at_its_step_and_says_why(self, released):
        start_ramp(released, 2, FULL, FULL)
        hold.hold("orders", released.change("freeze it"), until=None, session=released.session)
        released._commit()

        make_run(released)
        make_run(released)

        now = ramp_of(released)
        assert now.step == 1
        assert "on hold" in now.message

    def test_keeps_it_from_being_promoted(self, released):
        start_ramp(released, 2, FULL)
        hold.hold("orders", released.change("freeze it"), until=None, session=released.session)
        released._commit()

        with pytest.raises(DagHeldError):
            act_on_ramp(released, "promote")

    def test_that_comes_later_is_not_overridden_by_the_reason_that_the_ramp_was_started_with(self, released):
        start_ramp(released, 2, FULL, override_reason="urgent")
        hold.hold("orders", released.change("stop everything"), until=None, session=released.session)
        released._commit()

        make_run(released)
        make_run(released)

        state = release_state("orders", session=released.session)
        assert (state.active.version_number, state.hold.reason) == (1, "stop everything")
        assert act_on_ramp(released, "promote", override_reason="agreed").active.version_number == 2

    def test_does_not_keep_it_from_being_aborted(self, released):
        start_ramp(released, 2, FULL)
        hold.hold("orders", released.change("freeze it"), until=None, session=released.session)
        released._commit()

        assert act_on_ramp(released, "abort").ramp is None


class TestActions:
    def test_without_a_ramp_are_refused(self, released):
        with pytest.raises(NoRampError, match="Dag 'orders' has no ramp in progress"):
            act_on_ramp(released, "abort")

    def test_on_another_version_than_the_caller_saw_are_refused(self, released):
        start_ramp(released, 2)

        with pytest.raises(NoRampError, match="to version 2, not 7"):
            ramp.act("orders", ramp.RampAction.ABORT, released.change(), expected_version=7, session=released.session)

    @pytest.mark.parametrize(("first", "again"), [("pause", "pause"), (None, "resume")])
    def test_that_change_nothing_are_refused(self, released, first, again):
        start_ramp(released, 2)
        if first:
            act_on_ramp(released, first)

        with pytest.raises(NoRampError, match="already"):
            act_on_ramp(released, again)

    def test_are_recorded(self, released):
        start_ramp(released, 2)

        for action in ("pause", "resume", "promote"):
            act_on_ramp(released, action, reason=f"to {action}")

        assert [event.kind for event in events(released)][1:] == [
            "ramp_started",
            "ramp_paused",
            "ramp_resumed",
            "pinned",
        ]
        assert events(released)[-1].evidence["ramp"]["step"] == 1

    def test_count_in_the_revision(self, released):
        before = start_ramp(released, 2).revision

        assert act_on_ramp(released, "pause").revision == before + 1


class TestPromotion:
    def test_that_a_policy_refuses_waits_at_the_last_step_and_says_why(self, released):
        start_ramp(released, 2, FULL)
        declare(released, requires={"approvals": 1})

        make_run(released)
        make_run(released)

        now = ramp_of(released)
        assert now.status == "running"
        assert "approv" in now.message
        assert make_run(released) == 2
        assert released.session.get_one(Pin, "orders").version_number == 1

    def test_pins_exactly_what_the_ramp_tried(self, released):
        start_ramp(released, 2, FULL)
        recorded = released.session.scalars(select(Ramp)).one().to_version

        act_on_ramp(released, "promote")

        pin = released.session.get_one(Pin, "orders")
        assert (pin.dag_hash, pin.bundle_version) == (recorded["dag_hash"], recorded["bundle_version"])


class TestPolicyThatAsksForARamp:
    WANTED = ({"share": 0.5, "runs": 2}, {"share": 1, "runs": 1})
    STEPS = (Step(Decimal("0.5"), runs=2), FULL)

    @pytest.fixture
    def bound(self, released):
        declare(released, ramp=list(self.WANTED))
        return released

    def refusal(self, refused):
        [unmet] = refused.value.data["unmet"]
        return unmet["rule"], unmet["message"]

    def test_refuses_a_pin_of_another_version_and_says_which_ramp_is_needed(self, bound):
        with pytest.raises(PolicyNotMetError) as refused:
            bound.pin("orders", 2)

        rule, message = self.refusal(refused)
        assert rule == "ramp"
        assert message == (
            "The version has not been through a ramp. Start one with the steps of policy all "
            "(CLI: airflow pinning ramp ... --step 50%:2 --step 100%:1)."
        )

    def test_refuses_to_unpin_a_dag_onto_another_version(self, bound):
        with pytest.raises(PolicyNotMetError):
            bound.unpin("orders")

    def test_takes_the_first_pin_of_a_dag(self, lab):
        lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
        declare(lab, ramp=list(self.WANTED))

        assert lab.pin("orders", 1).pinned

    def test_takes_a_rollback(self, released):
        released.pin("orders", 2)
        declare(released, ramp=list(self.WANTED))

        assert released.roll_back("orders").active.version_number == 1

    def test_takes_the_promotion_of_a_ramp_that_passed_its_steps(self, bound):
        start_ramp(bound, 2, *self.STEPS)

        for _ in range(8):
            make_run(bound)

        assert bound.session.get_one(Pin, "orders").version_number == 2

    @pytest.mark.parametrize(
        ("steps", "max_failures"),
        [
            ((Step(Decimal("0.6"), runs=2), FULL), 0),
            ((Step(Decimal("0.5"), runs=1), FULL), 0),
            ((FULL,), 0),
            (STEPS, 1),
        ],
        ids=["larger share", "fewer runs", "fewer steps", "failures tolerated"],
    )
    def test_refuses_to_start_a_ramp_that_is_less_strict(self, bound, steps, max_failures):
        with pytest.raises(PolicyNotMetError) as refused:
            start_ramp(bound, 2, *steps, max_failures=max_failures)

        assert "larger shares, fewer runs, shorter steps" in self.refusal(refused)[1]

    def test_refuses_a_promotion_by_hand_before_the_last_step_is_passed(self, bound):
        start_ramp(bound, 2, *self.STEPS)

        with pytest.raises(PolicyNotMetError) as refused:
            act_on_ramp(bound, "promote")

        assert "has not completed its last step" in self.refusal(refused)[1]
        bound.session.rollback()
        assert ramp_of(bound).status == "running"

    def test_takes_a_promotion_by_hand_after_it(self, bound):
        start_ramp(bound, 2, *self.STEPS, promotion=RampPromotion.MANUAL)
        for _ in range(8):
            make_run(bound)

        assert act_on_ramp(bound, "promote").active.version_number == 2


def test_the_version_of_a_ramp_is_kept_however_many_others_there_are(released, monkeypatch):
    """A ramp may lead to an older version, which nothing else keeps."""
    monkeypatch.setenv("AIRFLOW__PINNING__KEEP_VERSIONS", "1")
    released.pin("orders", 2)
    start_ramp(released, 1)
    for number in (3, 4, 5):
        released.commit(f"sha{number}", orders=dag_file("orders", tasks=f"extract load t{number}"))
        released.candidate("orders", number)

    kept = released.session.get(ManagedVersion, released.version("orders", 1).id)

    assert kept is not None


def test_a_paused_dag_keeps_its_ramp(released):
    start_ramp(released, 2)
    released.session.get_one(DagModel, "orders").is_paused = True
    released._commit()

    assert ramp_of(released).status == "running"


def test_targets_are_named_as_for_a_pin(released):
    commit = pins.Target(bundle_version="sha2")

    state = ramp.start("orders", commit, Plan([FULL]), released.change(), session=released.session)

    assert state.ramp.version.version_number == 2


class TestAssetThatOnlyTheNewVersionUpdates:
    """Airflow lets no task with an inactive outlet run, so each run of the ramp would fail."""

    @pytest.fixture
    def ramping(self, released):
        released.commit(
            "sha3", orders=dag_file("orders", tasks="", body="EmptyOperator(task_id='new', outlets=[Asset('new')])")
        )
        start_ramp(released, 2, Step(Decimal(1), runs=5))
        return released

    def is_usable(self, lab):
        lab.session.expire_all()
        referred = select(AssetModel.name).join(TaskOutletAssetReference).where(AssetModel.name == "new")
        active = select(AssetActive.name).where(AssetActive.name == "new")
        return bool(lab.session.scalars(referred).all() and lab.session.scalars(active).all())

    def test_is_active_while_the_ramp_is_under_way(self, ramping):
        assert self.is_usable(ramping)

        ramping.parse("sha3")
        assert self.is_usable(ramping)

    def test_is_active_as_long_as_a_run_of_it_is_unfinished(self, ramping):
        trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=ramping.session)
        ramping._commit()
        act_on_ramp(ramping, "abort")

        ramping.parse("sha3")
        assert self.is_usable(ramping)

        [run] = ramping.runs("orders")
        end_run(ramping, run, "success")
        ramping.parse("sha3")
        assert not self.is_usable(ramping)
