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
"""A release at a given time: all of its Dags change at the same second."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.changes import due
from airflow_providers_pinning.domain.changes.deletion import forget_dag
from airflow_providers_pinning.domain.changes.hold import hold
from airflow_providers_pinning.domain.changes.pending import cancel_row, pending_row
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import (
    ActivationInPastError,
    NothingToReleaseError,
    ReleaseBlockedError,
    ReleaseRolledBackError,
    RevisionConflictError,
)
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.domain.releases import rollback
from airflow_providers_pinning.domain.releases.lists import ReleaseFilter, list_releases, read_release
from airflow_providers_pinning.domain.releases.release import make_release
from airflow_providers_pinning.domain.releases.request import ReleaseRequest
from airflow_providers_pinning.models import Event, Pin, TimedChange
from tests.support.statements import sent
from tests.unit.domain.releases.conftest import EVERYTHING, NAMES

HOUR = timedelta(hours=1)


def now():
    return datetime.now(timezone.utc)


@pytest.fixture
def timed(five, releases):
    """Release a commit for a later time, and return the release."""
    return releases.make("sha2", effective_from=now() + HOUR)


@pytest.fixture
def let_it_come(session, monkeypatch):
    """Return a function that lets the time of all pending changes come."""
    monkeypatch.setattr(due, "_left", {})

    def come():
        moment = now() - timedelta(seconds=1)
        session.execute(update(TimedChange).values(effective_from=moment))
        session.execute(update(Pin).where(Pin.pending_from.is_not(None)).values(pending_from=moment))
        _put_into_effect(session)

    return come


def _put_into_effect(session):
    # The old schedule of a paused Dag has no run to create before.
    session.execute(update(DagModel).values(is_paused=True))
    session.commit()
    # A scheduler has a session of its own, so what this one has read stays as it was.
    session.expunge_all()
    due.put_due_into_effect(session=session)
    session.commit()


def numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def outcomes(report):
    return {dag.dag_id: dag.outcome.value for dag in report.dags}


def shown(release_id, session):
    session.expire_all()
    return read_release(release_id, EVERYTHING, session=session)


def listed(session):
    session.expire_all()
    found, _ = list_releases(ReleaseFilter(), EVERYTHING, limit=10, offset=0, session=session)
    return {one.id: one.status.value for one in found}


def test_a_plan_shows_the_time_and_writes_nothing(five, releases, session):
    moment = now() + HOUR

    plan = releases.make("sha2", effective_from=moment, dry_run=True)

    assert (plan.effective_from, outcomes(plan)) == (moment, dict.fromkeys(NAMES, "scheduled"))
    assert session.scalars(select(TimedChange)).all() == []
    assert plan.plan_hash != releases.make("sha2", dry_run=True).plan_hash
    made = releases.make("sha2", effective_from=moment, expected_plan=plan.plan_hash)
    assert made.status.value == "scheduled"


def test_each_dag_has_a_change_of_the_same_second(timed, five, session):
    pending = session.scalars(select(TimedChange)).all()

    assert {change.dag_id: change.status for change in pending} == dict.fromkeys(NAMES, "pending")
    assert {change.effective_from for change in pending} == {timed.effective_from}
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    assert {five.pin_state(name).pending.version.version_number for name in NAMES} == {2}
    assert {five.managed(name)[2] for name in NAMES} == {"candidate"}
    events = session.scalars(select(Event).where(Event.release_id == timed.release_id)).all()
    assert {(event.kind, event.actor) for event in events} == {("activation_scheduled", "alice")}
    assert listed(session) == {timed.release_id: "scheduled"}


def test_runs_that_are_due_later_have_the_new_version_before_a_scheduler_has_looked(timed, five, session):
    for name in NAMES:
        for moment, number in ((timed.effective_from, 2), (timed.effective_from - timedelta(seconds=1), 1)):
            run = trigger_dag(
                name,
                run_id=f"v{number}",
                run_after=moment,
                triggered_by=DagRunTriggeredByType.REST_API,
                session=session,
            )
            session.commit()
            assert five.used_versions(run) == {number}


def test_its_time_changes_all(timed, session, let_it_come):
    let_it_come()

    assert numbers(session) == dict.fromkeys(NAMES, 2)
    read = shown(timed.release_id, session)
    assert (read.status.value, outcomes(read.report)) == ("released", dict.fromkeys(NAMES, "changed"))
    assert listed(session) == {timed.release_id: "released"}
    events = session.scalars(select(Event).where(Event.release_id == timed.release_id, Event.kind == "pinned")).all()
    assert {event.dag_id for event in events} == set(NAMES)


def test_one_dag_that_cannot_change_at_its_time_is_told_and_keeps_its_version(timed, five, session, let_it_come):
    five.reject("orders", 2)
    let_it_come()

    assert numbers(session) == dict.fromkeys(NAMES, 2) | {"orders": 1}
    read = shown(timed.release_id, session)
    assert (read.status.value, read.counts["failed"], read.counts["changed"]) == ("incomplete", 1, 4)
    [failed] = [dag for dag in read.report.dags if dag.dag_id == "orders"]
    assert (failed.outcome.value, failed.reason) == ("failed", "version_rejected")
    assert "rejected" in failed.message
    assert listed(session) == {timed.release_id: "incomplete"}
    event = session.scalars(select(Event).where(Event.kind == "activation_failed")).one()
    assert event.release_id == timed.release_id
    problems = release_state("orders", session=session).health.problems
    assert ["did not take effect" in problem.message for problem in problems] == [True]


def test_a_freeze_that_began_since_fails_it(timed, five, session, let_it_come):
    freezes.freeze(five.change(), session=session)
    session.commit()
    let_it_come()

    read = shown(timed.release_id, session)
    assert (read.status.value, outcomes(read.report)) == ("incomplete", dict.fromkeys(NAMES, "failed"))
    assert {dag.reason for dag in read.report.dags} == {"policy"}


def test_a_freeze_that_was_overridden_does_not_fail_it(five, session, let_it_come):
    freezes.freeze(five.change(), session=session)
    session.commit()
    request = ReleaseRequest(bundle_version="sha2", effective_from=now() + HOUR)
    change = Change(Caller("alice", may_override_policies=lambda: True), "urgent", override_reason="agreed")
    commit(lambda: make_release(request, change, EVERYTHING, session=session), session=session)

    let_it_come()

    assert numbers(session) == dict.fromkeys(NAMES, 2)


class TestRollback:
    def test_before_its_time_cancels_it(self, timed, five, releases, session, let_it_come):
        plan = releases.roll_back(timed.release_id, dry_run=True)
        assert outcomes(plan) == dict.fromkeys(NAMES, "canceled")
        back = releases.roll_back(timed.release_id, expected_plan=plan.plan_hash)

        assert outcomes(back) == dict.fromkeys(NAMES, "canceled")
        assert {change.status for change in session.scalars(select(TimedChange))} == {"canceled"}
        let_it_come()
        assert numbers(session) == dict.fromkeys(NAMES, 1)
        assert listed(session) == {timed.release_id: "rolled_back", back.release_id: "released"}
        kinds = session.scalars(select(Event.kind).where(Event.release_id == back.release_id)).all()
        assert kinds == ["activation_canceled"] * len(NAMES)
        with pytest.raises(ReleaseRolledBackError):
            releases.roll_back(timed.release_id)

    def test_afterwards_takes_all_back(self, timed, releases, session, let_it_come):
        let_it_come()

        back = releases.roll_back(timed.release_id)

        assert outcomes(back) == dict.fromkeys(NAMES, "changed")
        assert numbers(session) == dict.fromkeys(NAMES, 1)

    def test_in_between_cancels_what_waits_and_takes_the_rest_back(self, timed, session, releases, monkeypatch):
        monkeypatch.setattr(due, "_left", {})
        for model in (TimedChange, Pin):
            column = "effective_from" if model is TimedChange else "pending_from"
            session.execute(update(model).where(model.dag_id == "orders").values({column: now()}))
        _put_into_effect(session)
        assert numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

        back = releases.roll_back(timed.release_id)

        assert outcomes(back) == dict.fromkeys(NAMES, "canceled") | {"orders": "changed"}
        assert numbers(session) == dict.fromkeys(NAMES, 1)

    def test_takes_back_what_took_effect_while_it_waited_for_the_locks(
        self, timed, releases, session, let_it_come, monkeypatch
    ):
        lock_pins = rollback.lock_pins

        def lock_later(dag_ids, *, session):
            let_it_come()
            return lock_pins(dag_ids, session=session)

        with monkeypatch.context() as patched:
            patched.setattr(rollback, "lock_pins", lock_later)
            # In this process, the rollback has the only turn of writing to SQLite.
            patched.setattr(due, "PATIENCE", 0.01)
            made = releases.roll_back(timed.release_id)

        assert outcomes(made) == dict.fromkeys(NAMES, "changed")
        assert numbers(session) == dict.fromkeys(NAMES, 1)

    def test_pins_no_dag_whose_change_was_canceled_while_it_waited(self, five, releases, session, monkeypatch):
        five.unpin("orders")
        made = releases.make(versions={"orders": 1, "stock": 2}, effective_from=now() + HOUR)
        lock_pins = rollback.lock_pins

        def lock_later(dag_ids, *, session):
            pin = session.get_one(Pin, "orders")
            cancel_row(pin, pending_row(pin, session=session), five.change(), session=session)
            return lock_pins(dag_ids, session=session)

        monkeypatch.setattr(rollback, "lock_pins", lock_later)
        back = releases.roll_back(made.release_id)

        assert outcomes(back) == {"stock": "canceled"}
        assert numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": None}

    def test_of_one_that_changed_nothing_is_refused(self, timed, five, releases, session, let_it_come):
        for name in NAMES:
            five.reject(name, 2)
        let_it_come()

        with pytest.raises(NothingToReleaseError, match="changed no Dag"):
            releases.roll_back(timed.release_id)

        assert listed(session) == {timed.release_id: "incomplete"}

    def test_tells_of_runs_that_keep_the_version(self, timed, releases, session):
        trigger_dag(
            "orders",
            run_id="later",
            run_after=timed.effective_from,
            triggered_by=DagRunTriggeredByType.REST_API,
            session=session,
        )
        session.commit()

        back = releases.roll_back(timed.release_id)

        [told] = [dag.warnings for dag in back.dags if dag.warnings]
        assert "1 unfinished run due at" in told[0]

    def test_leaves_a_change_that_the_pin_does_not_know(self, timed, releases, session):
        """A host with an earlier release of the package may have put another one in its place."""
        other = now() + 2 * HOUR
        newer = update(Pin).where(Pin.dag_id == "orders")
        session.execute(newer.values(pending_from=other, revision=Pin.revision + 1))
        session.commit()

        with pytest.raises(ReleaseBlockedError):
            releases.roll_back(timed.release_id)

        session.expire_all()
        assert session.get_one(Pin, "orders").pending_from == other

    def test_of_an_incomplete_one_leaves_what_never_changed(self, timed, five, releases, session, let_it_come):
        five.reject("orders", 2)
        let_it_come()

        back = releases.roll_back(timed.release_id)

        assert outcomes(back) == {name: "changed" for name in NAMES if name != "orders"}
        assert numbers(session) == dict.fromkeys(NAMES, 1)


class TestOneDag:
    def test_of_which_the_change_is_canceled_is_told(self, timed, five, session, let_it_come):
        five.cancel("orders")
        read = shown(timed.release_id, session)
        assert (read.status.value, read.counts["canceled"]) == ("scheduled", 1)

        let_it_come()
        assert shown(timed.release_id, session).status.value == "incomplete"
        assert numbers(session)["orders"] == 1

    def test_that_is_deleted_is_told(self, timed, five, session):
        forget_dag("orders", five.change(), session=session)
        session.commit()

        [dag] = [dag for dag in shown(timed.release_id, session).report.dags if dag.dag_id == "orders"]
        assert (dag.outcome.value, dag.message) == ("canceled", "The Dag was deleted.")

    def test_whose_row_is_gone_is_told(self, timed, five, session, let_it_come):
        session.execute(delete(DagModel).where(DagModel.dag_id == "orders"))
        session.commit()
        let_it_come()

        read = shown(timed.release_id, session)
        assert (read.status.value, outcomes(read.report)["orders"]) == ("incomplete", "canceled")

    def test_of_which_another_change_is_pending_blocks(self, five, releases, session):
        five.pin_from("orders", 2, now() + 2 * HOUR)

        with pytest.raises(ReleaseBlockedError) as refused:
            releases.make("sha2", effective_from=now() + HOUR)

        assert [(one["dag_id"], one["reason"]) for one in refused.value.data["blocked"]] == [
            ("orders", "activation_pending")
        ]
        assert len(session.scalars(select(TimedChange)).all()) == 1

    def test_that_is_on_hold_blocks_and_is_overridden_as_it_was_known(self, five, releases, session, let_it_come):
        hold("orders", five.change(), session=session)
        session.commit()
        moment = now() + HOUR
        with pytest.raises(ReleaseBlockedError):
            releases.make("sha2", effective_from=moment)

        releases.make("sha2", effective_from=moment, override_reason="agreed")
        let_it_come()

        assert numbers(session) == dict.fromkeys(NAMES, 2)


def test_a_time_that_is_over_is_refused(five, releases, session):
    with pytest.raises(ActivationInPastError):
        releases.make("sha2", effective_from=now() - timedelta(seconds=1))

    assert session.scalars(select(TimedChange)).all() == []


def test_the_same_key_makes_it_once_and_for_one_time(five, releases, session):
    moment = now() + HOUR
    made = releases.make("sha2", effective_from=moment, key="k")

    again = releases.make("sha2", effective_from=moment, key="k")

    assert (again.repeated, again.release_id) == (True, made.release_id)
    assert len(session.scalars(select(TimedChange)).all()) == len(NAMES)


def test_another_plan_is_refused(five, releases):
    plan = releases.make("sha2", dry_run=True)

    with pytest.raises(RevisionConflictError):
        releases.make("sha2", effective_from=now() + HOUR, expected_plan=plan.plan_hash)


def test_takes_no_more_statements_for_more_dags(five, releases, session):
    counts = []
    for dag_ids in (["orders", "stock"], ["billing", "invoices", "refunds"]):
        with sent(session) as statements:
            releases.make("sha2", dag_ids=dag_ids, effective_from=now() + HOUR)
        # SQLite inserts row by row.
        counts.append(sum(not statement.startswith("INSERT") for statement in statements))

    assert counts[0] == counts[1]
