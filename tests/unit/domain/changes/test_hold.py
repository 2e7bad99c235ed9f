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
from airflow.jobs.job import Job, JobState

from airflow_providers_pinning.domain import clocks
from airflow_providers_pinning.domain.changes import hold
from airflow_providers_pinning.domain.errors import (
    DagHeldError,
    HoldEndsInPastError,
    NotEnforcedError,
    RevisionConflictError,
    UnknownDagError,
)
from airflow_providers_pinning.domain.monitoring import pin_list, release_state
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.models import Event, Pin
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file
from tests.support.statements import sent

STATEMENTS_OF_A_DAG = 9
"""What holding one more Dag costs at most."""


@pytest.fixture
def clock_reads(session, monkeypatch):
    """Return what grows whenever the database's clock is read, which is a statement except on SQLite."""
    reads = []
    read = clocks.database_clock

    def count(*, session):
        reads.append(1)
        return read(session=session)

    for module in (hold, pin_list, release_state):
        monkeypatch.setattr(module, "database_clock", count)
    return reads


@pytest.fixture
@remembered
def held(lab):
    """Versions 1 to 3, rolled back from 3 to 2 with a hold."""
    lab.pin_first_of_two()
    lab.pin("orders", 2)
    lab.commit("sha3", orders=STABLE)
    lab.pin("orders", 3)
    lab.roll_back("orders", hold=True, reject_current=False, reason="orders arrive twice")
    return lab


def test_hold_refuses_a_pin_and_an_unpinning(held):
    with pytest.raises(DagHeldError, match="orders arrive twice"):
        held.pin("orders", 3)
    held.session.rollback()
    with pytest.raises(DagHeldError):
        held.unpin("orders")


def test_hold_cannot_be_bypassed_by_rolling_back_to_a_newer_version(held):
    with pytest.raises(DagHeldError):
        held.roll_back("orders", to_version=3)


def test_further_rollback_is_possible_and_keeps_the_hold(held):
    state = held.roll_back("orders")
    assert (state.active.version_number, state.hold.reason) == (1, "orders arrive twice")


def test_override_lifts_the_hold(held):
    state = held.pin("orders", 3, override_reason="fixed upstream")
    assert (state.active.version_number, state.hold) == (3, None)


def test_override_lifts_the_hold_even_if_the_version_is_pinned_already(held):
    state = held.pin("orders", 2, override_reason="fixed upstream")
    assert (state.active.version_number, state.hold) == (2, None)
    newest = held.session.query(Event).order_by(Event.id.desc()).first()
    assert (newest.kind, newest.override_reason) == ("unheld", "fixed upstream")


def test_hold_can_be_lifted_while_nothing_could_be_pinned(held):
    held.session.add(Job(job_type="SchedulerJob", state=JobState.RUNNING))
    held.session.commit()
    with pytest.raises(NotEnforcedError):
        held.pin("orders", 3, override_reason="fixed upstream")
    held.session.rollback()

    state = held.pin("orders", 2, override_reason="fixed upstream")

    assert (state.active.version_number, state.hold) == (2, None)


@pytest.fixture
@remembered
def pinned(lab):
    """Version 1 of two Dags is pinned, and version 2 is there."""
    both = {"orders": STABLE, "invoices": STABLE.replace('"orders"', '"invoices"')}
    lab.commit("sha1", **both)
    lab.pin("orders", 1)
    lab.pin("invoices", 1)
    lab.commit("sha2", **{name: source.replace('"load"', '"load2"') for name, source in both.items()})
    return lab


def put_on_hold(lab, dag_id="orders", *, until=None, **conditions):
    state = hold.hold(dag_id, lab.change(**conditions), until=until, session=lab.session)
    lab.session.commit()
    return state


def lift(lab, dag_id="orders", **conditions):
    state = hold.unhold(dag_id, lab.change(**conditions), session=lab.session)
    lab.session.commit()
    return state


def kinds(lab, dag_id="orders"):
    events = lab.session.query(Event).where(Event.dag_id == dag_id).order_by(Event.id)
    return [(event.kind, event.revision) for event in events]


class TestHoldingAndLifting:
    def test_are_events_of_their_own_with_revisions(self, pinned):
        held = put_on_hold(pinned, reason="month end")
        lifted = lift(pinned, reason="month ended")

        assert (held.hold.reason, held.hold.actor, held.hold.until, held.revision) == ("month end", "alice", None, 2)
        assert (lifted.hold, lifted.revision, lifted.active.version_number) == (None, 3, 1)
        assert kinds(pinned) == [("pinned", 1), ("held", 2), ("unheld", 3)]

    def test_hold_a_dag_that_was_never_pinned(self, lab):
        lab.commit("sha1", orders=STABLE)
        put_on_hold(lab, reason="not yet")

        with pytest.raises(DagHeldError, match="not yet"):
            lab.pin("orders", 1)

    def test_do_nothing_if_it_is_so_already(self, pinned):
        put_on_hold(pinned, reason="month end")
        again = put_on_hold(pinned, reason="month end")
        lift(pinned)
        lift(pinned)

        assert again.revision == 2
        assert kinds(pinned) == [("pinned", 1), ("held", 2), ("unheld", 3)]

    def test_replace_a_hold_with_the_former_one_in_the_history(self, pinned):
        put_on_hold(pinned, reason="month end")
        assert put_on_hold(pinned, reason="audit").hold.reason == "audit"

        newest = pinned.session.query(Event).order_by(Event.id.desc()).first()
        assert newest.evidence["replaced"]["reason"] == "month end"

    def test_are_refused_from_another_revision(self, pinned):
        with pytest.raises(RevisionConflictError):
            put_on_hold(pinned, expected_revision=7)

    def test_are_made_once_however_often_they_are_sent(self, pinned):
        put_on_hold(pinned, idempotency_key="once")
        lift(pinned)
        again = put_on_hold(pinned, idempotency_key="once")

        assert (again.hold, again.repeated.revision) == (None, 2)

    def test_of_many_dags_are_one_change(self, pinned):
        with pytest.raises(UnknownDagError):
            hold.hold_all(["invoices", "orders", "zebra"], pinned.change(), session=pinned.session)
        pinned.session.rollback()
        assert pinned.pin_state("invoices").hold is None

        states = hold.hold_all(["orders", "invoices", "orders"], pinned.change("audit"), session=pinned.session)
        pinned.session.commit()

        assert [(state.dag_id, state.hold.reason) for state in states] == [("invoices", "audit"), ("orders", "audit")]
        lifted = hold.unhold_all(["orders", "invoices"], pinned.change("done"), session=pinned.session)
        assert [state.hold for state in lifted] == [None, None]


class TestHoldingManyDags:
    NAMES = tuple(f"dag_{number}" for number in range(6))

    @pytest.fixture
    @remembered
    def many(self, lab):
        lab.commit("sha1", **{name: dag_file(name) for name in self.NAMES})
        for name in self.NAMES:
            lab.pin(name, 1)
        lab.commit("sha2", **{name: dag_file(name, tasks="one two") for name in self.NAMES})
        return lab

    def hold(self, lab, names):
        until = timezone.utcnow() + timedelta(hours=1)
        lab.session.expire_all()
        with sent(lab.session) as statements:
            states = hold.hold_all(names, lab.change("audit"), until=until, session=lab.session)
        assert [(state.dag_id, state.hold.until) for state in states] == [(name, until) for name in names]
        return statements

    def unhold(self, lab, names):
        lab.session.expire_all()
        with sent(lab.session) as statements:
            states = hold.unhold_all(names, lab.change("done"), session=lab.session)
        assert [state.hold for state in states] == [None] * len(names)
        return statements

    def test_reads_of_all_at_once_what_can_be(self, many):
        for change in (self.hold, self.unhold):
            numbers = {}
            for names in (self.NAMES[:1], self.NAMES[1:2], self.NAMES[1:6]):
                numbers[names] = len(change(many, names))
                many.session.commit()
            _, one, five = numbers.values()
            assert (five - one) / 4 <= STATEMENTS_OF_A_DAG

    def test_reads_the_clock_once(self, many, clock_reads):
        self.hold(many, self.NAMES)
        assert len(clock_reads) == 1
        many.session.commit()
        clock_reads.clear()
        self.unhold(many, self.NAMES)
        assert len(clock_reads) == 1

    def test_returns_the_states_that_are_read_of_each_alone(self, many):
        states = hold.hold_all(self.NAMES, many.change("audit"), session=many.session)
        many.session.commit()

        assert states == [many.pin_state(name) for name in self.NAMES]
        assert {(state.versions_behind, state.related_versions_behind) for state in states} == {(1, 1)}

    def test_a_list_of_them_reads_the_clock_once(self, many, clock_reads):
        self.hold(many, self.NAMES)
        many.session.commit()
        clock_reads.clear()

        pins, _ = list_pins(PinFilter(), limit=9, offset=0, session=many.session)

        assert [pin.hold.reason for pin in pins] == ["audit"] * len(self.NAMES)
        assert len(clock_reads) == 1

    def test_a_list_of_pins_without_an_end_reads_no_clock(self, many, clock_reads):
        list_pins(PinFilter(), limit=9, offset=0, session=many.session)

        assert clock_reads == []


class TestTheEndOfAHold:
    def test_is_told(self, pinned):
        until = timezone.utcnow() + timedelta(hours=1)

        assert put_on_hold(pinned, until=until).hold.until == until
        with pytest.raises(DagHeldError, match="until 20"):
            pinned.pin("orders", 2)

    def test_lets_the_dag_be_changed_without_anybody_lifting_it(self, pinned):
        put_on_hold(pinned, until=timezone.utcnow() + timedelta(hours=1))
        pinned.session.query(Pin).where(Pin.dag_id == "orders").update(
            {"hold_until": timezone.utcnow() - timedelta(seconds=1)}
        )
        pinned.session.commit()

        assert pinned.pin_state("orders").hold is None
        assert list_pins(PinFilter(), limit=9, offset=0, session=pinned.session)[0][1].hold is None
        assert pinned.pin("orders", 2).active.version_number == 2
        assert "unheld" not in dict(kinds(pinned))

    def test_is_refused_if_it_is_over(self, pinned):
        with pytest.raises(HoldEndsInPastError, match="is in the past"):
            put_on_hold(pinned, until=timezone.utcnow() - timedelta(seconds=1))

    def test_is_that_of_a_rollback_too(self, pinned):
        pinned.pin("orders", 2)
        until = timezone.utcnow() + timedelta(hours=1)

        assert pinned.roll_back("orders", hold=True, hold_until=until).hold.until == until


def test_the_hold_of_a_rollback_is_in_the_history(held):
    assert kinds(held)[-2:] == [("rolled_back", 4), ("held", 4)]


def test_pinning_over_a_hold_says_in_the_history_that_it_lifted_it(held):
    held.pin("orders", 3, override_reason="fixed upstream")

    assert kinds(held)[-2:] == [("unheld", 5), ("pinned", 5)]


def test_unpinning_over_a_hold_says_in_the_history_that_it_lifted_it(held):
    held.unpin("orders", override_reason="fixed upstream")

    assert {("unheld", 5), ("unpinned", 5)} == set(kinds(held)[-2:])


def test_lifting_a_hold_by_pinning_the_active_version_again_counts_a_revision(held):
    held.pin("orders", 2, override_reason="fixed upstream", idempotency_key="lift")

    assert kinds(held)[-1] == ("unheld", 5)


def test_a_rollback_does_not_shorten_the_hold_of_a_person(lab):
    for number, source in enumerate((STABLE, CHANGED, STABLE), 1):
        lab.commit(f"sha{number}", orders=source)
        lab.pin("orders", number)
    hold.hold("orders", lab.change(reason="until I lift it"), session=lab.session)
    lab.session.commit()

    state = lab.roll_back(
        "orders", hold=True, hold_until=timezone.utcnow() + timedelta(minutes=1), reason="by a notifier"
    )

    assert (state.hold.reason, state.hold.until) == ("until I lift it", None)
    assert [kind for kind, _ in kinds(lab)][-2:] == ["held", "rolled_back"]


def test_a_rollback_prolongs_a_hold_that_would_end_before(lab):
    for number, source in enumerate((STABLE, CHANGED, STABLE), 1):
        lab.commit(f"sha{number}", orders=source)
        lab.pin("orders", number)
    hold.hold(
        "orders", lab.change(reason="over lunch"), until=timezone.utcnow() + timedelta(minutes=1), session=lab.session
    )
    lab.session.commit()

    state = lab.roll_back("orders", hold=True, reason="wrong totals")

    assert (state.hold.reason, state.hold.until) == ("wrong totals", None)
