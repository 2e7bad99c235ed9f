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

import pytest

from airflow_providers_pinning.schemas.policy_requests import UnmetResponse
from airflow_providers_pinning.vocabulary import Rule
from tests.support.api import PINNING
from tests.support.remembered import remembered

REASON = {"reason": "because"}
STRICT = {"name": "strict", "match": {"dag_ids": ["ord*"]}, "requires": {"approvals": 1, "evidence": ["regression"]}}
VERSION = f"{PINNING}/dags/orders/versions/2"


@pytest.fixture(autouse=True)
@remembered
def orders(lab):
    lab.pin_first_of_two()
    lab.candidate("orders", 2)
    return lab


@pytest.fixture
def apply(api):
    def make(*policies, **body):
        answer = api("admin").put(f"{PINNING}/policies", json={"document": {"policies": policies}, **REASON, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return make


def pin(api, role="op", **body):
    return api(role).put(f"{PINNING}/dags/orders/pin", json={"version_number": 2, **REASON, **body})


def rules(answer):
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "policy")
    return [one["rule"] for one in answer.json()["detail"]["unmet"]]


def test_policies_are_applied_shown_and_kept(api, apply):
    assert apply(STRICT)["changed"] is True
    assert apply(STRICT)["changed"] is False

    shown = api("viewer").get(f"{PINNING}/policies").json()
    assert (shown["revision"], shown["actor"], shown["reason"]) == (1, "admin", "because")
    assert shown["document"] == {"policies": [STRICT]}


def test_what_is_shown_can_be_applied_again(api, apply):
    apply(STRICT)
    shown = api("op").get(f"{PINNING}/policies").json()["document"]

    assert api("op").put(f"{PINNING}/policies", json={"document": shown, **REASON}).json()["changed"] is False


def test_a_document_is_taken_as_yaml(api):
    text = "policies:\n  - {name: a, match: {tags: [x]}, windows: {deny: [{cron: '0 0 * * 6', duration: 2d}]}}\n"
    answer = api("op").put(f"{PINNING}/policies", json={"text": text, **REASON})

    assert answer.json()["document"]["policies"][0]["windows"]["deny"][0]["duration"] == 2 * 86400


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "policies: &x []"}, "invalid_policy"),
        ({"text": "#" * 2_000_000}, "invalid_request"),
        ({"document": {"policies": [{"name": "a"}]}}, "invalid_policy"),
        ({"document": {"policies": [{**STRICT, "ramp": []}]}}, "invalid_policy"),
        ({"document": []}, "invalid_request"),
        ({}, "invalid_request"),
        ({"text": "policies: []", "document": {"policies": []}}, "invalid_request"),
        ({"document": {"policies": [{**STRICT, "name": "a\x00b"}]}}, "invalid_request"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused_and_changes_nothing(body, reason, api):
    answer = api("op").put(f"{PINNING}/policies", json={**body, **REASON})

    assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, reason)
    assert api("op").get(f"{PINNING}/policies").json()["revision"] == 0


def test_another_revision_than_was_seen_is_a_conflict(api, apply):
    apply(STRICT)
    body = {"document": {"policies": []}, "expected_revision": 0, **REASON}

    detail = api("op").put(f"{PINNING}/policies", json=body).json()["detail"]

    assert (detail["reason"], detail["revision"]) == ("policy_conflict", 1)


def test_a_check_finds_what_is_not_meant_and_changes_nothing(api, apply):
    apply(STRICT)
    never = {"name": "never", "match": {"tags": ["none"]}, "windows": {"deny": [{"cron": "* * * * *", "duration": 90}]}}

    answer = api("op").post(f"{PINNING}/policies/check", json={"document": {"policies": [STRICT, never]}}).json()

    assert [one["reason"] for one in answer["findings"]] == ["never_open", "never_recorded", "matches_nothing"]
    assert any("never" in line for line in answer["difference"])
    assert api("op").get(f"{PINNING}/policies").json()["revision"] == 1


def test_a_refusal_lists_what_would_meet_it_and_evidence_and_approval_do(api, apply):
    apply(STRICT)
    assert rules(pin(api)) == ["evidence", "approvals"]
    explained = api("op").get(f"{PINNING}/dags/orders/policy").json()
    assert explained["policies"] == ["strict"]
    assert explained["allowed"] is False
    assert [one["rule"] for one in explained["unmet"]] == ["evidence", "approvals"]
    assert explained["rules"]["approvals"] == 1

    found = {"name": "regression", "verdict": "successful", "url": "https://ci/1", "details": {"failed": 0}, **REASON}
    assert api("user").post(f"{VERSION}/evidence", json=found).status_code == 200
    assert api("user").post(f"{VERSION}/approvals", json=REASON).status_code == 200

    assert api("op").get(f"{PINNING}/dags/orders/policy").json()["allowed"] is True
    assert pin(api).status_code == 200
    event = api("op").get(f"{PINNING}/dags/orders/events?kind=pinned").json()["events"][0]
    assert event["evidence"]["policy"] == {"revision": 1, "policies": ["strict"]}


def test_the_rules_have_automatic_rollbacks(api, apply):
    apply({"name": "lenient", "match": STRICT["match"], "auto_rollback": {"max_failures": 2}})

    rules_of_dag = api("viewer").get(f"{PINNING}/dags/orders/policy").json()["rules"]

    assert rules_of_dag["auto_rollback"] == [
        {
            "policy": "lenient",
            "max_failures": 2,
            "within_runs": 10,
            "hold": True,
            "when_nothing_is_stable": "continue",
        }
    ]


def test_a_forged_approval_does_not_count(api, apply):
    """Who approves is who is logged in: nobody else can be named, not even by who may do everything."""
    apply({**STRICT, "requires": {"approvals": 1}})
    forged = api("op").post(f"{VERSION}/approvals", json={**REASON, "actor": "boss"})

    assert forged.status_code == 422
    assert api("op").post(f"{VERSION}/approvals", json=REASON).json()["actor"] == "op"
    assert rules(pin(api)) == ["approvals"]


def test_an_approval_of_what_is_no_longer_there_is_refused(api):
    for path in ("approvals", "evidence"):
        body = {"name": "x", "verdict": "successful"} if path == "evidence" else {}
        answer = api("op").post(f"{VERSION}/{path}", json={**REASON, **body, "expected_dag_hash": "0" * 32})
        assert answer.json()["detail"]["reason"] == "version_drifted"


def test_approvals_are_listed_and_revoked(api):
    api("user").post(f"{VERSION}/approvals", json=REASON)
    api("op").delete(f"{VERSION}/approvals?reason=wrong&actor=user")

    [approval] = api("viewer").get(f"{VERSION}/evidence").json()["approvals"]
    assert (approval["actor"], approval["revoked_by"], approval["revoke_reason"]) == ("user", "op", "wrong")
    answer = api("user").delete(f"{VERSION}/approvals?reason=again")
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "not_approved")


def test_a_link_of_evidence_leads_to_the_web(api):
    body = {"name": "x", "verdict": "successful", "url": "javascript:alert(1)", **REASON}

    assert api("op").post(f"{VERSION}/evidence", json=body).status_code == 422


@pytest.mark.parametrize(("role", "status"), [("user", 409), ("op", 200)])
def test_who_merely_edits_the_dag_cannot_override(role, status, api, apply):
    apply(STRICT)

    answer = pin(api, role, override_reason="incident")

    assert answer.status_code == status
    if status == 409:
        assert "You may not override rules" in answer.json()["detail"]["message"]


class TestFreeze:
    def test_stops_and_is_lifted(self, api):
        frozen = api("op").post(f"{PINNING}/freezes", json={"match": {"dag_ids": ["orders"]}, **REASON}).json()
        assert rules(pin(api)) == ["freeze"]
        assert [one["id"] for one in api("viewer").get(f"{PINNING}/freezes").json()["freezes"]] == [frozen["id"]]

        lifted = api("op").delete(f"{PINNING}/freezes/{frozen['id']}?reason=over").json()

        assert (lifted["lifted_by"], lifted["lift_reason"]) == ("op", "over")
        assert api("op").get(f"{PINNING}/freezes").json()["freezes"] == []
        assert len(api("op").get(f"{PINNING}/freezes?over=true").json()["freezes"]) == 1
        assert pin(api).status_code == 200

    def test_that_is_over_is_not_lifted(self, api):
        frozen = api("op").post(f"{PINNING}/freezes", json=REASON).json()
        api("op").delete(f"{PINNING}/freezes/{frozen['id']}?reason=over")

        answer = api("op").delete(f"{PINNING}/freezes/{frozen['id']}?reason=over")

        assert (answer.status_code, answer.json()["detail"]["reason"]) == (404, "unknown_freeze")

    def test_that_would_be_over_is_refused(self, api):
        answer = api("op").post(f"{PINNING}/freezes", json={"until": "2020-01-01T00:00:00Z", **REASON})

        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "freeze_ends_in_past")

    def test_does_not_stop_a_rollback(self, api):
        assert pin(api).status_code == 200
        api("op").post(f"{PINNING}/freezes", json=REASON)

        assert api("user").post(f"{PINNING}/dags/orders/rollback", json=REASON).status_code == 200


def test_changes_of_rules_are_in_the_feed_of_the_history(api, apply):
    apply(STRICT)
    api("op").post(f"{PINNING}/freezes", json=REASON)

    events = api("viewer").get(f"{PINNING}/events").json()["events"]

    assert [(one["dag_id"], one["kind"]) for one in events[:2]] == [("*", "frozen"), ("*", "policy_applied")]
    assert api("viewer").get(f"{PINNING}/events/{events[0]['id']}").json()["kind"] == "frozen"


class TestReleasePermission:
    @pytest.fixture(autouse=True)
    def needed(self, option):
        option("release_permission", "True")

    def test_keeps_who_merely_edits_the_dag_from_pinning_and_unpinning(self, api, orders):
        for answer in (pin(api, "user"), api("user").delete(f"{PINNING}/dags/orders/pin?reason=because")):
            assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "release_not_permitted")
        assert orders.pin_state("orders").active.version_number == 1

    def test_is_not_passed_over_by_an_override(self, api):
        assert pin(api, "user", override_reason="incident").status_code == 403

    def test_lets_others_release(self, api):
        assert pin(api, "op").status_code == 200

    def test_is_not_needed_to_roll_back(self, api):
        pin(api, "op")

        assert api("user").post(f"{PINNING}/dags/orders/rollback", json=REASON).status_code == 200

    def test_is_needed_for_a_rollback_that_is_a_release(self, api):
        answer = api("user").post(f"{PINNING}/dags/orders/rollback", json={"to_version": 2, **REASON})

        assert answer.status_code == 403

    @pytest.mark.parametrize(("role", "may"), [("viewer", False), ("user", False), ("op", True)])
    def test_is_told(self, role, may, api):
        told = api(role).get(f"{PINNING}/dags/orders/permissions").json()

        assert (told["release"], told["override_policies"], told["set_rules"]) == (may, may, may)


def test_who_edits_the_dag_releases_unless_that_needs_a_permission(api):
    assert pin(api, "user").status_code == 200


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_can_be_told(rule):
    told = UnmetResponse.model_validate({"rule": rule.value, "policies": [], "message": "", "details": {}})

    assert told.model_dump(mode="json")["rule"] == rule.value


def test_a_ramp_that_is_asked_for_is_explained_and_refuses_a_pin(api, apply, orders):
    apply({"name": "slow", "match": {"dag_ids": ["orders"]}, "ramp": [{"share": 0.1, "runs": 6}]})

    explained = api("op").get(f"{PINNING}/dags/orders/policy").json()
    assert [one["rule"] for one in explained["unmet"]] == ["ramp"]
    assert explained["rules"]["ramp"] == [{"policy": "slow", "steps": [{"share": 0.1, "runs": 6, "duration": None}]}]

    refused = pin(api, "op")
    assert (refused.status_code, refused.json()["detail"]["reason"]) == (409, "policy")


def test_an_override_is_refused_by_policies_that_were_not_seen(api, apply):
    apply(STRICT)
    refused = pin(api)
    assert rules(refused) == ["evidence", "approvals"]
    seen = {"expected_policy_revision": refused.json()["detail"]["policy_revision"], "override_reason": "incident"}
    apply(STRICT, {**STRICT, "name": "stricter"})

    answer = pin(api, **seen)

    detail = answer.json()["detail"]
    assert (answer.status_code, detail["reason"]) == (409, "policy_conflict")
    assert (detail["revision"], detail["expected_revision"]) == (2, 1)
    assert pin(api, **{**seen, "expected_policy_revision": 2}).status_code == 200


def test_an_override_of_an_unpin_is_refused_by_a_freeze_that_was_not_seen(api):
    frozen = api("op").post(f"{PINNING}/freezes", json=REASON).json()["id"]
    query = {**REASON, "override_reason": "incident", "expected_freeze_id": frozen - 1}

    answer = api("op").delete(f"{PINNING}/dags/orders/pin", params=query)

    assert (answer.status_code, answer.json()["detail"]["freeze_id"]) == (409, frozen)
    assert api("op").delete(f"{PINNING}/dags/orders/pin", params={**query, "expected_freeze_id": frozen}).is_success


def test_a_plan_tells_which_rules_it_was_checked_against(api, apply):
    apply(STRICT)
    body = {"versions": {"orders": 2}, "override_reason": "incident", **REASON}

    plan = api("op").post(f"{PINNING}/releases?dry_run=true", json=body).json()

    assert (plan["counts"]["changed"], plan["policy_revision"], plan["freeze_id"]) == (1, 1, 0)
    apply()
    refused = api("op").post(f"{PINNING}/releases", json={**body, "expected_policy_revision": 1})
    assert (refused.status_code, refused.json()["detail"]["reason"]) == (409, "policy_conflict")
