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

from airflow_providers_pinning.domain.versions.broken_files import note_parse
from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from tests.support.api import PINNING
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement

DAG = f"{PINNING}/dags/orders"
UNKNOWN = f"{PINNING}/dags/unknown"


@pytest.fixture(autouse=True)
@remembered
def versions(lab):
    """Pin version 1 and register version 2."""
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))


def refusal(answer):
    return answer.status_code, answer.json()["detail"]["reason"]


class TestRegistration:
    def test_tells_the_version_that_the_dag_had_at_a_commit(self, api, lab):
        answer = api("viewer").get(f"{DAG}/registration", params={"bundle_version": "sha1"})

        assert answer.status_code == 200
        assert answer.json() == {
            "dag_id": "orders",
            "bundle_name": BUNDLE,
            "bundle_version": "sha1",
            "registration": "registered",
            "seen_at": None,
            "version": lab_identity(lab, 1),
            "moved": False,
            "broken_files": [],
            "remedy": None,
        }

    def test_of_a_commit_at_which_the_file_is_broken_says_so(self, api, lab):
        note_bundle_version(BUNDLE, "sha9", session=lab.session)
        note_parse(BUNDLE, "sha9", was={}, now={"orders.py": "SyntaxError: bad"}, session=lab.session)
        lab.session.commit()
        body = api("viewer").get(f"{DAG}/registration", params={"bundle_version": "sha9"}).json()
        assert (body["registration"], body["version"]) == ("broken", None)
        assert body["broken_files"] == [{"relative_fileloc": "orders.py", "message": "SyntaxError: bad"}]
        assert "Fix it and use the commit with the fix" in body["remedy"]

    def test_of_a_commit_that_is_unknown_is_no_error(self, api):
        body = api().get(f"{DAG}/registration", params={"bundle_version": "sha9"}).json()
        assert (body["registration"], body["version"]) == ("unseen", None)

    def test_needs_a_commit(self, api):
        assert refusal(api().get(f"{DAG}/registration")) == (422, "invalid_request")

    def test_of_an_unknown_dag_is_not_found(self, api):
        answer = api().get(f"{UNKNOWN}/registration", params={"bundle_version": "sha1"})
        assert refusal(answer) == (404, "unknown_dag")


def lab_identity(lab, number):
    version = lab.version("orders", number)
    return {
        "dag_version_id": str(version.id),
        "version_number": number,
        "bundle_name": version.bundle_name,
        "bundle_version": version.bundle_version,
        "dag_hash": lab.serialized("orders", number).dag_hash,
        "relative_fileloc": "orders.py",
    }


class TestVersions:
    def test_are_listed_newest_first(self, api, lab):
        answer = api("viewer").get(f"{DAG}/versions")

        assert answer.status_code == 200
        body = answer.json()
        assert body["total_entries"] == 2
        assert [version["version_number"] for version in body["versions"]] == [2, 1]
        pinned = body["versions"][1]
        assert pinned.pop("created_at")
        assert pinned == {
            "dag_version_id": str(lab.version("orders", 1).id),
            "version_number": 1,
            "bundle_name": BUNDLE,
            "bundle_version": "sha1",
            "dag_hash": lab.serialized("orders", 1).dag_hash,
            "relative_fileloc": "orders.py",
            "state": "active",
            "state_reason": "because",
            "active_until": None,
            "code_state": "unknown",
            "code_source": None,
            "code_ref": None,
            "code_problem": None,
            "code_message": None,
            "is_active": True,
            "is_latest": False,
            "run_counts": {},
            "equals_rejected": None,
            "equals_rejected_reason": None,
            "related_to_active": False,
            "rejection_held": None,
            "commit": None,
        }

    def test_count_their_runs_by_state(self, api):
        api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None})

        versions = api().get(f"{DAG}/versions").json()["versions"]

        assert [version["run_counts"] for version in versions] == [{}, {"queued": 1}]

    def test_can_be_paged_through(self, api):
        body = api().get(f"{DAG}/versions", params={"limit": 1, "offset": 1}).json()

        assert ([version["version_number"] for version in body["versions"]], body["total_entries"]) == ([1], 2)

    def test_of_an_unknown_dag_are_not_found(self, api):
        assert refusal(api().get(f"{UNKNOWN}/versions")) == (404, "unknown_dag")

    @pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 501}, {"offset": -1}], ids=str)
    def test_with_parameters_that_are_not_valid_are_refused(self, params, api):
        assert api().get(f"{DAG}/versions", params=params).status_code == 422


class TestEvents:
    def test_are_listed_newest_first(self, api):
        api().delete(f"{DAG}/pin", params={"reason": "it is mended"})

        body = api("viewer").get(f"{DAG}/events").json()

        assert body["total_entries"] == 2
        assert [event["kind"] for event in body["events"]] == ["unpinned", "pinned"]

    def test_tell_who_changed_what_and_why(self, api):
        api().delete(f"{DAG}/pin", params={"reason": "it is mended"})

        event = api().get(f"{DAG}/events").json()["events"][0]

        assert (event["dag_id"], event["revision"], event["reason"]) == ("orders", 2, "it is mended")
        assert (event["actor"], event["actor_kind"]) == ("op", "user")
        assert (event["from_version"]["version_number"], event["to_version"]["version_number"]) == (1, 2)
        assert event["created_at"]

    def test_can_be_paged_through(self, api):
        api().delete(f"{DAG}/pin", params={"reason": "because"})

        body = api().get(f"{DAG}/events", params={"limit": 1, "offset": 1}).json()

        assert ([event["kind"] for event in body["events"]], body["total_entries"]) == (["pinned"], 2)

    def test_of_an_unknown_dag_are_not_found(self, api):
        assert refusal(api().get(f"{UNKNOWN}/events")) == (404, "unknown_dag")


class TestCandidate:
    def test_is_the_latest_version_if_none_is_named(self, api, lab):
        answer = api().post(f"{DAG}/candidates", json={"reason": "to be tried"})

        assert answer.status_code == 200
        assert answer.json()["active"]["version_number"] == 1
        assert lab.managed("orders") == {1: "active", 2: "candidate"}

    def test_can_be_named(self, api, lab):
        api().post(f"{DAG}/candidates", json={"version_number": 2, "reason": "to be tried"})

        assert lab.managed("orders")[2] == "candidate"

    def test_that_is_unknown_is_not_found(self, api):
        answer = api().post(f"{DAG}/candidates", json={"version_number": 99, "reason": "to be tried"})

        assert refusal(answer) == (404, "unknown_version")

    def test_of_an_unknown_dag_is_not_found(self, api):
        assert refusal(api().post(f"{UNKNOWN}/candidates", json={"reason": "x"})) == (404, "unknown_dag")

    def test_without_a_commit_is_refused(self, api, lab):
        lab.commit(None, invoices=dag_file("invoices"))

        answer = api().post(f"{PINNING}/dags/invoices/candidates", json={"reason": "to be tried"})

        assert refusal(answer) == (409, "unversioned_bundle")

    def test_that_was_rewritten_is_refused(self, api, lab):
        lab.candidate("orders", 2)
        lab.rewrite("orders", 2, bundle_version="rewritten")

        answer = api().post(f"{DAG}/candidates", json={"version_number": 2, "reason": "to be tried"})

        assert refusal(answer) == (409, "version_drifted")

    @pytest.mark.parametrize("body", [{"version_number": 0}, {"reason": "x", "number": 1}, {"reason": ""}], ids=str)
    def test_with_a_body_that_is_not_valid_is_refused(self, body, api):
        assert api().post(f"{DAG}/candidates", json=body).status_code == 422


class TestJudgement:
    def test_rejects_a_version(self, api, lab):
        answer = api().post(f"{DAG}/versions/2/reject", json={"reason": "loses orders"})

        assert answer.status_code == 200
        assert lab.managed("orders") == {1: "active", 2: "rejected"}

    def test_restores_it(self, api, lab):
        api().post(f"{DAG}/versions/2/reject", json={"reason": "loses orders"})

        answer = api().post(f"{DAG}/versions/2/restore", json={"reason": "it does not"})

        assert answer.status_code == 200
        assert lab.managed("orders") == {1: "active", 2: "candidate"}

    def test_of_the_pinned_version_is_refused(self, api):
        answer = api().post(f"{DAG}/versions/1/reject", json={"reason": "loses orders"})

        assert refusal(answer) == (409, "version_active")

    def test_repairs_it(self, api, lab):
        lab.candidate("orders", 2)
        with without_enforcement():
            lab.commit("sha3", orders=dag_file("orders", tasks="extract load report"))
        assert api().get(f"{DAG}/versions").json()["versions"][0]["bundle_version"] == "sha3"

        answer = api().post(f"{DAG}/versions/2/repair", json={"reason": "a stock processor ran"})

        assert answer.status_code == 200
        assert answer.json()["latest"]["bundle_version"] == "sha2"

    @pytest.mark.parametrize("judgement", ["reject", "restore"])
    def test_of_an_unknown_version_is_not_found(self, judgement, api):
        answer = api().post(f"{DAG}/versions/99/{judgement}", json={"reason": "because"})

        assert refusal(answer) == (404, "unknown_version")

    @pytest.mark.parametrize("judgement", ["reject", "restore"])
    def test_of_an_unknown_dag_is_not_found(self, judgement, api):
        answer = api().post(f"{UNKNOWN}/versions/1/{judgement}", json={"reason": "because"})

        assert refusal(answer) == (404, "unknown_dag")

    @pytest.mark.parametrize("judgement", ["reject", "restore"])
    @pytest.mark.parametrize("number", ["0", "two", str(2**31)])
    def test_of_what_is_not_a_number_is_refused(self, judgement, number, api):
        answer = api().post(f"{DAG}/versions/{number}/{judgement}", json={"reason": "because"})

        assert answer.status_code == 422

    @pytest.mark.parametrize("judgement", ["reject", "restore"])
    def test_needs_a_reason(self, judgement, api):
        assert api().post(f"{DAG}/versions/2/{judgement}", json={}).status_code == 422

    @pytest.mark.parametrize("judgement", ["reject", "restore"])
    def test_with_the_key_of_another_request_is_refused(self, judgement, api):
        api().post(f"{DAG}/candidates", json={"reason": "x", "idempotency_key": "k"})

        answer = api().post(f"{DAG}/versions/2/{judgement}", json={"reason": "x", "idempotency_key": "k"})

        assert refusal(answer) == (409, "idempotency_key_reused")


CHANGES = {
    "pin": ("PUT", "pin", {"version_number": 2, "reason": "tested"}),
    "candidate": ("POST", "candidates", {"version_number": 2}),
    "reject": ("POST", "versions/2/reject", {"reason": "worse"}),
    "restore": ("POST", "versions/2/restore", {"reason": "better"}),
    "canary": ("POST", "canaryRuns", {"version_number": 2}),
}


@pytest.mark.parametrize(("method", "path", "body"), CHANGES.values(), ids=CHANGES)
class TestEveryChangeOfAVersion:
    @pytest.mark.parametrize(
        ("seen", "reason"),
        [
            ({"expected_revision": 7}, "revision_conflict"),
            ({"expected_dag_hash": "another"}, "version_drifted"),
            ({"expected_bundle_version": "sha1"}, "version_drifted"),
        ],
    )
    def test_is_refused_if_something_else_was_seen(self, seen, reason, method, path, body, api, lab):
        answer = api().request(method, f"{DAG}/{path}", json={**body, **seen})

        assert refusal(answer) == (409, reason)
        assert lab.managed("orders") == {1: "active"}

    def test_is_made_if_all_is_as_seen(self, method, path, body, api, lab):
        seen = {
            "expected_revision": 1,
            "expected_dag_hash": lab.serialized("orders", 2).dag_hash,
            "expected_bundle_version": "sha2",
        }

        assert api().request(method, f"{DAG}/{path}", json={**body, **seen}).is_success
