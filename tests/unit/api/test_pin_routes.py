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

import uuid
from datetime import datetime

import pytest
from airflow.jobs.job import Job
from sqlalchemy import update

from airflow_providers_pinning.models import ManagedVersion
from tests.support.api import PINNING
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement

DAG = f"{PINNING}/dags/orders"
PIN = f"{DAG}/pin"
ROLLBACK = f"{DAG}/rollback"
UNKNOWN = f"{PINNING}/dags/unknown"
V1 = dag_file("orders", "schedule='@daily'")
V2 = dag_file("orders", "schedule='@hourly'", "extract load")


@pytest.fixture(autouse=True)
@remembered
def versions(lab):
    """Register two versions of a Dag, neither of them pinned."""
    lab.commit("sha1", orders=V1)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=V2)


def pin(api, number=1, **body):
    return api().put(PIN, json={"version_number": number, "reason": "because", **body})


def refusal(answer):
    return answer.status_code, answer.json()["detail"]["reason"]


class TestReleaseState:
    def test_of_a_dag_that_is_not_pinned(self, api, lab):
        latest = {
            "dag_version_id": str(lab.version("orders", 2).id),
            "version_number": 2,
            "bundle_name": BUNDLE,
            "bundle_version": "sha2",
            "dag_hash": lab.serialized("orders", 2).dag_hash,
            "relative_fileloc": "orders.py",
        }

        answer = api("viewer").get(DAG)

        assert answer.status_code == 200
        assert answer.json() == {
            "dag_id": "orders",
            "repair": None,
            "revision": 0,
            "pinned": False,
            "active": latest,
            "latest": latest,
            "versions_behind": 0,
            "related_versions_behind": 0,
            "pin": None,
            "hold": None,
            "head": None,
            "pending": None,
            "ramp": None,
            "runs": None,
            "health": {"status": "healthy", "problems": []},
            "warnings": [],
            "repeated": None,
        }

    def test_of_a_pinned_dag(self, api):
        pin(api, reason="version 2 loses orders")

        state = api("viewer").get(DAG).json()

        assert (state["pinned"], state["revision"], state["versions_behind"]) == (True, 1, 1)
        assert (state["active"]["version_number"], state["latest"]["version_number"]) == (1, 2)
        assert (state["pin"]["actor"], state["pin"]["reason"]) == ("op", "version 2 loses orders")
        assert datetime.fromisoformat(state["pin"]["pinned_at"]).tzinfo is not None

    def test_tells_what_is_wrong_with_the_pin(self, api, lab):
        pin(api)
        lab.break_pin("orders")

        health = api().get(DAG).json()["health"]

        assert health["status"] == "broken"
        assert [problem["reason"] for problem in health["problems"]] == ["version_drifted"]
        assert "airflow pinning repair orders -V 1" in health["problems"][0]["message"]

    def test_tells_that_the_pinned_version_cannot_be_read(self, api, lab):
        pin(api)
        lab.remove_plugin("orders", 1)

        health = api().get(DAG).json()["health"]

        assert [problem["reason"] for problem in health["problems"]] == ["version_unreadable"]

    def test_of_an_unknown_dag_is_not_found(self, api):
        assert refusal(api().get(UNKNOWN)) == (404, "unknown_dag")


class TestPin:
    def test_answers_with_the_release_state(self, api):
        answer = pin(api)

        assert answer.status_code == 200
        assert answer.json() == api().get(DAG).json()

    def test_is_in_effect_when_it_is_answered(self, api, lab):
        pin(api)

        run = api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None}).json()
        assert [version["version_number"] for version in run["dag_versions"]] == [1]

    @pytest.mark.parametrize("name", ["dag_version_id", "bundle_version"])
    def test_takes_other_names_of_the_version(self, name, api, lab):
        value = {"dag_version_id": str(lab.version("orders", 1).id), "bundle_version": "sha1"}[name]

        answer = api().put(PIN, json={name: value, "reason": "because"})

        assert answer.json()["active"]["version_number"] == 1

    def test_with_the_expected_revision_and_hash_is_made(self, api, lab):
        answer = pin(api, expected_revision=0, expected_dag_hash=lab.serialized("orders", 1).dag_hash)

        assert answer.status_code == 200

    def test_twice_with_the_same_key_is_made_once(self, api):
        first = pin(api, idempotency_key="promote/run/task")
        pin(api, 2)

        again = pin(api, idempotency_key="promote/run/task")

        assert (first.json()["revision"], again.json()["revision"]) == (1, 2)
        assert again.json()["active"]["version_number"] == 2

    def test_warns_of_side_effects(self, api, lab):
        partitioned = "schedule=PartitionedAssetTimetable(assets=Asset('raw'){mapper})"
        lab.commit("sha3", orders=dag_file("orders", partitioned.format(mapper="")))
        lab.pin("orders", 2)
        lab.publish("raw", partition_key="2026-03-01T10:00:00")
        mapper = ", default_partition_mapper=StartOfDayMapper()"
        lab.commit("sha4", orders=dag_file("orders", partitioned.format(mapper=mapper)))

        answer = pin(api, 3)

        assert "1 pending partition was" in answer.json()["warnings"][0]


class TestRefusedPin:
    def test_of_an_unknown_dag(self, api):
        answer = api().put(f"{UNKNOWN}/pin", json={"version_number": 1, "reason": "because"})

        assert refusal(answer) == (404, "unknown_dag")

    @pytest.mark.parametrize(
        "name", [{"version_number": 99}, {"bundle_version": "sha9"}, {"dag_version_id": str(uuid.UUID(int=9))}], ids=str
    )
    def test_of_an_unknown_version(self, name, api):
        answer = api().put(PIN, json={**name, "reason": "because"})

        assert refusal(answer) == (404, "unknown_version")

    def test_of_another_dags_version(self, api, lab):
        lab.commit("sha3", invoices=dag_file("invoices"))

        answer = api().put(PIN, json={"dag_version_id": str(lab.version("invoices", 1).id), "reason": "because"})

        assert refusal(answer) == (404, "unknown_version")

    def test_because_the_pin_changed_meanwhile(self, api):
        pin(api, reason="the first")

        answer = pin(api, 2, expected_revision=0)

        assert refusal(answer) == (409, "revision_conflict")
        assert answer.json()["detail"]["state"] == api().get(DAG).json()

    def test_because_the_version_changed_meanwhile(self, api, lab):
        answer = pin(api, expected_dag_hash="0123")

        assert refusal(answer) == (409, "version_drifted")
        assert answer.json()["detail"]["dag_hash"] == lab.serialized("orders", 1).dag_hash

    def test_because_the_version_was_rejected(self, api, lab):
        lab.reject("orders", 1)

        assert refusal(pin(api)) == (409, "version_rejected")
        assert pin(api, override_reason="it is needed").status_code == 200

    def test_because_the_bundle_is_not_versioned(self, api, lab):
        lab.commit(None, invoices=dag_file("invoices"))

        answer = api().put(f"{PINNING}/dags/invoices/pin", json={"version_number": 1, "reason": "because"})

        assert refusal(answer) == (409, "unversioned_bundle")
        assert "GitDagBundle" in answer.json()["detail"]["message"]

    def test_because_the_dag_opts_out_of_bundle_versions(self, api, lab):
        lab.commit("sha3", invoices=dag_file("invoices", "disable_bundle_versioning=True"))

        answer = api().put(f"{PINNING}/dags/invoices/pin", json={"version_number": 1, "reason": "because"})

        assert refusal(answer) == (409, "unversioned_bundle")

    def test_because_the_code_is_missing(self, api, session):
        session.execute(update(ManagedVersion).values(code_state="missing", code_message="the commit is gone"))
        session.commit()

        answer = pin(api)

        assert refusal(answer) == (409, "code_unavailable")
        assert "the commit is gone" in answer.json()["detail"]["message"]

    def test_because_the_version_cannot_be_read(self, api, lab):
        lab.remove_plugin("orders", 1)

        assert refusal(pin(api)) == (409, "version_unreadable")

    def test_because_a_component_does_not_enforce_pins(self, api, session):
        with without_enforcement("Job.prepare_for_execution"):
            job = Job(job_type="SchedulerJob")
            job.prepare_for_execution(session=session)

        answer = pin(api)

        assert refusal(answer) == (409, "not_enforced")
        [component] = answer.json()["detail"]["components"]
        assert (component["component"], component["job_id"]) == ("scheduler", job.id)

    def test_because_the_dag_is_on_hold(self, api):
        pin(api)
        pin(api, 2)
        api().post(ROLLBACK, json={"reason": "loses orders", "hold": True})

        answer = pin(api, 2)

        assert refusal(answer) == (409, "held")
        assert "loses orders" in answer.json()["detail"]["message"]

    def test_because_the_key_belongs_to_another_request(self, api):
        pin(api, idempotency_key="k")

        assert refusal(pin(api, 2, idempotency_key="k")) == (409, "idempotency_key_reused")

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"reason": "because"}, id="no version"),
            pytest.param({"reason": "because", "version_number": 1, "bundle_version": "sha1"}, id="two versions"),
            pytest.param({"version_number": 1}, id="no reason"),
            pytest.param({"version_number": 1, "reason": "  "}, id="blank reason"),
            pytest.param({"version_number": 1, "reason": "x" * 2001}, id="endless reason"),
            pytest.param({"version_number": 0, "reason": "because"}, id="version zero"),
            pytest.param({"version_number": 2**31, "reason": "because"}, id="more than an integer"),
            pytest.param({"version_number": "one", "reason": "because"}, id="not a number"),
            pytest.param({"dag_version_id": "1", "reason": "because"}, id="not an id"),
            pytest.param({"version_number": 1, "reason": "because", "expected_revision": -1}, id="negative revision"),
            pytest.param({"version_number": 1, "reason": "because", "idempotency_key": ""}, id="empty key"),
            pytest.param({"version_number": 1, "reason": "because", "idempotency_key": "k" * 251}, id="endless key"),
            pytest.param({"version_number": 1, "reason": "because", "force": True}, id="unknown field"),
        ],
    )
    def test_because_the_body_is_not_valid(self, body, api, lab):
        answer = api().put(PIN, json=body)

        assert answer.status_code == 422
        assert lab.pin_row("orders") is None

    def test_changes_nothing(self, api, lab):
        pin(api, 99)

        assert lab.pin_row("orders") is None
        assert lab.dag_model("orders").bundle_version == "sha2"


class TestUnpin:
    def test_answers_with_the_release_state(self, api):
        pin(api)

        answer = api().delete(PIN, params={"reason": "it is mended"})

        assert answer.status_code == 200
        assert (answer.json()["pinned"], answer.json()["revision"]) == (False, 2)
        assert answer.json()["active"]["version_number"] == 2

    def test_needs_a_reason(self, api):
        pin(api)

        assert api().delete(PIN).status_code == 422
        assert api().get(DAG).json()["pinned"]

    def test_of_a_dag_that_is_not_pinned_is_not_found(self, api):
        assert refusal(api().delete(PIN, params={"reason": "because"})) == (404, "not_pinned")

    def test_of_an_unknown_dag_is_not_found(self, api):
        assert refusal(api().delete(f"{UNKNOWN}/pin", params={"reason": "because"})) == (404, "unknown_dag")

    def test_is_refused_if_the_pin_changed_meanwhile(self, api):
        pin(api)

        answer = api().delete(PIN, params={"reason": "because", "expected_revision": 7})

        assert refusal(answer) == (409, "revision_conflict")
        assert answer.json()["detail"]["state"]["revision"] == 1

    def test_of_the_latest_version_that_was_seen_is_made(self, api):
        seen = pin(api).json()["latest"]
        expected = {
            "expected_version": seen["version_number"],
            "expected_dag_hash": seen["dag_hash"],
            "expected_bundle_version": seen["bundle_version"],
        }

        assert api().delete(PIN, params={"reason": "because", **expected}).json()["active"] == seen

    @pytest.mark.parametrize(
        ("seen", "reason"),
        [
            ({"expected_version": 1}, "revision_conflict"),
            ({"expected_dag_hash": "another"}, "version_drifted"),
            ({"expected_bundle_version": "sha1"}, "version_drifted"),
        ],
        ids=str,
    )
    def test_is_refused_if_the_latest_version_is_another_than_was_seen(self, seen, reason, api):
        pin(api)

        answer = api().delete(PIN, params={"reason": "because", **seen})

        assert refusal(answer) == (409, reason)
        assert api().get(DAG).json()["pinned"]

    def test_twice_with_the_same_key_is_made_once(self, api):
        pin(api)
        api().delete(PIN, params={"reason": "because", "idempotency_key": "k"})
        pin(api)

        answer = api().delete(PIN, params={"reason": "because", "idempotency_key": "k"})

        assert answer.json()["pinned"]

    def test_of_a_held_dag_needs_an_override(self, api):
        pin(api)
        pin(api, 2)
        api().post(ROLLBACK, json={"reason": "loses orders", "hold": True})

        assert refusal(api().delete(PIN, params={"reason": "because"})) == (409, "held")
        answer = api().delete(PIN, params={"reason": "because", "override_reason": "it is mended"})
        assert answer.json()["hold"] is None


class TestRollback:
    @pytest.fixture(autouse=True)
    def history(self, api):
        pin(api)
        pin(api, 2)

    def test_pins_what_was_active_before(self, api):
        answer = api().post(ROLLBACK, json={"reason": "loses orders"})

        assert answer.status_code == 200
        assert answer.json()["active"]["version_number"] == 1

    def test_rejects_what_it_rolls_back(self, api):
        api().post(ROLLBACK, json={"reason": "loses orders"})

        assert refusal(pin(api, 2)) == (409, "version_rejected")

    def test_leaves_that_if_it_is_told_so(self, api):
        api().post(ROLLBACK, json={"reason": "loses orders", "reject_current": False})

        assert pin(api, 2).status_code == 200

    def test_goes_to_the_version_that_is_named(self, api):
        answer = api().post(ROLLBACK, json={"reason": "loses orders", "to_version": 1})

        assert answer.json()["active"]["version_number"] == 1

    def test_puts_the_dag_on_hold_if_it_is_told_so(self, api):
        answer = api().post(ROLLBACK, json={"reason": "loses orders", "hold": True})

        assert (answer.json()["hold"]["reason"], answer.json()["hold"]["actor"]) == ("loses orders", "op")

    def test_is_refused_if_there_is_nothing_to_roll_back_to(self, api):
        api().post(ROLLBACK, json={"reason": "loses orders"})

        assert refusal(api().post(ROLLBACK, json={"reason": "worse"})) == (409, "nothing_to_roll_back_to")

    def test_is_refused_if_the_pin_changed_meanwhile(self, api):
        answer = api().post(ROLLBACK, json={"reason": "loses orders", "expected_revision": 1})

        assert refusal(answer) == (409, "revision_conflict")

    def test_is_refused_if_another_version_is_active_than_was_seen(self, api, lab):
        """Of a Dag that is not pinned, another one goes live without a new revision."""
        api().delete(PIN, params={"reason": "because"})
        revision = lab.pin_state("orders").revision

        answer = api().post(ROLLBACK, json={"reason": "worse", "expected_version": 1, "expected_revision": revision})

        assert refusal(answer) == (409, "revision_conflict")
        assert answer.json()["detail"]["state"]["active"]["version_number"] == 2
        assert lab.managed("orders") == {1: "retained", 2: "retained"}

    def test_takes_the_name_that_the_condition_had_in_0_1_0(self, api):
        """Hooks of 0.1.0 send it, and are to roll back during an upgrade."""
        assert refusal(api().post(ROLLBACK, json={"reason": "worse", "from_version": 1})) == (409, "revision_conflict")

    def test_takes_the_condition_by_one_name_only(self, api):
        answer = api().post(ROLLBACK, json={"reason": "worse", "from_version": 1, "expected_version": 2})

        assert answer.status_code == 422
        assert "from_version is the former name of expected_version" in answer.text

    def test_to_a_rejected_version_needs_an_override(self, api, lab):
        api().post(f"{DAG}/versions/1/reject", json={"reason": "worse"})
        body = {"reason": "still the best", "to_version": 1}

        assert refusal(api().post(ROLLBACK, json=body)) == (409, "version_rejected")
        assert api().post(ROLLBACK, json={**body, "override_reason": "checked"}).is_success

    def test_to_an_unknown_version_is_not_found(self, api):
        answer = api().post(ROLLBACK, json={"reason": "loses orders", "to_version": 99})

        assert refusal(answer) == (404, "unknown_version")

    def test_of_an_unknown_dag_is_not_found(self, api):
        assert refusal(api().post(f"{UNKNOWN}/rollback", json={"reason": "because"})) == (404, "unknown_dag")

    def test_twice_with_the_same_key_is_made_once(self, api):
        for _ in range(2):
            answer = api().post(ROLLBACK, json={"reason": "loses orders", "idempotency_key": "k"})

        assert answer.json()["active"]["version_number"] == 1

    @pytest.mark.parametrize("body", [{}, {"reason": "because", "to_version": 0}, {"reason": "x", "to": 1}], ids=str)
    def test_with_a_body_that_is_not_valid_is_refused(self, body, api):
        assert api().post(ROLLBACK, json=body).status_code == 422


class TestListOfPins:
    @pytest.fixture(autouse=True)
    def pins(self, api, lab):
        lab.commit("sha3", invoices=dag_file("invoices"), returns=dag_file("returns"))
        for dag_id in ("orders", "invoices", "returns"):
            lab.pin(dag_id, 1)
        lab.break_pin("returns")

    def listed(self, api, **params):
        body = api("viewer").get(f"{PINNING}/pins", params=params).json()
        return [row["dag_id"] for row in body["pins"]], body["total_entries"]

    def test_has_them_by_dag_id(self, api):
        assert self.listed(api) == (["invoices", "orders", "returns"], 3)

    def test_tells_the_state_of_each(self, api):
        [row] = api().get(f"{PINNING}/pins", params={"dag_id_pattern": "orders"}).json()["pins"]

        assert set(row) == {
            "dag_id", "revision", "active", "latest_version_number", "versions_behind", "related_versions_behind",
            "pin", "hold", "health", "head", "runs", "pending", "ramp", "editable",
        }  # fmt: skip
        assert (row["active"]["version_number"], row["versions_behind"], row["pin"]["actor"]) == (1, 1, "alice")

    @pytest.mark.parametrize(("who", "may"), [("op", True), ("viewer", False)])
    def test_tells_which_ones_the_user_may_change(self, api, who, may):
        rows = api(who).get(f"{PINNING}/pins").json()["pins"]

        assert {row["editable"] for row in rows} == {may}

    def test_can_be_filtered(self, api):
        assert self.listed(api, dag_id_pattern="RE") == (["returns"], 1)
        assert self.listed(api, behind=True) == (["orders"], 1)
        assert self.listed(api, unhealthy=True) == (["returns"], 1)
        assert self.listed(api, unhealthy=False) == (["invoices", "orders"], 2)

    def test_is_found_by_what_airflow_and_the_pin_say_of_it(self, api, lab):
        lab.candidate("orders", 2)
        lab.pin_row("invoices").actor = "carol"
        lab.pin_row("returns").hold_reason = "audit"
        lab.session.commit()

        assert self.listed(api, waiting=True) == (["orders"], 1)
        assert self.listed(api, held=True) == (["returns"], 1)
        assert self.listed(api, scheduled=True) == ([], 0)
        assert self.listed(api, actor="carol") == (["invoices"], 1)
        assert self.listed(api, bundles=["nowhere"]) == ([], 0)
        assert self.listed(api, tags=["nothing"]) == ([], 0)
        assert self.listed(api, owners=["nobody"]) == ([], 0)
        assert api("viewer").get(f"{PINNING}/inbox").json() == {
            "failing": 0, "unhealthy": 1, "waiting": 1, "unapproved": 0, "held": 1, "scheduled": 0, "unpinned": 0,
        }  # fmt: skip

    def test_is_found_by_an_approval_that_waits(self, api, lab):
        lab.candidate("orders", 2)
        policy = {"name": "two eyes", "match": {"dag_ids": ["orders"]}, "requires": {"approvals": 1}}
        body = {"document": {"policies": [policy]}, "reason": "careful"}
        assert api().put(f"{PINNING}/policies", json=body).is_success

        assert self.listed(api, unapproved=True) == (["orders"], 1)
        assert self.listed(api, unapproved=False) == (["invoices", "returns"], 2)
        assert api("viewer").get(f"{PINNING}/inbox").json()["unapproved"] == 1

    @pytest.mark.parametrize(("who", "may"), [("op", True), ("viewer", False)])
    def test_of_others_tells_which_ones_the_user_may_pin(self, api, lab, who, may):
        lab.commit("sha4", first=dag_file("first"), second=dag_file("second"))

        page = api(who).get(f"{PINNING}/unpinned", params={"limit": 1, "offset": 1}).json()

        assert [(dag["dag_id"], dag["editable"]) for dag in page["dags"]] == [("second", may)]
        assert page["total_entries"] == 2 == api(who).get(f"{PINNING}/inbox").json()["unpinned"]

    def test_can_be_sorted(self, api):
        assert self.listed(api, order_by="-dag_id") == (["returns", "orders", "invoices"], 3)
        assert self.listed(api, order_by="-versions_behind") == (["orders", "invoices", "returns"], 3)

    def test_can_be_paged_through(self, api):
        assert self.listed(api, limit=2) == (["invoices", "orders"], 3)
        assert self.listed(api, limit=2, offset=2) == (["returns"], 3)

    @pytest.mark.parametrize(
        "params", [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"behind": "maybe"}, {"order_by": "reason"}], ids=str
    )
    def test_refuses_parameters_that_are_not_valid(self, params, api):
        assert api().get(f"{PINNING}/pins", params=params).status_code == 422
