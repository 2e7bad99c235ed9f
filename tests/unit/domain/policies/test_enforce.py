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

import time
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from airflow_providers_pinning.domain.changes import pins, rollback, timed
from airflow_providers_pinning.domain.errors import IdempotencyKeyReusedError, PolicyConflictError, PolicyNotMetError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import approvals, evidence, freezes, store
from airflow_providers_pinning.domain.policies import rules as policy_rules
from airflow_providers_pinning.domain.policies.evidence import Finding
from airflow_providers_pinning.domain.policies.model import ChangeKind, Match
from airflow_providers_pinning.domain.policies.unmet import PlannedChange, unmet
from airflow_providers_pinning.domain.versions.identity import find_version
from airflow_providers_pinning.models import Event, Freeze
from airflow_providers_pinning.schemas.policies import validated
from tests.support.clock import stopped
from tests.support.sources import dag_file
from tests.support.statements import sent as counting

SHUT = {"windows": {"allow": [{"cron": "0 0 29 2 *", "duration": "1m"}]}}
"""A window that is open for a minute in four years."""


@pytest.fixture
def pin(orders, session, asking):
    def make(number, **conditions):
        change = asking(**conditions)
        state = pins.pin_version("orders", pins.Target(number), change, session=session)
        session.commit()
        return state

    yield make
    session.rollback()


def refusal(call, *arguments, **conditions):
    with pytest.raises(PolicyNotMetError) as refused:
        call(*arguments, **conditions)
    return refused.value


def rules(error):
    return [one["rule"] for one in error.data["unmet"]]


def last_event(session):
    return session.scalars(sa.select(Event).order_by(Event.id.desc()).limit(1)).one()


def test_without_policies_nothing_is_refused_and_nothing_recorded(pin, session):
    pin(2)

    assert "policy" not in (last_event(session).evidence or {})


def test_every_rule_that_is_not_met_is_listed_with_what_would_meet_it(pin, apply, session):
    apply({**SHUT, "requires": {"evidence": ["regression"], "approvals": 1, "soak": {"min_runs": 3}}})

    error = refusal(pin, 2)

    assert rules(error) == ["window", "evidence", "approvals", "soak"]
    window, missing, approval, soak = error.data["unmet"]
    assert window["details"]["next_open"].startswith("2028-02-29T00:00:00")
    assert missing["details"] == {"name": "regression", "verdict": None}
    assert approval["details"] == {"required": 1, "approved_by": [], "not_by": "dev"}
    assert soak["details"]["verdict"] == "progressing"
    assert all(one["policies"] == ["p0"] for one in error.data["unmet"])
    assert "4 rules of release policies block the pin of Dag 'orders'" in error.message
    assert error.data["policy_revision"] == 1


def test_a_dag_that_no_policy_matches_is_not_bound(pin, apply, session):
    apply({**SHUT, "match": {"tags": ["tier-2"]}})

    pin(2)

    assert last_event(session).evidence["policy"] == {"revision": 1, "policies": []}


def test_a_change_says_which_revision_it_was_checked_against(pin, apply, session):
    apply({"requires": {"approvals": 1}})
    apply({"windows": {"deny": [{"cron": "0 0 29 2 *", "duration": 60}]}})

    pin(2)

    assert last_event(session).evidence["policy"] == {"revision": 2, "policies": ["p0"]}


def test_unpinning_is_bound_like_a_pin_of_the_latest_version(orders, apply, session, asking):
    apply({"requires": {"evidence": ["regression"]}})

    error = refusal(pins.unpin, "orders", asking(), session=session)

    assert error.data["version_number"] == 3
    assert "the unpin of Dag 'orders'" in error.message


class TestRollback:
    @pytest.fixture
    def released(self, pin):
        pin(2)

    def test_is_exempt_by_default(self, released, apply, session, asking):
        apply({**SHUT, "requires": {"approvals": 3}})

        assert rollback.roll_back("orders", asking(), session=session).active.version_number == 1

    def test_is_bound_where_a_policy_says_so(self, released, apply, session, asking):
        apply({**SHUT, "exempt": []})

        assert rules(refusal(rollback.roll_back, "orders", asking(), session=session)) == ["window"]

    def test_to_a_version_that_was_never_active_is_a_release(self, released, orders, apply, session, asking):
        orders.pin("orders", 3)
        orders.commit("sha4", orders=dag_file("orders", tasks="a b", arguments="tags=['tier-1']"))
        orders.candidate("orders", 4)
        orders.commit("sha5", orders=dag_file("orders", tasks="a b c", arguments="tags=['tier-1']"))
        orders.pin("orders", 5)
        apply(SHUT)

        error = refusal(rollback.roll_back, "orders", asking(), to_version=4, session=session)

        assert rules(error) == ["window"]

    def test_to_a_newer_version_is_a_release(self, released, apply, session, asking):
        apply(SHUT)

        error = refusal(rollback.roll_back, "orders", asking(), to_version=3, session=session)

        assert rules(error) == ["window"]


class TestOverride:
    def test_needs_a_permission_of_its_own(self, pin, apply):
        apply(SHUT)

        error = refusal(pin, 2, override_reason="incident")

        assert "You may not override rules" in error.message

    def test_is_recorded_with_what_it_passed_over(self, pin, apply, session):
        apply(SHUT)

        state = pin(2, override_reason="incident", overrides=True)

        event = last_event(session)
        assert event.override_reason == "incident"
        assert [one["rule"] for one in event.evidence["policy"]["overridden"]] == ["window"]
        assert any("overridden (window): incident" in warning for warning in state.warnings)


class TestEvidence:
    @pytest.fixture(autouse=True)
    def required(self, apply, orders):
        apply({"requires": {"evidence": ["regression"]}})

    @pytest.fixture
    def record(self, session, asking):
        def make(verdict="successful", number=2, **facts):
            conditions = {key: facts.pop(key) for key in ("expected_dag_hash",) if key in facts}
            finding = Finding("regression", verdict, **facts)
            row = evidence.record_evidence("orders", number, finding, asking("ci", **conditions), session=session)
            session.commit()
            return row

        return make

    def test_lets_the_version_be_pinned(self, pin, record):
        record()

        assert pin(2).active.version_number == 2

    def test_said_otherwise_under_the_same_key_is_refused(self, session, asking):
        change, later = asking("ci", idempotency_key="build-1"), datetime.now(timezone.utc) + timedelta(days=1)
        evidence.record_evidence("orders", 2, Finding("regression", "successful"), change, session=session)

        finding = Finding("regression", "successful", expires_at=later)
        with pytest.raises(IdempotencyKeyReusedError):
            evidence.record_evidence("orders", 2, finding, change, session=session)

    def test_on_another_version_does_not(self, pin, record):
        record(number=3)

        assert rules(refusal(pin, 2)) == ["evidence"]

    def test_of_which_the_newest_failed_does_not(self, pin, record):
        record()
        record("failed")

        [one] = refusal(pin, 2).data["unmet"]
        assert one["details"]["verdict"] == "failed"

    def test_that_has_expired_does_not(self, pin, record):
        record(expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))

        assert "expired at" in refusal(pin, 2).message

    def test_is_lost_by_a_version_that_changes(self, orders, record, session):
        record()
        orders.rewrite("orders", 2, bundle_version="other")

        version = find_version("orders", version_number=2, session=session)
        check = unmet(session, [PlannedChange("orders", ChangeKind.PIN, version, "dev")])
        assert [one.rule.value for one in check.unmet["orders"]] == ["evidence"]

    def test_for_another_hash_is_refused(self, record):
        from airflow_providers_pinning.domain.errors import VersionDriftedError

        with pytest.raises(VersionDriftedError):
            record(expected_dag_hash="f" * 32)


class TestApprovals:
    @pytest.fixture(autouse=True)
    def required(self, apply, orders):
        apply({"requires": {"approvals": 2}})

    @pytest.fixture
    def approve(self, session, asking):
        def make(name):
            approvals.approve("orders", 2, asking(name), session=session)
            session.commit()

        return make

    def test_by_enough_others_let_the_version_be_pinned(self, pin, approve):
        approve("ann")
        approve("bob")

        assert pin(2).active.version_number == 2

    def test_of_who_asks_do_not_count(self, pin, approve):
        approve("ann")
        approve("dev")

        error = refusal(pin, 2)
        assert error.data["unmet"][0]["details"]["approved_by"] == ["ann"]
        assert "Your own does not count" in error.message

    def test_of_one_person_count_once(self, pin, approve):
        approve("ann")
        approve("ann")

        assert rules(refusal(pin, 2)) == ["approvals"]

    def test_that_were_revoked_do_not_count(self, pin, approve, session, asking):
        approve("ann")
        approve("bob")
        approvals.revoke("orders", 2, asking("bob"), session=session)
        session.commit()

        assert rules(refusal(pin, 2)) == ["approvals"]

    @pytest.mark.parametrize("name", ["Ann", " ANN ", "\uff41nn"])
    def test_by_one_person_whose_name_is_written_otherwise_count_once(self, pin, approve, name):
        approve("ann")
        approve(name)

        [one] = refusal(pin, 2).data["unmet"]
        assert len(one["details"]["approved_by"]) == 1

    @pytest.mark.parametrize("name", ["Dev", "dev ", "DEV"])
    def test_of_who_asks_do_not_count_however_the_name_is_written(self, pin, approve, name):
        approve("ann")
        approve(name)

        error = refusal(pin, 2)
        assert error.data["unmet"][0]["details"]["approved_by"] == ["ann"]
        assert "Your own does not count" in error.message

    @pytest.mark.parametrize("agreed_before", [False, True])
    def test_that_were_revoked_stay_so_when_their_request_is_repeated(self, agreed_before, session, asking):
        if agreed_before:
            approvals.approve("orders", 2, asking("ann"), session=session)
        change = asking("ann", idempotency_key="once")
        first = approvals.approve("orders", 2, change, session=session)
        approvals.revoke("orders", 2, asking("bob"), actor="ann", session=session)

        again = approvals.approve("orders", 2, change, session=session)

        assert (again.id, again.revoked_by) == (first.id, "bob")


class TestWindows:
    def test_let_changes_through_while_they_are_open_and_for_a_time_at_which_they_are(self, orders, session, asking):
        with stopped(datetime(2027, 3, 1, 8, 59, 59, tzinfo=timezone.utc)) as clock:
            named = {"name": "hour", "match": {"tags": ["tier-1"]}}
            allow = [{"cron": "0 9 * * *", "duration": "1h", "timezone": "UTC"}]
            document = validated({"policies": [{**named, "windows": {"allow": allow}}]})
            store.apply(document, asking("ruler"), session=session)
            session.commit()

            def pin(number, **conditions):
                change = asking(**conditions)
                state = timed.pin_version("orders", pins.Target(number), change, session=session)
                session.commit()
                return state

            assert rules(refusal(pin, 2)) == ["window"]
            session.rollback()
            opening, end = clock.now + timedelta(seconds=1), clock.now + timedelta(hours=1, seconds=1)
            assert rules(refusal(pin, 2, effective_from=end)) == ["window"]
            session.rollback()
            assert pin(2, effective_from=opening).pending.effective_from == opening
            clock.advance(1)
            assert pin(3, supersede=True).active.version_number == 3
            clock.advance(3600)
            assert rules(refusal(pin, 2)) == ["window"]
            session.rollback()

    def test_that_open_nobody_knows_when_are_told_of_soon(self, pin, apply):
        """Whoever is refused holds the Dag and the rules meanwhile."""
        each_minute = [{"cron": f"{minute} * * * *", "duration": 60} for minute in range(60)]
        apply({"windows": {"allow": [{"cron": "0 0 29 2 *", "duration": 60}], "deny": each_minute}})

        began = time.thread_time()
        error = refusal(pin, 2)

        assert "When it opens is unknown: Its rules were looked at 2000 times" in error.message
        assert time.thread_time() - began < 10

    def test_are_looked_at_once_for_all_dags_that_have_them(self, orders, apply, session, monkeypatch):
        apply(SHUT)
        looked = []
        closed = policy_rules.closed
        monkeypatch.setattr(policy_rules, "closed", lambda *given: looked.append(given) or closed(*given))
        orders.commit("sha9", invoices=dag_file("invoices", arguments="tags=['tier-1']"))
        changes = [
            PlannedChange(name, ChangeKind.PIN, find_version(name, version_number=1, session=session), "dev")
            for name in ("orders", "invoices")
        ]

        assert len(unmet(session, changes).unmet) == 2
        assert len(looked) == 1


class TestFreeze:
    @pytest.fixture
    def freeze(self, session, asking):
        def make(**options):
            row = freezes.freeze(asking("boss"), session=session, **options)
            session.commit()
            return row

        return make

    def test_stops_every_dag(self, pin, freeze):
        row = freeze()

        error = refusal(pin, 2)
        assert rules(error) == ["freeze"]
        assert f"airflow pinning thaw {row.id}" in error.message

    def test_stops_unpinning(self, orders, freeze, session, asking):
        freeze()

        assert rules(refusal(pins.unpin, "orders", asking(), session=session)) == ["freeze"]

    def test_stops_no_rollback(self, pin, freeze, session, asking):
        pin(2)
        freeze()

        assert rollback.roll_back("orders", asking(), session=session).active.version_number == 1

    def test_of_other_dags_stops_nothing_here(self, pin, freeze):
        freeze(match=Match(dag_ids=("payments_*",)))

        assert pin(2).active.version_number == 2

    def test_that_is_lifted_stops_nothing(self, pin, freeze, session, asking):
        row = freeze(match=Match(tags=("tier-1",)))
        freezes.thaw(row.id, asking("boss"), session=session)
        session.commit()

        assert pin(2).active.version_number == 2

    def test_ends_by_itself(self, pin, freeze, session):
        row = freeze(until=datetime.now(timezone.utc) + timedelta(hours=1))
        refusal(pin, 2)
        session.rollback()
        session.get(Freeze, row.id).until = datetime.now(timezone.utc) - timedelta(seconds=1)
        session.commit()

        assert pin(2).active.version_number == 2

    def test_is_made_once_for_one_key(self, freeze, session, asking):
        change = asking("boss", idempotency_key="k")

        assert freezes.freeze(change, session=session).id == freezes.freeze(change, session=session).id


class TestApply:
    def test_of_the_same_document_is_a_no_op(self, apply):
        first, second = apply(SHUT), apply(SHUT)

        assert (first.revision, first.changed) == (1, True)
        assert (second.revision, second.changed) == (1, False)

    def test_to_another_revision_than_was_seen_is_refused(self, apply):
        apply(SHUT)

        with pytest.raises(PolicyConflictError) as refused:
            apply({"requires": {"approvals": 1}}, expected_revision=0)
        assert refused.value.data["revision"] == 1

    def test_is_an_event(self, apply, session):
        apply(SHUT)

        event = last_event(session)
        assert (event.kind, event.dag_id, event.revision) == ("policy_applied", "*", 1)
        assert event.evidence["policies"]["to"] == ["p0"]

    def test_keeps_every_revision(self, apply, session):
        apply(SHUT)
        apply()

        assert [row.revision for row in store.revisions(limit=10, session=session)] == [2, 1]
        assert store.current(session=session).document == {"policies": []}


class TestManyAtOnce:
    @pytest.fixture
    def planned(self, lab, session):
        def make(count):
            names = [f"d{number}" for number in range(count)]
            source = "\n".join(dag_file(name, arguments="tags=['tier-1']") for name in names)
            lab.commit("sha1", many=source)
            return [
                PlannedChange(name, ChangeKind.PIN, find_version(name, version_number=1, session=session), "dev")
                for name in names
            ]

        return make

    def test_the_number_of_statements_does_not_grow(self, planned, apply, session):
        changes = planned(12)
        rules = {"requires": {"evidence": ["x"], "approvals": 1}}
        others = [{"name": f"o{n}", "match": {"owners": [f"o{n}"], "dag_ids": ["x*"]}, **rules} for n in range(1000)]
        apply({**SHUT, **rules}, *others)
        freezes.freeze(Change(Caller("boss"), "because"), match=Match(teams=("a",)), session=session)
        session.commit()

        counts, found = [], []
        for some in (changes[:1], changes[:1], changes):
            with counting(session) as statements:
                found.append(unmet(session, some))
            counts.append(len(statements))

        # The first one reads the document, which is kept.
        assert counts[1] == counts[2] <= 10
        assert counts[0] <= counts[1] + 1
        assert len(found[2].unmet) == 12

    def test_where_nothing_is_declared_it_is_one(self, planned, session):
        changes = planned(3)

        with counting(session) as statements:
            assert unmet(session, changes).unmet == {}
        assert len([one for one in statements if "advisory" not in one]) <= 2
