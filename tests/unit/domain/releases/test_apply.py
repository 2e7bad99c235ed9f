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
"""Pins become what a document says, as one; what fits is left as it is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.hold import hold
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import (
    DagsForbiddenError,
    IdempotencyKeyReusedError,
    ReleaseBlockedError,
)
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.domain.releases.apply import apply, plan_apply
from airflow_providers_pinning.domain.releases.document import PinsDocument
from airflow_providers_pinning.domain.releases.export import export_pins
from airflow_providers_pinning.domain.releases.request import Access, Selection
from airflow_providers_pinning.domain.sight import only
from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from airflow_providers_pinning.domain.versions.parsed_commits import note_all_parsed
from airflow_providers_pinning.models import Event, Pin, Release
from airflow_providers_pinning.schemas.pins_document import validated
from tests.support.ramps import start_ramp
from tests.support.sources import CHANGED, STABLE
from tests.unit.domain.releases.conftest import EVERYTHING, NAMES, named


def document(*pins, owns=None):
    return PinsDocument.from_dict(validated({"pins": list(pins), **({"owns": owns} if owns else {})}))


def numbered(**numbers):
    return [{"dag_id": dag_id, "version_number": number} for dag_id, number in numbers.items()]


@pytest.fixture
def applied(session):
    """Return a function that applies a document."""

    def run(wanted, *, dry_run=False, access=EVERYTHING, key=None, **more):
        change = Change(Caller("alice"), "as in the repository", idempotency_key=key, **more)
        if dry_run:
            return plan_apply(wanted, change, access, session=session)
        return commit(lambda: apply(wanted, change, access, session=session), session=session)

    return run


def pinned_numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def outcomes(report):
    return {dag.dag_id: dag.outcome.value for dag in report.dags}


class TestTheExport:
    def test_has_the_identity_of_each_pin_in_the_order_of_the_dags(self, five, session):
        found = export_pins(Selection(), EVERYTHING, session=session)

        assert [pin["dag_id"] for pin in found["pins"]] == sorted(NAMES)
        assert found["pins"][2] == {
            "dag_id": "orders",
            "version_number": 1,
            "bundle_name": "team_dags",
            "bundle_version": "sha1",
            "dag_hash": five.serialized("orders", 1).dag_hash,
        }
        assert "owns" not in found

    def test_is_of_the_dags_that_are_selected_and_may_own_them(self, five, session):
        five.unpin("stock")
        five.pin("orders", 2)

        found = export_pins(
            Selection(tags=("changed",), bundles=("team_dags",)), EVERYTHING, owns=True, session=session
        )
        assert [pin["dag_id"] for pin in found["pins"]] == ["orders"]
        assert found["owns"] == {"tags": ["changed"], "bundles": ["team_dags"]}
        everything = export_pins(Selection(), EVERYTHING, owns=True, session=session)
        assert [pin["dag_id"] for pin in everything["pins"]] == ["billing", "invoices", "orders", "refunds"]
        assert everything["owns"] == {"dag_ids": ["*"]}

    def test_leaves_out_what_the_caller_may_not_see(self, five, session):
        found = export_pins(Selection(), Access(readable=only("orders")), session=session)

        assert [pin["dag_id"] for pin in found["pins"]] == ["orders"]

    def test_applied_changes_nothing_and_is_not_written_down(self, five, applied, session):
        before = [(event.id, event.kind) for event in session.scalars(select(Event))]

        for _ in range(2):
            report = applied(
                PinsDocument.from_dict(validated(export_pins(Selection(), EVERYTHING, owns=True, session=session)))
            )
            assert set(outcomes(report).values()) == {"unchanged"}
            assert report.release_id is None
        assert session.scalars(select(Release)).all() == []
        assert [(event.id, event.kind) for event in session.scalars(select(Event))] == before

    def test_applied_after_changes_takes_them_back(self, five, applied, session):
        exported = PinsDocument.from_dict(validated(export_pins(Selection(), EVERYTHING, owns=True, session=session)))
        five.commit("sha2", new=named(STABLE, "new"))
        five.pin("new", 1)
        five.pin("orders", 2)
        five.unpin("stock")

        plan = applied(exported, dry_run=True)
        report = applied(exported)

        assert (
            outcomes(report)
            == outcomes(plan)
            == dict.fromkeys(NAMES, "unchanged")
            | {
                "new": "changed",
                "orders": "changed",
                "stock": "changed",
            }
        )
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"new": None}
        assert applied(exported).counts["changed"] == 0


class TestADocument:
    def test_pins_unpins_and_leaves_as_one(self, five, applied, releases, session):
        five.commit("sha2", unpinned=named(STABLE, "unpinned"))

        report = applied(document(*numbered(orders=2, unpinned=1), owns={"dag_ids": ["orders", "re*", "unpinned"]}))

        assert outcomes(report) == {"orders": "changed", "refunds": "changed", "unpinned": "changed"}
        assert {dag.dag_id: dag.reason for dag in report.dags} == {
            "orders": None,
            "refunds": "unlisted",
            "unpinned": None,
        }
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2, "refunds": None, "unpinned": 1}
        of_release = session.scalars(select(Event).where(Event.release_id == report.release_id))
        assert sorted((event.dag_id, event.kind) for event in of_release) == [
            ("orders", "pinned"),
            ("refunds", "unpinned"),
            ("unpinned", "pinned"),
        ]

        releases.roll_back(report.release_id)
        # What was not pinned, and was pinned to what it ran, is unpinned again.
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"unpinned": None}

    def test_unpins_nothing_that_it_does_not_own(self, five, applied, session):
        applied(document(*numbered(orders=2)))

        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

    def test_owns_nothing_that_the_caller_may_not_see(self, five, applied, session):
        access = Access(only("orders"), only("orders"))

        applied(document(*numbered(orders=2), owns={"dag_ids": ["*"]}), access=access)

        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2}

    def test_names_versions_by_their_commit(self, five, applied, session):
        applied(document({"dag_id": "orders", "bundle_version": "sha2"}))

        assert pinned_numbers(session)["orders"] == 2
        assert applied(document({"dag_id": "orders", "bundle_version": "sha2"})).release_id is None

    @pytest.mark.parametrize(
        "pin",
        [
            {"version_number": 2, "bundle_version": "sha1"},
            {"version_number": 2, "dag_hash": "0" * 32},
            {"bundle_version": "sha2", "dag_hash": "0" * 32},
            {"bundle_version": "sha2", "bundle_name": "other"},
        ],
    )
    def test_that_is_wrong_about_a_version_is_refused(self, five, applied, session, pin):
        with pytest.raises(ReleaseBlockedError, match="is not what the document says") as refused:
            applied(document({"dag_id": "orders", **pin}, *numbered(stock=2)))

        assert [(one["dag_id"], one["reason"]) for one in refused.value.data["blocked"]] == [
            ("orders", "version_drifted")
        ]
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)

    def test_of_dags_and_versions_that_are_not_there_is_refused(self, five, applied, session):
        with pytest.raises(ReleaseBlockedError) as refused:
            applied(document(*numbered(orders=9, nobody=1, stock=2), {"dag_id": "billing", "bundle_version": "sha9"}))

        assert {one["dag_id"]: one["reason"] for one in refused.value.data["blocked"]} == {
            "billing": "unknown_version",
            "nobody": "unknown_dag",
            "orders": "unknown_version",
        }
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)

    def test_of_a_commit_that_its_version_left_pins_that_version_and_stays_applied(self, lab, applied, session):
        """A commit that changes nothing of a Dag moves its version on."""
        for sha in ("sha1", "sha2", "sha3"):
            note_bundle_version("team_dags", sha, session=session)
            session.commit()
            lab.commit(sha, orders=STABLE)
            note_all_parsed("team_dags", sha, gone=(), session=session)
            session.commit()

        report = applied(document({"dag_id": "orders", "bundle_version": "sha2"}))
        assert outcomes(report) == {"orders": "changed"}
        assert "moved the version to sha3" in " ".join(report.dags[0].warnings)

        again = applied(document({"dag_id": "orders", "bundle_version": "sha2"}))
        assert (outcomes(again), again.release_id) == ({"orders": "unchanged"}, None)


class TestWhatStandsInTheWay:
    def test_of_one_dag_keeps_all_from_being_changed(self, five, applied, session):
        commit(lambda: hold("refunds", five.change("incident"), session=session), session=session)
        five.reject("orders", 2)

        with pytest.raises(ReleaseBlockedError) as refused:
            applied(document(*numbered(orders=2, stock=2), owns={"dag_ids": ["refunds"]}))

        assert {one["dag_id"]: one["reason"] for one in refused.value.data["blocked"]} == {
            "orders": "version_rejected",
            "refunds": "held",
        }
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
        applied(document(*numbered(orders=2, stock=2), owns={"dag_ids": ["refunds"]}), override_reason="now")
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1) | {"orders": 2, "stock": 2, "refunds": None}

    def test_may_be_a_freeze(self, five, applied, session):
        commit(lambda: freezes.freeze(five.change("holidays"), session=session), session=session)

        with pytest.raises(ReleaseBlockedError, match=r"orders .policy.: .*holidays"):
            applied(document(*numbered(orders=2)))
        assert applied(document(*numbered(orders=1))).release_id is None

    def test_concerns_only_what_changes(self, five, applied, session):
        """A hold, a pending change or a ramp is nothing to a Dag that is pinned as the document says."""
        commit(lambda: hold("refunds", five.change("incident"), session=session), session=session)
        five.pin_from("stock", 2, datetime.now(timezone.utc) + timedelta(hours=1))
        start_ramp(five, 2)

        report = applied(document(*numbered(orders=1, stock=1, refunds=1, billing=2)))

        assert outcomes(report) == {
            "billing": "changed",
            "orders": "unchanged",
            "refunds": "unchanged",
            "stock": "unchanged",
        }
        told = {dag.dag_id: dag.warnings for dag in report.dags}
        assert "pending" in told["stock"][0] and "ramp" in told["orders"][0]
        with pytest.raises(ReleaseBlockedError, match=r"orders .ramp_under_way.*stock .activation_pending"):
            applied(document(*numbered(orders=2, stock=2)))

    def test_is_a_lack_of_permission_for_any_of_the_dags(self, five, applied, session):
        access = Access(only("orders"), only(*NAMES))

        for wanted in (
            document(*numbered(orders=2, stock=1)),
            document(*numbered(orders=2), owns={"dag_ids": ["st*"]}),
        ):
            with pytest.raises(DagsForbiddenError, match="stock"):
                applied(wanted, access=access)
        assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)


def test_a_key_makes_the_change_once_and_is_of_one_document(five, applied, session):
    first = applied(document(*numbered(orders=2)), key="deploy-1")
    five.pin("orders", 1)

    again = applied(document(*numbered(orders=2)), key="deploy-1")

    assert (again.repeated, again.release_id) == (True, first.release_id)
    assert pinned_numbers(session)["orders"] == 1
    with pytest.raises(IdempotencyKeyReusedError):
        applied(document(*numbered(orders=2, stock=2)), key="deploy-1")


def test_a_plan_changes_nothing(five, applied, session):
    plan = applied(document(*numbered(orders=2), owns={"dag_ids": ["stock"]}), dry_run=True)

    assert outcomes(plan) == {"orders": "changed", "stock": "changed"}
    assert pinned_numbers(session) == dict.fromkeys(NAMES, 1)
    assert five.dag_model("orders").bundle_version == "sha1"


def test_owners_and_teams_of_a_document_are_looked_up(five, applied, session):
    five.commit("sha3", owned=named(CHANGED, "owned").replace('tags=["changed"]', 'tags=["mine"]'))
    five.pin("owned", 1)

    applied(document(owns={"tags": ["mine"], "owners": ["airflow"]}))

    assert pinned_numbers(session)["owned"] is None
    assert pinned_numbers(session)["orders"] == 1
