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

from dataclasses import replace

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select, update

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes import pins
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import CallerKind
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file

V1 = dag_file("orders", "schedule='@daily'")
V2 = dag_file("orders", "schedule='@hourly'", "extract load")
V3 = dag_file("orders", "schedule='@weekly'", "extract transform load")


@pytest.fixture
@remembered
def versions(lab):
    """Register three versions; the first two are candidates, so that the third did not overwrite them."""
    lab.commit("sha1", orders=V1)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=V2)
    lab.candidate("orders", 2)
    lab.commit("sha3", orders=V3)
    return lab


def pin(lab, target, **conditions):
    state = pins.pin_version("orders", target, lab.change(**conditions), session=lab.session)
    lab.session.commit()
    return state


def events(lab):
    return lab.session.scalars(select(Event).where(Event.kind != "candidate").order_by(Event.id)).all()


class TestPin:
    def test_makes_the_version_active(self, versions):
        state = versions.pin("orders", 1)

        assert state.pinned
        assert state.active.version_number == 1
        assert state.latest.version_number == 3
        assert state.versions_behind == 2

    def test_tells_who_pinned_it_and_why(self, versions):
        state = versions.pin("orders", 1, reason="version 2 loses orders")

        assert (state.pin.actor, state.pin.reason) == ("alice", "version 2 loses orders")

    def test_names_the_version_exactly(self, versions):
        active = versions.pin("orders", 1).active

        version = versions.version("orders", 1)
        assert (active.dag_version_id, active.bundle_name, active.bundle_version) == (version.id, BUNDLE, "sha1")
        assert (active.dag_hash, active.relative_fileloc) == (versions.serialized("orders", 1).dag_hash, "orders.py")

    def test_counts_its_changes(self, versions):
        assert [versions.pin("orders", number).revision for number in (1, 2, 1)] == [1, 2, 3]

    def test_can_name_the_version_by_id(self, versions):
        state = pin(versions, pins.Target(dag_version_id=versions.version("orders", 2).id))

        assert state.active.version_number == 2

    def test_can_name_the_version_by_commit(self, versions):
        assert pin(versions, pins.Target(bundle_version="sha2")).active.version_number == 2

    def test_by_commit_takes_the_newest_version_parsed_from_it(self, lab):
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)
        lab.commit("sha1", orders=V2)

        assert pin(lab, pins.Target(bundle_version="sha1")).active.version_number == 2

    @pytest.mark.parametrize(
        "target",
        [pins.Target(), pins.Target(version_number=1, bundle_version="sha1")],
        ids=["not at all", "in two ways"],
    )
    def test_must_name_the_version_in_one_way(self, target, versions):
        with pytest.raises(ValueError, match="exactly one"):
            pin(versions, target)

    def test_manages_the_version(self, versions):
        versions.pin("orders", 1)

        assert versions.managed("orders") == {1: "active", 2: "candidate", 3: "retained"}

    def test_keeps_the_version_that_was_active_before(self, versions):
        versions.pin("orders", 1)
        versions.pin("orders", 2)

        assert versions.managed("orders") == {1: "retained", 2: "active", 3: "retained"}

    def test_of_the_same_version_again_changes_nothing(self, versions):
        before = versions.pin("orders", 1)

        after = versions.pin("orders", 1, reason="once more")

        assert after == before
        assert len(events(versions)) == 1

    def test_of_the_same_version_again_mends_the_scheduling_metadata(self, versions):
        versions.pin("orders", 1)
        versions.dag_model("orders").bundle_version = "overwritten"
        versions.session.commit()

        versions.pin("orders", 1)

        assert versions.dag_model("orders").bundle_version == "sha1"

    def test_of_the_same_version_again_is_refused_if_that_was_rewritten(self, versions):
        versions.pin("orders", 1)
        versions.break_pin("orders")

        with pytest.raises(errors.VersionDriftedError):
            versions.pin("orders", 1)

    def test_is_dated_anew_by_each_change(self, versions):
        versions.pin("orders", 1)
        dates = [versions.pin_row("orders").changed_at]
        for change in (lambda: versions.pin("orders", 2), lambda: versions.unpin("orders")):
            change()
            dates.append(versions.pin_row("orders").changed_at)

        assert dates == sorted(set(dates))

    def test_leaves_the_version_that_was_live_before_rejected(self, versions):
        versions.reject("orders", 3)

        versions.pin("orders", 1)

        assert versions.managed("orders")[3] == "rejected"

    def test_does_not_keep_a_version_without_a_commit_that_was_live_before(self, lab):
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)
        lab.commit(None, orders=V2)

        lab.pin("orders", 1)

        assert lab.managed("orders") == {1: "active"}

    def test_of_another_dag_stays(self, versions):
        versions.commit("sha4", invoices=dag_file("invoices"))
        versions.pin("orders", 1)
        versions.pin("invoices", 1)

        versions.unpin("orders")

        assert versions.pin_state("invoices").pinned

    def test_that_is_rolled_back_leaves_nothing(self, versions):
        pins.pin_version("orders", pins.Target(version_number=1), versions.change(), session=versions.session)
        versions.session.rollback()

        assert versions.pin_row("orders") is None
        assert events(versions) == []
        assert versions.managed("orders") == {1: "candidate", 2: "candidate"}
        assert versions.dag_model("orders").bundle_version == "sha3"

    def test_of_a_dag_with_a_thousand_tasks_is_made(self, lab):
        many = "for i in range(1000):\n    EmptyOperator(task_id=f'task_{i}')"
        lab.commit("sha1", orders=dag_file("orders", tasks="", body=many))

        assert lab.pin("orders", 1).pinned


class TestRefusal:
    def refuse(self, lab, error, number=1, **conditions):
        with pytest.raises(error) as refused:
            lab.pin("orders", number, **conditions)
        lab.session.rollback()
        assert lab.pin_row("orders") is None or lab.pin_row("orders").dag_version_id is None
        return refused.value

    def test_of_a_dag_that_is_not_known(self, lab):
        error = self.refuse(lab, errors.UnknownDagError)

        assert "'orders'" in error.message

    def test_of_a_version_that_is_not_known(self, versions):
        error = self.refuse(versions, errors.UnknownVersionError, 99)

        assert error.data["version_number"] == 99

    def test_of_a_version_of_another_dag(self, versions):
        versions.commit("sha4", invoices=dag_file("invoices"))
        target = pins.Target(dag_version_id=versions.version("invoices", 1).id)

        with pytest.raises(errors.UnknownVersionError):
            pin(versions, target)

    def test_of_a_version_whose_bundle_is_not_versioned(self, lab):
        lab.commit(None, orders=V1)

        error = self.refuse(lab, errors.UnversionedBundleError)

        assert "GitDagBundle" in error.message

    def test_of_a_dag_that_opts_out_of_bundle_versions(self, lab):
        lab.commit("sha1", orders=dag_file("orders", "disable_bundle_versioning=True"))

        error = self.refuse(lab, errors.UnversionedBundleError)

        assert "Remove the setting" in error.message

    def test_of_a_version_that_was_rejected(self, versions):
        versions.reject("orders", 1, reason="loses orders")

        error = self.refuse(versions, errors.VersionRejectedError)

        assert "loses orders" in error.message

    def test_of_a_version_that_changed_since_it_was_approved(self, versions):
        with pytest.raises(errors.VersionDriftedError, match="not the expected 0123") as refused:
            pin(versions, pins.Target(version_number=1, expected_dag_hash="0123"))
        assert refused.value.data["dag_hash"] == versions.serialized("orders", 1).dag_hash

    @pytest.mark.parametrize(
        "rewrite",
        [
            pytest.param(lambda lab: lab.rewrite("orders", 1, bundle_name="elsewhere"), id="its bundle"),
            pytest.param(lambda lab: lab.rewrite("orders", 1, bundle_version="rewritten"), id="its commit"),
            pytest.param(
                lambda lab: lab.session.execute(update(SerializedDagModel).values(dag_hash="rewritten")),
                id="its structure",
            ),
        ],
    )
    def test_of_a_version_that_changed_since_it_came_under_management(self, rewrite, versions):
        rewrite(versions)

        error = self.refuse(versions, errors.VersionDriftedError)

        assert "a process that does not enforce pins rewrote it" in error.message

    def test_of_a_version_that_was_deleted(self, versions):
        versions.remove_version("orders", 1)

        self.refuse(versions, errors.UnknownVersionError)

    def test_of_a_version_whose_code_is_missing(self, versions):
        versions.session.execute(
            update(ManagedVersion)
            .where(ManagedVersion.version_number == 1)
            .values(code_state="missing", code_message="the commit is gone")
        )
        versions.session.commit()

        error = self.refuse(versions, errors.CodeUnavailableError)

        assert "the commit is gone" in error.message

    def test_of_a_version_that_the_remote_does_not_have_any_more(self, versions):
        forget_at_the_remote(versions, 1)

        error = self.refuse(versions, errors.CodeUnavailableError)

        assert "New hosts cannot fetch the code" in error.message
        assert "Push the commit again with a tag" in error.message

    def test_of_a_version_whose_plugin_is_gone(self, versions):
        versions.remove_plugin("orders", 1)

        error = self.refuse(versions, errors.VersionUnreadableError)

        assert "GoneTimetable" in error.message

    def test_leaves_a_pin_that_is_in_force(self, versions):
        versions.pin("orders", 1)

        with pytest.raises(errors.UnknownVersionError):
            versions.pin("orders", 99)
        versions.session.rollback()

        assert versions.pin_state("orders").active.version_number == 1


class TestOverride:
    def test_of_a_rejection_pins_the_version(self, versions):
        versions.reject("orders", 1)

        state = versions.pin("orders", 1, override_reason="the others are worse")

        assert state.active.version_number == 1
        assert versions.managed("orders")[1] == "active"
        assert events(versions)[-1].override_reason == "the others are worse"

    def test_of_a_hold_changes_the_pin_and_lifts_the_hold(self, versions):
        versions.pin("orders", 2)
        versions.roll_back("orders", to_version=1, reject_current=False, hold=True)

        state = versions.pin("orders", 2, override_reason="it is mended")

        assert state.active.version_number == 2
        assert state.hold is None

    def test_of_a_hold_on_the_same_version_lifts_the_hold_and_is_recorded(self, versions):
        versions.pin("orders", 2)
        versions.roll_back("orders", to_version=1, hold=True)

        state = versions.pin("orders", 1, override_reason="we may go on")

        assert state.hold is None
        assert events(versions)[-1].override_reason == "we may go on"

    def test_of_a_hold_lets_the_dag_be_unpinned(self, versions):
        versions.pin("orders", 2)
        versions.roll_back("orders", to_version=1, hold=True)

        state = versions.unpin("orders", override_reason="it is mended")

        assert not state.pinned
        assert state.hold is None

    def test_is_not_needed_for_a_version_that_may_be_pinned(self, versions):
        assert versions.pin("orders", 1, override_reason="to be sure").pinned


class TestHold:
    @pytest.fixture(autouse=True)
    def held(self, versions):
        versions.pin("orders", 2)
        versions.roll_back("orders", to_version=1, reject_current=False, hold=True, reason="under investigation")

    def test_is_shown(self, versions):
        hold = versions.pin_state("orders").hold

        assert (hold.reason, hold.actor) == ("under investigation", "alice")

    @pytest.mark.parametrize(
        "change",
        [lambda lab: lab.pin("orders", 2), lambda lab: lab.unpin("orders")],
        ids=["pin", "unpin"],
    )
    def test_refuses_changes(self, change, versions):
        with pytest.raises(errors.DagHeldError, match="under investigation"):
            change(versions)
        versions.session.rollback()

        assert versions.pin_state("orders").active.version_number == 1


class TestRevision:
    def test_that_is_expected_lets_the_change_through(self, versions):
        versions.pin("orders", 1)

        assert versions.pin("orders", 2, expected_revision=1).revision == 2

    def test_zero_is_that_of_a_dag_that_was_never_pinned(self, versions):
        assert versions.pin("orders", 1, expected_revision=0).revision == 1

    def test_that_is_not_expected_is_a_conflict_that_carries_the_current_state(self, versions):
        versions.pin("orders", 1, reason="the first")

        with pytest.raises(errors.RevisionConflictError, match="the first") as conflict:
            versions.pin("orders", 2, expected_revision=0)

        state = conflict.value.data["state"]
        assert (state.revision, state.active.version_number) == (1, 1)

    def test_that_is_not_expected_stops_an_unpin(self, versions):
        versions.pin("orders", 1)

        with pytest.raises(errors.RevisionConflictError):
            versions.unpin("orders", expected_revision=7)

    def test_goes_on_after_an_unpin(self, versions):
        versions.pin("orders", 1)
        assert versions.unpin("orders").revision == 2

        assert versions.pin("orders", 1).revision == 3


class TestIdempotencyKey:
    def test_makes_the_change_once(self, versions):
        first = versions.pin("orders", 1, idempotency_key="k")

        repeated = versions.pin("orders", 1, idempotency_key="k")
        assert repeated.repeated.stands
        assert replace(repeated, repeated=None, warnings=()) == first
        assert len(events(versions)) == 1

    def test_of_an_older_change_does_not_undo_a_newer_one(self, versions):
        versions.pin("orders", 1, idempotency_key="k")
        versions.pin("orders", 2)

        repeated = versions.pin("orders", 1, idempotency_key="k", reason="again")

        assert repeated.active.version_number == 2
        (warning,) = repeated.warnings
        assert warning.startswith("This request was already carried out, at revision 1 with version 1 (bundle")
        assert "no change was made. Now, at revision 2, version 2" in warning
        assert not repeated.repeated.stands
        assert "pinned by" in warning

    def test_of_a_change_that_was_undone_says_so(self, versions):
        versions.pin("orders", 1, idempotency_key="k")
        versions.unpin("orders")

        assert versions.pin("orders", 1, idempotency_key="k").warnings[0].endswith("and the Dag is not pinned.")

    def test_of_another_request_is_refused(self, versions):
        versions.pin("orders", 1, idempotency_key="k")

        with pytest.raises(errors.IdempotencyKeyReusedError, match="'k'"):
            versions.pin("orders", 2, idempotency_key="k")

    def test_of_a_pin_is_refused_for_an_unpin(self, versions):
        versions.pin("orders", 1, idempotency_key="k")

        with pytest.raises(errors.IdempotencyKeyReusedError):
            versions.unpin("orders", idempotency_key="k")

    def test_of_an_unpin_makes_it_once(self, versions):
        versions.pin("orders", 1)
        versions.unpin("orders", idempotency_key="k")
        versions.pin("orders", 1)

        repeated = versions.unpin("orders", idempotency_key="k")

        assert (repeated.pinned, repeated.repeated.revision, repeated.repeated.stands) == (True, 2, False)
        assert "at revision 2 with version 3 " in repeated.warnings[0]

    def test_is_each_dags_own(self, versions):
        versions.commit("sha4", invoices=dag_file("invoices"))
        versions.pin("orders", 1, idempotency_key="k")

        assert versions.pin("invoices", 1, idempotency_key="k").pinned

    def test_counts_although_the_first_request_found_nothing_to_change(self, versions):
        versions.pin("orders", 1)
        versions.pin("orders", 1, idempotency_key="k")
        versions.pin("orders", 2)

        assert versions.pin("orders", 1, idempotency_key="k").active.version_number == 2

    def test_outweighs_the_expected_revision(self, versions):
        versions.pin("orders", 1, idempotency_key="k", expected_revision=0)

        assert versions.pin("orders", 1, idempotency_key="k", expected_revision=0).revision == 1


class TestUnpin:
    def test_makes_the_latest_version_active(self, versions):
        versions.pin("orders", 1)

        state = versions.unpin("orders")

        assert not state.pinned
        assert state.active == state.latest
        assert state.active.version_number == 3
        assert state.versions_behind == 0
        assert state.pin is None

    def test_keeps_the_version_to_roll_back_to(self, versions):
        versions.pin("orders", 1)
        versions.unpin("orders")

        assert versions.managed("orders")[1] == "retained"

    def test_asks_for_the_file_to_be_parsed(self, versions):
        versions.pin("orders", 1)
        versions.unpin("orders")

        [request] = versions.session.scalars(select(DagPriorityParsingRequest))
        assert (request.bundle_name, request.relative_fileloc) == (BUNDLE, "orders.py")

    def test_asks_only_once(self, versions):
        for _ in range(2):
            versions.pin("orders", 1)
            versions.unpin("orders")

        assert len(versions.session.scalars(select(DagPriorityParsingRequest)).all()) == 1

    def test_of_a_dag_that_is_not_pinned_is_refused(self, versions):
        with pytest.raises(errors.NotPinnedError):
            versions.unpin("orders")
        versions.session.rollback()

        assert versions.pin_row("orders") is None

    def test_of_a_dag_that_is_not_known_is_refused(self, lab):
        with pytest.raises(errors.UnknownDagError):
            lab.unpin("orders")

    def test_is_possible_although_the_pinned_version_is_gone(self, versions):
        versions.pin("orders", 1)
        versions.remove_version("orders", 1)

        assert versions.unpin("orders").active.version_number == 3

    def test_of_a_dag_whose_file_is_not_in_the_newest_commit_makes_it_wait_for_the_parse(self, versions):
        versions.pin("orders", 1)
        versions.session.execute(update(DagBundleModel).values(version="sha4"))
        versions.session.commit()

        state = versions.unpin("orders")

        assert versions.dag_model("orders").is_stale
        assert "sha4" in state.warnings[0]
        versions.parse("sha3")
        assert not versions.dag_model("orders").is_stale


class TestEvent:
    def test_tells_who_changed_what_and_why(self, versions):
        change = Change(
            Caller("release-bot", CallerKind.CLI, {"host": "a"}),
            "a reason",
            idempotency_key="k",
            override_reason="an override",
            evidence={"runs": 3},
        )
        versions.pin("orders", 2)

        pins.pin_version("orders", pins.Target(version_number=1), change, session=versions.session)

        event = events(versions)[-1]
        assert (event.kind, event.dag_id, event.revision) == ("pinned", "orders", 2)
        assert (event.actor, event.actor_kind, event.source) == ("release-bot", "cli", {"host": "a"})
        assert (event.reason, event.override_reason, event.idempotency_key) == ("a reason", "an override", "k")
        assert event.evidence == {"runs": 3}
        assert event.created_at is not None

    def test_tells_from_which_version_to_which(self, versions):
        versions.pin("orders", 1)
        versions.pin("orders", 2)
        versions.unpin("orders")

        steps = [(e.kind, e.from_version["version_number"], e.to_version["version_number"]) for e in events(versions)]
        assert steps == [("pinned", 3, 1), ("pinned", 1, 2), ("unpinned", 2, 3)]

    def test_names_the_versions_exactly(self, versions):
        versions.pin("orders", 1)

        recorded = events(versions)[0].to_version
        assert recorded == {
            "dag_version_id": str(versions.version("orders", 1).id),
            "version_number": 1,
            "bundle_name": BUNDLE,
            "bundle_version": "sha1",
            "dag_hash": versions.serialized("orders", 1).dag_hash,
            "relative_fileloc": "orders.py",
        }


def test_a_version_is_found_whose_serialized_dag_is_the_latest_of_its_number(versions):
    """Every identity that is shown is that of a row which exists."""
    versions.pin("orders", 1)

    pinned = versions.session.scalar(select(Pin.dag_version_id))
    assert versions.session.get(DagVersion, pinned).version_number == 1


def forget_at_the_remote(lab, number):
    """Write down what the dag processor does of a commit that only its own host has."""
    if number not in lab.managed("orders"):
        lab.candidate("orders", number)
    lab.session.execute(
        update(ManagedVersion)
        .where(ManagedVersion.version_number == number)
        .values(code_state="available", code_source="checkout", code_message="no branch contains it")
    )
    lab.session.commit()


class TestVersionThatTheRemoteDoesNotHaveAnyMore:
    def test_is_pinned_with_a_warning_if_that_is_asked_for(self, versions):
        forget_at_the_remote(versions, 1)

        state = versions.pin("orders", 1, override_reason="all hosts have it")

        assert ["New hosts cannot fetch the code of version 1" in warning for warning in state.warnings] == [True]
        assert [problem.reason for problem in state.health.problems] == ["code_not_at_remote"]
        assert versions.pin_state("orders").health == state.health

    def test_can_be_rolled_back_to_with_a_warning(self, versions):
        versions.pin("orders", 1)
        versions.pin("orders", 2)
        forget_at_the_remote(versions, 1)

        state = versions.roll_back("orders")

        assert state.active.version_number == 1
        assert ["New hosts cannot fetch the code of version 1" in warning for warning in state.warnings] == [True]

    def test_stays_pinned_when_it_is_pinned_again(self, versions):
        versions.pin("orders", 1)
        forget_at_the_remote(versions, 1)

        assert versions.pin("orders", 1).active.version_number == 1


@pytest.mark.parametrize("problem", ["remote_unreachable", "local_trouble"])
def test_a_version_that_cannot_be_checked_now_is_pinned_with_a_warning(versions, problem):
    versions.candidate("orders", 1)
    values = {"code_problem": problem, "code_message": "No space left on device", "code_attempts": 1}
    versions.session.execute(update(ManagedVersion).values(values))
    versions.session.commit()

    state = versions.pin("orders", 1)

    assert ["could not be checked: No space left on device" in warning for warning in state.warnings] == [True]
    assert "Make the commit available" not in state.warnings[0]
