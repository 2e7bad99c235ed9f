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
"""A release changes the pins of many Dags as one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.breaker import put_into_effect
from airflow_providers_pinning.domain.changes.hold import hold
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import (
    AmbiguousBundleError,
    DagsForbiddenError,
    IdempotencyKeyReusedError,
    NothingToReleaseError,
    ReleaseBlockedError,
    UnknownVersionError,
)
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.domain.policies.breaker import Tripped
from airflow_providers_pinning.domain.releases.lists import read_release
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.sight import only
from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from airflow_providers_pinning.models import Event, Pin, Ramp, Release, ReleaseDag, TimedChange
from airflow_providers_pinning.vocabulary import ReleaseAction, ReleaseOutcome, ReleaseScope
from tests.support.ramps import act_on_ramp, start_ramp
from tests.support.sources import CHANGED, STABLE
from tests.unit.domain.releases.conftest import NAMES, named

PRODUCER = """
    from airflow.sdk import DAG, Asset, task

    with DAG("producer", schedule=None, tags=["{tag}"]):
        @task(outlets=[Asset("ledger")])
        def make(): ...
        make()
"""
CONSUMER = """
    from airflow.sdk import DAG, Asset, task

    with DAG("consumer", schedule=[Asset("ledger")], tags=["{tag}"]):
        @task
        def use(): ...
        use()
"""


def pinned_numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def outcomes(report):
    return {dag.dag_id: dag.outcome.value for dag in report.dags}


class TestACommit:
    def test_is_released_for_all_pinned_dags_that_it_changes(self, five, releases, session):
        five.commit("sha2", unpinned=named(STABLE, "unpinned"))
        report = releases.make("sha2")
        assert outcomes(report) == dict.fromkeys(NAMES, "changed")
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 2)
        assert {five.dag_model(name).bundle_version for name in NAMES} == {"sha2"}
        assert {five.managed(name)[1] for name in NAMES} == {"retained"}

    def test_writes_events_that_carry_the_release(self, five, releases, session):
        report = releases.make("sha2")
        events = session.scalars(select(Event).where(Event.release_id == report.release_id)).all()
        assert {event.dag_id for event in events} == set(NAMES)
        assert {(event.kind, event.actor, event.reason) for event in events} == {("pinned", "alice", "release day")}
        assert {event.from_version["version_number"] for event in events} == {1}

    def test_takes_dags_that_are_not_pinned_if_all_are_asked_for(self, five, releases, session):
        five.commit("sha2", unpinned=named(STABLE, "unpinned"))
        releases.make("sha2", scope=ReleaseScope.ALL)
        assert pinned_numbers(session)["unpinned"] == 1

    def test_leaves_dags_that_run_it_already(self, five, releases):
        five.pin("orders", 2)
        report = releases.make("sha2", scope=ReleaseScope.PINNED)
        assert outcomes(report) == dict.fromkeys(NAMES, "changed") | {"orders": "unchanged"}
        assert five.pin_state("orders").revision == 2

    def test_can_be_released_for_some_dags_by_name(self, five, releases, session):
        releases.make("sha2", dag_ids=["orders", "billing"])
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2, "billing": 2}

    def test_that_nobody_has_had_is_refused(self, five, releases):
        with pytest.raises(UnknownVersionError, match="sha9"):
            releases.make("sha9")

    def test_of_several_bundles_needs_a_name(self, five, releases, session):
        note_bundle_version("other", "sha2", session=session)
        session.commit()
        with pytest.raises(AmbiguousBundleError) as refused:
            releases.make("sha2")
        assert refused.value.data["bundle_names"] == ["other", "team_dags"]

    def test_that_concerns_no_dag_is_refused(self, five, releases):
        with pytest.raises(NothingToReleaseError):
            releases.make("sha2", tags=["nobody"])


class TestOneDagThatCannotBePinned:
    def test_keeps_all_others_from_being_pinned(self, five, releases, session):
        five.reject("orders", 2)
        five.remove_plugin("stock", 2)
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make("sha2")
        blocked = {one["dag_id"]: one["reason"] for one in refused.value.data["blocked"]}
        assert blocked == {"orders": "version_rejected", "stock": "version_unreadable"}
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        assert session.scalars(select(Release)).all() == []
        assert session.scalars(select(Event).where(Event.release_id.is_not(None))).all() == []

    def test_can_be_excluded_by_name(self, five, releases, session):
        five.reject("orders", 2)
        report = releases.make("sha2", exclude=["orders"])
        assert outcomes(report)["orders"] == "left"
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 2) | {"orders": 1}

    def test_may_be_one_on_hold(self, five, releases, session):
        hold("orders", five.change(), session=session)
        session.commit()
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make("sha2")
        assert [one["reason"] for one in refused.value.data["blocked"]] == ["held"]
        releases.make("sha2", override_reason="agreed with the owner")
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 2)

    def test_may_be_one_that_is_not_there(self, five, releases):
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make("sha2", dag_ids=["orders", "gone"])
        assert [(one["dag_id"], one["reason"]) for one in refused.value.data["blocked"]] == [("gone", "unknown_dag")]


class TestAPlan:
    def test_changes_nothing_and_says_what_would_change(self, five, releases, session):
        five.reject("orders", 2)
        report = releases.make("sha2", dry_run=True)
        assert outcomes(report) == dict.fromkeys(NAMES, "changed") | {"orders": "blocked"}
        assert report.release_id is None
        [blocked] = report.of(ReleaseOutcome.BLOCKED)
        assert (blocked.reason, blocked.from_version.version_number) == ("version_rejected", 1)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)

    def test_shows_which_dags_feed_others_and_warns_of_those_left_out(self, lab, releases):
        lab.commit("sha1", producer=PRODUCER.format(tag="a"), consumer=CONSUMER.format(tag="a"))
        lab.pin("producer", 1)
        lab.pin("consumer", 1)
        lab.commit("sha2", producer=PRODUCER.format(tag="b"), consumer=CONSUMER.format(tag="b"))
        whole = releases.make("sha2", dry_run=True)
        [pair] = whole.dependencies
        assert (pair.producer, pair.consumer, pair.asset) == ("producer", "consumer", "ledger")
        assert whole.warnings == ()
        part = releases.make("sha2", dag_ids=["producer"], dry_run=True)
        assert [(one.producer_included, one.consumer_included) for one in part.dependencies] == [(True, False)]
        assert "the release does not change 'consumer'" in part.warnings[0]


class TestARequestThatIsSentAgain:
    def test_is_made_once(self, five, releases, session):
        first = releases.make("sha2", key="deploy-1")
        again = releases.make("sha2", key="deploy-1")
        assert (again.release_id, again.repeated) == (first.release_id, True)
        assert outcomes(again) == outcomes(first)
        assert {pin.revision for pin in session.scalars(select(Pin))} == {2}

    def test_with_another_content_is_refused(self, five, releases):
        releases.make("sha2", key="deploy-1")
        with pytest.raises(IdempotencyKeyReusedError):
            releases.make("sha2", key="deploy-1", dag_ids=["orders"])


class TestVersionsByNumber:
    def test_are_pinned_as_one(self, five, releases, session):
        releases.make(versions={"orders": 2, "stock": 1})
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

    def test_that_are_not_there_block(self, five, releases):
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make(versions={"orders": 2, "stock": 9})
        assert [one["reason"] for one in refused.value.data["blocked"]] == ["unknown_version"]


class TestAdoption:
    def test_pins_what_runs_now(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE, stock=named(CHANGED, "stock"))
        report = releases.make(latest=True, bundles=["team_dags"])
        assert outcomes(report) == {"orders": "changed", "stock": "changed"}
        assert pinned_numbers(session) == {"orders": 1, "stock": 1}
        assert lab.dag_model("orders").bundle_version == "sha1"

    def test_is_lifted_for_a_pattern_at_once(self, five, releases, session):
        report = releases.make(action=ReleaseAction.UNPIN, dag_id_patterns=["*s"])
        assert outcomes(report) == dict.fromkeys(("invoices", "orders", "refunds"), "changed")
        assert pinned_numbers(session)["orders"] is None
        assert pinned_numbers(session)["stock"] == 1
        assert {event.kind for event in session.scalars(select(Event).where(Event.release_id.is_not(None)))} == {
            "unpinned"
        }

    def test_lifting_is_refused_with_all_dags_that_cannot_be_unpinned(self, five, releases, session, frozen):
        hold("stock", five.change(), session=session)
        session.commit()
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make(action=ReleaseAction.UNPIN, dag_ids=["orders", "refunds", "stock"])
        blocked = {one["dag_id"]: one["reason"] for one in refused.value.data["blocked"]}
        assert blocked == {"orders": "policy", "refunds": "policy", "stock": "held"}

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_lifting_is_blocked_by_a_latest_version_that_cannot_be_read(self, dry_run, five, releases):
        five.remove_plugin("orders", 2)
        asked = {"action": ReleaseAction.UNPIN, "dag_ids": ["orders", "stock"]}
        if dry_run:
            report = releases.make(**asked, dry_run=True)
            assert outcomes(report) == {"orders": "blocked", "stock": "changed"}
            return
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make(**asked)
        assert [one["reason"] for one in refused.value.data["blocked"]] == ["version_unreadable"]

    def test_lifting_shows_which_dags_feed_others(self, lab, releases):
        lab.commit("sha1", producer=PRODUCER.format(tag="a"), consumer=CONSUMER.format(tag="a"))
        lab.pin("producer", 1)
        report = releases.make(action=ReleaseAction.UNPIN, dag_ids=["producer"], dry_run=True)
        assert [(one.producer, one.consumer) for one in report.dependencies] == [("producer", "consumer")]

    def test_lifting_is_planned_with_the_rules_that_stand_in_the_way(self, five, releases, monkeypatch):
        monkeypatch.setattr("airflow_providers_pinning.conf.release_permission", lambda: True)
        report = releases.make(action=ReleaseAction.UNPIN, dag_ids=["orders"], dry_run=True)
        assert [(dag.outcome.value, dag.reason) for dag in report.dags] == [("blocked", "release_not_permitted")]


@pytest.fixture
def frozen(session, five):
    freezes.freeze(five.change(), session=session)
    session.commit()


class TestPermission:
    ONLY_ORDERS = Access(only("orders"), only("orders"), may_edit=lambda dag_id: dag_id == "orders")

    @pytest.mark.parametrize("name", ["billing", "not_there"])
    def test_a_dag_that_is_hidden_is_refused_like_one_that_is_not_there(self, name, five, releases):
        with pytest.raises(DagsForbiddenError) as refused:
            releases.make("sha2", dag_ids=["orders", name], access=self.ONLY_ORDERS)
        assert refused.value.data == {"dag_ids": [name], "hidden": 0}
        assert refused.value.message.startswith(f"You may not change 1 Dag of this release: {name}.")

    @pytest.mark.parametrize("condition", [{"dag_id_patterns": ["*s"]}, {"bundles": ["team_dags"]}])
    def test_conditions_find_nothing_that_is_hidden(self, condition, five, releases, session):
        releases.make("sha2", **condition, access=self.ONLY_ORDERS)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

    def test_is_needed_to_be_told_what_an_earlier_request_did(self, five, releases):
        releases.make("sha2", key="deploy-1")
        with pytest.raises(DagsForbiddenError):
            releases.make("sha2", key="deploy-1", access=self.ONLY_ORDERS)

    def test_warnings_that_are_kept_name_no_dag_that_is_hidden(self, lab, releases, session):
        lab.commit("sha1", producer=PRODUCER.format(tag="a"), consumer=CONSUMER.format(tag="a"))
        lab.pin("producer", 1)
        lab.commit("sha2", producer=PRODUCER.format(tag="b"), consumer=CONSUMER.format(tag="b"))
        made = releases.make("sha2", dag_ids=["producer"])
        whole = read_release(made.release_id, Access(), session=session)
        assert "'consumer'" in whole.report.warnings[0]
        part = read_release(made.release_id, Access(readable=only("producer")), session=session)
        assert (part.report.warnings, part.hidden) == ((), 0)

    def test_is_needed_for_all_dags_and_names_no_others(self, five, releases, session):
        access = Access(editable=only("orders"), readable=only("orders", "stock"))
        with pytest.raises(DagsForbiddenError) as refused:
            releases.make("sha2", access=access)
        assert refused.value.data == {"dag_ids": ["stock"], "hidden": 3}
        assert "billing" not in refused.value.message
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        releases.make("sha2", access=access, dag_ids=["orders"])
        assert pinned_numbers(session)["orders"] == 2


class TestARollback:
    def test_puts_every_dag_back_as_one(self, five, releases, session):
        made = releases.make("sha2")
        back = releases.roll_back(made.release_id)
        assert outcomes(back) == dict.fromkeys(NAMES, "changed")
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        assert {five.dag_model(name).bundle_version for name in NAMES} == {"sha1"}
        assert session.get(Release, made.release_id).rolled_back_by == back.release_id
        kinds = session.scalars(select(Event.kind).where(Event.release_id == back.release_id)).all()
        assert kinds == ["rolled_back"] * 5

    def test_blocks_on_a_dag_that_moved_since_unless_that_is_left(self, five, releases, session):
        made = releases.make("sha2")
        five.pin("orders", 1)
        with pytest.raises(ReleaseBlockedError) as refused:
            releases.roll_back(made.release_id)
        assert [(one["dag_id"], one["reason"]) for one in refused.value.data["blocked"]] == [
            ("orders", "revision_conflict")
        ]
        five.pin("orders", 2)
        releases.roll_back(made.release_id, leave_moved=True)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

    def test_waits_for_no_change_that_is_pending_since(self, five, releases, session):
        made = releases.make("sha2")
        five.pin_from("orders", 1, datetime.now(timezone.utc) + timedelta(days=1))
        releases.roll_back(made.release_id)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        assert session.scalars(select(TimedChange.status)).all() == ["canceled"]

    def test_goes_to_an_older_version_though_a_hold_was_set_since(self, five, releases, session):
        made = releases.make("sha2")
        commit(lambda: hold("orders", five.change(), session=session), session=session)
        releases.roll_back(made.release_id)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        assert session.get_one(Pin, "orders").hold_reason

    def test_blocks_on_a_dag_that_was_rolled_back_with_a_hold(self, five, releases, session):
        made = releases.make("sha2")
        five.roll_back("orders", hold=True)
        with pytest.raises(ReleaseBlockedError):
            releases.roll_back(made.release_id)

    @pytest.mark.parametrize("actions", [(), ("pause", "resume"), ("pause",), ("abort",)], ids=str)
    def test_waits_for_no_ramp_that_began_since(self, actions, five, releases, session):
        made = releases.make("sha2")
        start_ramp(five, 1)
        for action in actions:
            act_on_ramp(five, action)

        releases.roll_back(made.release_id)

        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        assert session.scalars(select(Ramp.status)).all() == ["aborted"]
        assert session.get_one(Pin, "orders").ramp_id is None

    def test_ends_a_ramp_of_a_dag_that_was_not_pinned_before(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=CHANGED)
        made = releases.make(versions={"orders": 1})
        start_ramp(lab, 2)

        releases.roll_back(made.release_id)

        assert session.scalars(select(Ramp.status)).all() == ["aborted"]
        assert session.get_one(Pin, "orders").ramp_id is None

    def test_does_not_take_an_automatic_rollback_that_had_no_way_back_for_a_change(self, five, releases, session):
        made = releases.make("sha2")
        pin = session.get_one(Pin, "orders")
        tripped = Tripped(
            1, ("critical",), 2, pin.dag_version_id, pin.last_run_before, None, 2, 2, 1, ("a",), False, True
        )
        put_into_effect("orders", tripped, session=session)
        session.commit()
        assert session.get_one(Pin, "orders").breaker == "waiting"

        releases.roll_back(made.release_id)

        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)

    def test_lets_a_dag_that_was_not_pinned_run_what_it_ran(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=CHANGED)
        made = releases.make(versions={"orders": 1})
        releases.roll_back(made.release_id)
        assert pinned_numbers(session) == {"orders": 2}

    def test_is_planned_with_the_rules_that_stand_in_the_way_of_lifting_a_pin(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE)
        made = releases.make(latest=True, bundles=["team_dags"])
        freezes.freeze(lab.change(), session=session)
        session.commit()
        report = releases.roll_back(made.release_id, dry_run=True)
        assert [(dag.outcome.value, dag.reason) for dag in report.dags] == [("blocked", "policy")]

    def test_unpins_a_dag_that_was_adopted(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE)
        made = releases.make(latest=True, bundles=["team_dags"])
        releases.roll_back(made.release_id)
        assert pinned_numbers(session) == {"orders": None}

    def test_pins_again_what_was_unpinned(self, five, releases, session):
        made = releases.make(action=ReleaseAction.UNPIN, dag_ids=["orders", "stock"])
        releases.roll_back(made.release_id)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)

    def test_is_made_once(self, five, releases):
        made = releases.make("sha2")
        first = releases.roll_back(made.release_id, key="back-1")
        assert releases.roll_back(made.release_id, key="back-1").release_id == first.release_id

    def test_that_is_planned_changes_nothing(self, five, releases, session):
        made = releases.make("sha2")
        report = releases.roll_back(made.release_id, dry_run=True)
        assert outcomes(report) == dict.fromkeys(NAMES, "changed")
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 2)

    def test_writes_what_each_dag_was(self, five, releases, session):
        made = releases.make("sha2")
        row = session.get(ReleaseDag, (made.release_id, "orders"))
        assert (row.was_pinned, row.from_version["version_number"], row.to_version["version_number"]) == (True, 1, 2)
