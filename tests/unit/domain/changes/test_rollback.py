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

from uuid import uuid4

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select, update

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes import canary, rollback
from airflow_providers_pinning.domain.changes.rollback_target import HISTORY_PAGE, MAX_TOLD
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded


def source(number):
    return dag_file("orders", tasks=f"step_{number}")


def run(lab):
    """Create a run, so that the next commit makes a new version."""
    trigger_dag(
        "orders",
        run_id=f"run_{len(lab.runs('orders'))}",
        triggered_by=DagRunTriggeredByType.REST_API,
        session=lab.session,
    )
    lab.session.commit()


@pytest.fixture
@remembered
def pinned_one_after_the_other(lab):
    """Pin versions 1, 2 and 3 in turn."""
    for number in (1, 2, 3):
        lab.commit(f"sha{number}", orders=source(number))
        lab.pin("orders", number)
    return lab


@pytest.fixture
@remembered
def never_pinned(lab):
    """Register versions 1, 2 and 3, each with a run; none was ever pinned."""
    for number in (1, 2, 3):
        lab.commit(f"sha{number}", orders=source(number))
        run(lab)
    return lab


class TestOfAPinnedDag:
    def test_pins_the_version_that_was_pinned_before(self, pinned_one_after_the_other):
        state = pinned_one_after_the_other.roll_back("orders")

        assert state.active.version_number == 2
        assert state.pinned

    def test_again_goes_one_further_back(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders")

        assert pinned_one_after_the_other.roll_back("orders").active.version_number == 1

    def test_again_does_not_go_forth_even_if_nothing_is_rejected(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders", reject_current=False)

        assert pinned_one_after_the_other.roll_back("orders", reject_current=False).active.version_number == 1

    def test_has_an_end(self, pinned_one_after_the_other):
        for _ in range(2):
            pinned_one_after_the_other.roll_back("orders")

        with pytest.raises(errors.NothingToRollBackToError):
            pinned_one_after_the_other.roll_back("orders")

    def test_after_a_pin_that_followed_a_roll_back_goes_to_what_was_active_then(self, pinned_one_after_the_other):
        lab = pinned_one_after_the_other
        lab.roll_back("orders")
        lab.commit("sha4", orders=source(4))
        lab.pin("orders", 4)

        assert lab.roll_back("orders").active.version_number == 2

    def test_passes_over_what_was_rejected(self, pinned_one_after_the_other):
        pinned_one_after_the_other.reject("orders", 2)

        assert pinned_one_after_the_other.roll_back("orders").active.version_number == 1

    def test_passes_over_what_is_gone(self, pinned_one_after_the_other):
        pinned_one_after_the_other.remove_version("orders", 2)

        assert pinned_one_after_the_other.roll_back("orders").active.version_number == 1

    def test_passes_over_what_was_rewritten(self, pinned_one_after_the_other):
        pinned_one_after_the_other.rewrite("orders", 2, bundle_version="rewritten")

        assert pinned_one_after_the_other.roll_back("orders").active.version_number == 1

    def test_is_possible_although_the_pinned_version_is_gone(self, pinned_one_after_the_other):
        pinned_one_after_the_other.remove_version("orders", 3)

        assert pinned_one_after_the_other.roll_back("orders").active.version_number == 2

    def test_of_the_first_pin_goes_to_what_was_live_before_it(self, lab):
        lab.commit("sha1", orders=source(1))
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=source(2))
        lab.pin("orders", 1)

        assert lab.roll_back("orders").active.version_number == 2

    def test_of_the_first_pin_is_refused_if_what_was_live_before_it_has_no_commit(self, lab):
        lab.commit("sha1", orders=source(1))
        lab.candidate("orders", 1)
        lab.commit(None, orders=source(2))
        lab.pin("orders", 1)

        with pytest.raises(errors.NothingToRollBackToError):
            lab.roll_back("orders")

    def test_of_a_first_pin_on_the_latest_version_goes_to_the_one_that_ran_before(self, never_pinned):
        never_pinned.pin("orders", 3)

        assert never_pinned.roll_back("orders").active.version_number == 2


def lose_code(lab):
    lab.lose_code("orders", 2)
    return "code_unavailable"


def disable_versioning(lab):
    lab.rewrite_stored("orders", 2, lambda data: data["dag"].update(disable_bundle_versioning=True))
    return "unversioned_bundle"


def remove_plugin(lab):
    lab.remove_plugin("orders", 2)
    return "version_unreadable"


def add_data(lab):
    lab.rewrite("orders", 2, version_data={"manifest": "s3://bucket/1"})
    return "version_data_unsupported"


def reject(lab):
    lab.reject("orders", 2)
    return "version_rejected"


def rewrite(lab):
    lab.rewrite("orders", 2, bundle_version="rewritten")
    return "version_drifted"


def remove(lab):
    lab.remove_version("orders", 2)
    return "unknown_version"


SPOILERS = (
    lose_code,
    disable_versioning,
    remove_plugin,
    # Airflow 3.4 hands the data of a version to workers.
    *((add_data,) if RELEASE < (3, 4) else ()),
    reject,
    rewrite,
    remove,
)


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda one: one.__name__)
class TestOfADagWhoseLastVersionCannotBePinned:
    def test_returns_to_an_older_one_and_says_what_it_passed_over_and_why(self, spoil, pinned_one_after_the_other):
        lab = pinned_one_after_the_other
        reason = spoil(lab)

        state = lab.roll_back("orders")

        assert state.active.version_number == 1
        [warning] = state.warnings
        assert warning.startswith(f"Skipped version 2 ({reason}): ")
        event = lab.session.scalars(select(Event).order_by(Event.id.desc())).first()
        [passed_over] = event.evidence["passed_over"]
        assert (passed_over["version_number"], passed_over["reason"]) == (2, reason)
        assert passed_over["message"] in warning

    def test_is_told_so_before(self, spoil, pinned_one_after_the_other):
        lab = pinned_one_after_the_other
        reason = spoil(lab)

        target = rollback.target_of_rollback("orders", lab.change().caller, session=lab.session)

        assert target.version.version_number == 1
        assert [(one.version_number, one.reason) for one in target.passed_over] == [(2, reason)]

    def test_refuses_to_return_to_it_by_its_number(self, spoil, pinned_one_after_the_other):
        reason = spoil(pinned_one_after_the_other)

        with pytest.raises(errors.PinningError) as refusal:
            pinned_one_after_the_other.roll_back("orders", to_version=2)

        assert refusal.value.reason == reason


@pytest.mark.parametrize("spoil", [one for one in SPOILERS if one is not remove], ids=lambda one: one.__name__)
def test_a_version_that_was_never_pinned_is_passed_over_too(spoil, never_pinned):
    never_pinned.candidate("orders", 2)
    reason = spoil(never_pinned)

    state = never_pinned.roll_back("orders")

    assert state.active.version_number == 1
    assert state.warnings[0].startswith(f"Skipped version 2 ({reason}): ")


def test_a_version_of_a_bundle_that_is_gone_is_passed_over(lab):
    lab.commit("sha1", orders=source(1))
    lab.pin("orders", 1)
    lab.commit("sha2", bundle="others", orders=source(2))
    lab.pin("orders", 2)
    lab.commit("sha3", orders=source(3))
    lab.pin("orders", 3)
    lab.remove_bundle("others")

    state = lab.roll_back("orders")

    assert state.active.version_number == 1
    assert "no longer configured" in state.warnings[0]


def test_a_refusal_says_why_each_version_is_passed_over(pinned_one_after_the_other):
    pinned_one_after_the_other.lose_code("orders", 2)
    pinned_one_after_the_other.reject("orders", 1)

    with pytest.raises(errors.NothingToRollBackToError, match=r"version 2 .*version 1") as refusal:
        pinned_one_after_the_other.roll_back("orders")

    assert [one["reason"] for one in refusal.value.data["passed_over"]] == ["code_unavailable", "version_rejected"]


def test_an_override_passes_over_no_rejection_that_nobody_named(pinned_one_after_the_other):
    pinned_one_after_the_other.reject("orders", 2)

    state = pinned_one_after_the_other.roll_back("orders", override_reason="lift the hold")

    assert state.active.version_number == 1


class TestOfADagThatIsNotPinned:
    def test_pins_the_newest_older_version_that_ran(self, never_pinned):
        state = never_pinned.roll_back("orders")

        assert state.active.version_number == 2
        assert state.pinned

    def test_passes_over_a_version_that_never_ran(self, lab):
        lab.commit("sha1", orders=source(1))
        run(lab)
        lab.commit("sha2", orders=source(2))
        lab.candidate("orders", 2)
        lab.commit("sha3", orders=source(3))

        assert lab.roll_back("orders").active.version_number == 1

    def test_passes_over_a_version_that_had_canary_runs_only(self, lab):
        lab.commit("sha1", orders=source(1))
        run(lab)
        lab.commit("sha2", orders=source(2))
        canary.create_canary_runs("orders", canary.CanaryRequest(2), lab.change(), session=lab.session)
        lab.session.commit()
        lab.commit("sha3", orders=source(3))
        run(lab)

        assert lab.roll_back("orders").active.version_number == 1

    def test_passes_over_what_was_rejected(self, never_pinned):
        never_pinned.reject("orders", 2)

        assert never_pinned.roll_back("orders").active.version_number == 1

    def test_with_one_version_only_is_refused(self, lab):
        lab.commit("sha1", orders=source(1))
        run(lab)

        with pytest.raises(errors.NothingToRollBackToError):
            lab.roll_back("orders")

    def test_with_older_versions_that_have_no_commit_only_is_refused(self, lab):
        lab.commit(None, orders=source(1))
        run(lab)
        lab.commit("sha2", orders=source(2))

        with pytest.raises(errors.NothingToRollBackToError):
            lab.roll_back("orders")

    def test_right_after_unpinning_goes_back_to_what_was_pinned(self, lab):
        lab.commit("sha1", orders=source(1))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=source(2))
        lab.unpin("orders")

        assert lab.roll_back("orders").active.version_number == 1

    def test_long_after_unpinning_goes_back_to_what_ran_since(self, lab):
        lab.commit("sha1", orders=source(1))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=source(2))
        lab.unpin("orders")
        run(lab)
        lab.commit("sha3", orders=source(3))
        run(lab)

        assert lab.roll_back("orders").active.version_number == 2


class TestToAVersion:
    def test_pins_that_one(self, pinned_one_after_the_other):
        assert pinned_one_after_the_other.roll_back("orders", to_version=1).active.version_number == 1

    def test_that_is_not_known_is_refused(self, pinned_one_after_the_other):
        with pytest.raises(errors.UnknownVersionError):
            pinned_one_after_the_other.roll_back("orders", to_version=99)

    def test_that_is_active_is_refused(self, pinned_one_after_the_other):
        with pytest.raises(errors.NothingToRollBackToError):
            pinned_one_after_the_other.roll_back("orders", to_version=3)

    def test_that_was_rejected_is_refused(self, pinned_one_after_the_other):
        pinned_one_after_the_other.reject("orders", 1)

        with pytest.raises(errors.VersionRejectedError):
            pinned_one_after_the_other.roll_back("orders", to_version=1)


class TestRejection:
    def test_of_the_version_that_is_rolled_back_is_the_rule(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders", reason="loses orders")

        assert pinned_one_after_the_other.managed("orders") == {1: "retained", 2: "active", 3: "rejected"}
        with pytest.raises(errors.VersionRejectedError, match="loses orders"):
            pinned_one_after_the_other.pin("orders", 3)

    def test_can_be_left_out(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders", reject_current=False)

        assert pinned_one_after_the_other.managed("orders") == {1: "retained", 2: "active", 3: "retained"}

    def test_of_a_version_that_was_never_pinned_manages_it(self, never_pinned):
        never_pinned.roll_back("orders")

        assert never_pinned.managed("orders") == {2: "active", 3: "rejected"}

    def test_does_not_cost_an_older_version_its_place(self, pinned_one_after_the_other, option):
        option("keep_versions", 1)

        pinned_one_after_the_other.roll_back("orders")

        assert pinned_one_after_the_other.managed("orders") == {1: "retained", 2: "active", 3: "rejected"}


class TestHold:
    def test_is_set_if_it_is_asked_for(self, pinned_one_after_the_other):
        state = pinned_one_after_the_other.roll_back("orders", hold=True, reason="loses orders")

        assert state.hold.reason == "loses orders"

    def test_is_not_set_otherwise(self, pinned_one_after_the_other):
        assert pinned_one_after_the_other.roll_back("orders").hold is None

    def test_does_not_stand_in_the_way_of_going_further_back_and_stays(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders", hold=True, reason="loses orders")

        state = pinned_one_after_the_other.roll_back("orders", reason="worse")

        assert state.active.version_number == 1
        assert state.hold.reason == "loses orders"

    def test_stands_in_the_way_of_a_newer_version(self, pinned_one_after_the_other):
        pinned_one_after_the_other.roll_back("orders", reject_current=False, hold=True)

        with pytest.raises(errors.DagHeldError):
            pinned_one_after_the_other.roll_back("orders", to_version=3)


def test_a_conflict_with_a_newer_change_is_refused(pinned_one_after_the_other):
    with pytest.raises(errors.RevisionConflictError):
        pinned_one_after_the_other.roll_back("orders", expected_revision=1)


def test_the_same_request_twice_goes_back_once(pinned_one_after_the_other):
    for _ in range(2):
        state = pinned_one_after_the_other.roll_back("orders", idempotency_key="k")

    assert state.active.version_number == 2


def test_the_history_tells_of_the_roll_back_and_the_rejection(pinned_one_after_the_other):
    pinned_one_after_the_other.roll_back("orders", reason="loses orders")

    event = pinned_one_after_the_other.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert (event.kind, event.reason, event.evidence) == ("rolled_back", "loses orders", {"rejected": 3})
    assert (event.from_version["version_number"], event.to_version["version_number"]) == (3, 2)


def test_a_long_history_of_versions_that_are_gone_is_read_some_at_a_time(never_pinned, session):
    """The tab asks for the target every few seconds, and a rollback holds the lock on the Dag while it looks."""
    never_pinned.pin("orders", 2)
    never_pinned.pin("orders", 3)
    gone = never_pinned.session.scalars(select(Event).order_by(Event.id.desc())).first().from_version
    session.add_all(
        Event(
            dag_id="orders",
            revision=number,
            kind="pinned",
            from_version={**gone, "dag_version_id": str(uuid4())},
            to_version={**gone, "dag_version_id": str(never_pinned.version("orders", 3).id)},
            actor="somebody",
            actor_kind="user",
            reason="again",
        )
        for number in range(3 * HISTORY_PAGE)
    )
    session.commit()

    with recorded(session) as statements:
        target = rollback.target_of_rollback("orders", never_pinned.change().caller, session=session)

    assert target.version.version_number == 2
    assert len(statements) < 25
    assert len(target.warnings()) == MAX_TOLD + 1


def test_a_latest_version_that_cannot_be_pinned_is_not_rejected_but_rolled_back_from(lab, session):
    lab.commit("sha1", orders=source(1))
    lab.pin("orders", 1)
    lab.unpin("orders")
    lab.commit(None, orders=source(2))

    state = lab.roll_back("orders")

    assert (state.active.version_number, lab.managed("orders")) == (1, {1: "active"})
    [warning] = state.warnings
    assert "version 2" in warning
    assert "was not rejected" in warning
    event = session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()
    assert "rejected" not in event.evidence


def test_the_warning_is_given_again_to_a_request_that_is_repeated(lab):
    lab.commit("sha1", orders=source(1))
    lab.pin("orders", 1)
    lab.unpin("orders")
    lab.commit(None, orders=source(2))

    [first] = lab.roll_back("orders", idempotency_key="key").warnings
    repeated = lab.roll_back("orders", idempotency_key="key")

    assert repeated.warnings[0] == first
    assert repeated.warnings[1].startswith("This request was already carried out")
    assert "no longer rejected" not in repeated.warnings[1]
    assert repeated.repeated.stands


def test_a_newer_version_that_failed_its_canaries_is_not_gone_back_to(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    [run_id] = canary.create_canary_runs("orders", canary.CanaryRequest(2), lab.change(), session=session).run_ids
    now = timezone.utcnow()
    session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state="failed", start_date=now, end_date=now))
    session.commit()

    with pytest.raises(errors.VerdictFailedError):
        lab.roll_back("orders", to_version=2, reject_current=False)

    session.rollback()
    state = lab.roll_back("orders", to_version=2, reject_current=False, override_reason="the data was late")
    assert state.active.version_number == 2
