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

from decimal import Decimal

import pytest
from airflow.models.log import Log
from airflow.utils.platform import getuser
from sqlalchemy import select

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.domain.ramp_steps import Step
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.schemas.policies import validated
from tests.support.api import PINNING
from tests.support.ramps import start_ramp
from tests.support.remembered import remembered
from tests.support.sources import dag_file

WHY = ("--reason", "tested", "--yes")


def newest_event(lab):
    lab.session.expire_all()
    return lab.session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()


class TestPin:
    def test_makes_a_version_the_active_one(self, pinning, orders):
        done = pinning("pin", "orders", "-V", 1, *WHY, "-o", "json")

        assert (done.code, done.json["active"]["version_number"], done.json["revision"]) == (0, 1, 1)
        state = orders.pin_state("orders")
        assert (state.pinned, state.active.version_number, state.pin.reason) == (True, 1, "tested")

    def test_says_from_which_version_to_which(self, pinning, orders):
        done = pinning("pin", "orders", "-V", 1, *WHY)

        assert "use version 1 (bundle 'team_dags' at sha1) instead of version 3" in done.err
        assert done.table["active"].startswith("1 (team_dags at sha1")

    def test_is_recorded_with_who_why_and_from_where(self, pinning, orders):
        pinning("pin", "orders", "-V", 1, *WHY)

        event = newest_event(orders)
        assert (event.actor, event.actor_kind, event.reason) == (getuser(), "cli", "tested")
        assert event.source["hostname"]

    @pytest.mark.parametrize(
        ("options", "variable", "actor"),
        [(("--actor", "maria"), "jan", "maria"), ((), "jan", "jan"), ((), " ", getuser())],
    )
    def test_is_recorded_with_who_is_named_beside_the_user_of_the_system(
        self, options, variable, actor, pinning, orders, monkeypatch
    ):
        monkeypatch.setenv("AIRFLOW_PINNING_ACTOR", variable)

        pinning("pin", "orders", "-V", 1, *WHY, *options)

        event = newest_event(orders)
        assert (event.actor, event.actor_kind, event.source["os_user"]) == (actor, "cli", getuser())

    def test_is_written_to_the_audit_log_even_if_it_is_refused(self, pinning, orders):
        assert pinning("pin", "orders", "-V", 99, *WHY).code == 4

        [logged] = orders.session.scalars(select(Log).where(Log.dag_id == "orders", Log.event == "cli_pinning_pin"))
        assert logged.owner == getuser()

    def test_can_name_the_version_by_its_id_or_its_bundles_version(self, pinning, orders):
        version = orders.version("orders", 2)

        assert pinning("pin", "orders", "--dag-version-id", version.id, *WHY, "-o", "json").json["active"] == {
            **pinning("status", "orders", "-o", "json").json["active"],
            "version_number": 2,
        }
        done = pinning("pin", "orders", "--bundle-version", "sha1", *WHY, "-o", "json")
        assert done.json["active"]["version_number"] == 1

    @pytest.mark.parametrize("named", [(), ("-V", 1, "--bundle-version", "sha1")], ids=["none", "two"])
    def test_must_name_the_version_once(self, named, pinning, orders):
        done = pinning("pin", "orders", *named, *WHY)

        assert (done.code, done.out) == (2, "")
        assert "exactly one of --version-number, --dag-version-id and --bundle-version" in done.err

    def test_of_an_unknown_dag_is_not_found(self, pinning, orders):
        done = pinning("pin", "other", "-V", 1, *WHY)

        assert done.code == 4
        assert done.err.startswith("airflow pinning pin: unknown_dag: Dag 'other' not found.")
        assert len(done.err.splitlines()) == 1

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (("-V", 1, "--expected-revision", 7), "revision_conflict"),
            (("-V", 1, "--expected-dag-hash", "other"), "version_drifted"),
            (("-V", 1, "--expected-bundle-version", "other"), "version_drifted"),
        ],
    )
    def test_is_refused_if_it_is_not_what_was_expected(self, options, reason, pinning, orders):
        done = pinning("pin", "orders", *options, *WHY)

        assert done.code == 3
        assert done.err.startswith(f"airflow pinning pin: {reason}: ")
        assert not orders.pin_state("orders").pinned

    def test_of_a_rejected_version_takes_an_override(self, pinning, orders):
        orders.reject("orders", 1, reason="loses data")

        assert "version_rejected" in pinning("pin", "orders", "-V", 1, *WHY).err
        assert pinning("pin", "orders", "-V", 1, *WHY, "--override-reason", "nothing else works").code == 0
        assert newest_event(orders).override_reason == "nothing else works"

    def test_of_the_version_that_is_pinned_lifts_a_hold_with_an_override(self, pinning, orders):
        orders.pin("orders", 1)
        orders.pin("orders", 2)
        orders.roll_back("orders", reason="loses data", hold=True)

        assert "held: " in pinning("pin", "orders", "-V", 1, *WHY).err
        done = pinning("pin", "orders", "-V", 1, *WHY, "--override-reason", "the cause is mended")
        assert (done.code, done.table["hold"]) == (0, "")
        assert (newest_event(orders).kind, newest_event(orders).override_reason) == ("unheld", "the cause is mended")

    def test_with_a_key_is_made_once(self, pinning, orders):
        for _ in range(2):
            done = pinning("pin", "orders", "-V", 1, *WHY, "--idempotency-key", "k1", "-o", "json")
            assert (done.code, done.json["revision"]) == (0, 1)
        assert "idempotency_key_reused" in pinning("pin", "orders", "-V", 2, *WHY, "--idempotency-key", "k1").err

    def test_of_an_unversioned_bundle_is_refused(self, pinning, lab):
        lab.commit(None, loose=dag_file("loose"))

        done = pinning("pin", "loose", "-V", 1, *WHY)
        assert (done.code, "unversioned_bundle" in done.err) == (3, True)


class TestUnpin:
    def test_makes_the_latest_version_active(self, pinning, orders):
        orders.pin("orders", 1)

        done = pinning("unpin", "orders", *WHY, "-o", "json")
        assert (done.code, done.json["pinned"], done.json["active"]["version_number"]) == (0, False, 3)

    def test_of_a_dag_that_is_not_pinned_is_not_found(self, pinning, orders):
        done = pinning("unpin", "orders", *WHY)

        assert (done.code, "not_pinned" in done.err) == (4, True)

    def test_while_on_hold_takes_an_override(self, pinning, orders):
        orders.pin("orders", 1)
        orders.pin("orders", 2)
        orders.roll_back("orders", hold=True)

        assert pinning("unpin", "orders", *WHY).code == 3
        assert pinning("unpin", "orders", *WHY, "--override-reason", "the cause is mended").code == 0


class TestRollback:
    @pytest.fixture(autouse=True)
    def pinned_twice(self, orders):
        orders.pin("orders", 1)
        orders.pin("orders", 2)

    def test_pins_what_was_active_before_and_rejects_the_present_version(self, pinning, orders):
        done = pinning("rollback", "orders", *WHY, "-o", "json")

        assert (done.code, done.json["active"]["version_number"]) == (0, 1)
        assert "Version 2 is rejected" in done.err
        assert orders.managed("orders")[2] == "rejected"

    def test_can_keep_the_present_version_and_hold_the_dag(self, pinning, orders):
        done = pinning("rollback", "orders", *WHY, "--keep-current", "--hold", "-o", "json")

        assert (done.code, done.json["hold"]["reason"]) == (0, "tested")
        assert "Version 2 can still be pinned. The Dag is put on hold." in done.err
        assert orders.managed("orders")[2] == "retained"

    def test_can_name_the_version(self, pinning, orders):
        orders.pin("orders", 3)

        done = pinning("rollback", "orders", "--to-version", 1, *WHY, "-o", "json")
        assert done.json["active"]["version_number"] == 1

    def test_without_anything_to_return_to_is_refused(self, pinning, orders):
        done = pinning("rollback", "orders", "--to-version", 2, *WHY)

        assert (done.code, "nothing_to_roll_back_to" in done.err) == (3, True)


class TestStatus:
    def test_of_a_dag_without_a_pin_is_healthy(self, pinning, orders):
        done = pinning("status", "orders")

        assert (done.code, done.err) == (0, "")
        assert (done.table["pinned"], done.table["enforcement"], done.table["hold"]) == ("no", "enforced", "")

    def test_of_a_pin_that_is_not_honored_ends_with_a_code_of_its_own(self, pinning, orders):
        orders.pin("orders", 1)
        orders.break_pin("orders")

        done = pinning("status", "orders")
        assert (done.code, done.table["enforcement"]) == (6, "broken")
        assert done.table["problems"].startswith("version_drifted: Version 1 is pinned, but a process that does")

    def test_is_what_the_rest_api_answers(self, pinning, orders, api):
        orders.pin("orders", 1)
        orders.roll_back("orders", to_version=2, hold=True)

        assert pinning("status", "orders", "-o", "json").json == api().get(f"{PINNING}/dags/orders").json()


def omit(answer, name):
    """Return an answer without one of its fields."""
    return {key: value for key, value in answer.items() if key != name}


class TestList:
    @pytest.fixture(autouse=True)
    @remembered
    def two_pinned(self, lab):
        for name in ("behind", "latest", "other"):
            lab.commit("sha1", **{name: dag_file(name)})
        lab.pin("behind", 1, reason="stable")
        lab.commit("sha2", behind=dag_file("behind", tasks="one"), latest=dag_file("latest", tasks="one"))
        lab.pin("latest", 1)

    def test_shows_pinned_dags_only(self, pinning):
        done = pinning("list")

        assert [line.split(" | ")[0].strip() for line in done.out.splitlines()[2:4]] == ["behind", "latest"]
        assert (done.code, done.err) == (0, "")

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (("--behind",), ["behind"]),
            (("--no-behind",), ["latest"]),
            (("--unhealthy",), []),
            (("--no-unhealthy",), ["behind", "latest"]),
            (("--dag-id-pattern", "LAT"), ["latest"]),
            (("--descending",), ["latest", "behind"]),
            (("--order-by", "versions_behind"), ["latest", "behind"]),
            (("--limit", 1), ["behind"]),
            (("--offset", 1), ["latest"]),
            (("--held",), []),
            (("--no-waiting",), ["behind", "latest"]),
            (("--scheduled",), []),
            (("--actor", "nobody"), []),
            (("--match", "dag-id=l*"), ["latest"]),
            (("--match", "tag=none"), []),
        ],
        ids=str,
    )
    def test_can_be_filtered_and_sorted(self, options, expected, pinning):
        assert [pin["dag_id"] for pin in pinning("list", *options, "-o", "json").json] == expected

    def test_has_an_inbox_that_names_the_command_that_lists_them(self, pinning, lab):
        lab.candidate("behind", 2)

        done = pinning("inbox")

        assert pinning("inbox", "-o", "json").json == {
            "failing": 0, "unhealthy": 0, "waiting": 1, "unapproved": 0, "held": 0, "scheduled": 0, "unpinned": 1,
        }  # fmt: skip
        assert [" ".join(line.split()) for line in done.out.splitlines() if "waits" in line] == [
            "1 | a newer candidate waits for a decision | airflow pinning list --waiting",
            "0 | a version waits for an approval | airflow pinning list --unapproved",
        ]
        assert pinning("list", "--unapproved", "-o", "json").json == []

    def test_says_if_there_is_more(self, pinning):
        assert pinning("list", "--limit", 1).err == "Showing 1-1 of 2 (use --limit/--offset).\n"

    def test_names_ramps(self, pinning, lab, api):
        lab.commit("sha3", latest=dag_file("latest", tasks="one two"))
        start_ramp(lab, 2, Step(Decimal("0.25"), runs=4), dag_id="latest")

        shown = pinning("list", "-o", "plain").out.splitlines()
        listed = pinning("list", "-o", "json").json
        answered = api().get(f"{PINNING}/pins").json()["pins"]

        assert ["2 at 25 %" in line for line in shown[1:]] == [False, True]
        assert [pin["ramp"] and pin["ramp"]["version"]["version_number"] for pin in listed] == [None, 2]
        assert [pin["ramp"] for pin in answered] == [pin["ramp"] for pin in listed]

    def test_is_what_the_rest_api_answers(self, pinning, api):
        answered = api().get(f"{PINNING}/pins").json()["pins"]

        # What the user may do is nothing that the command line knows.
        assert pinning("list", "-o", "json").json == [omit(pin, "editable") for pin in answered]


class TestListingUnpinned:
    def test_names_the_policies_that_want_them_pinned(self, pinning, orders):
        policy = {"name": "gated", "match": {"dag_ids": ["ord*"]}, "gate": "manual"}
        store.apply(validated({"policies": [policy]}), Change(Caller("ruler"), "because"), session=orders.session)
        orders.session.commit()

        done = pinning("list", "--unpinned", "-o", "json")

        assert (done.code, done.json) == (
            0,
            [{"dag_id": "orders", "bundle_name": "team_dags", "latest": 3, "gates": ["gated"]}],
        )
        found = pinning("doctor", "-o", "json").json
        assert [one["found"] for one in found if one["check"] == "gates"] == [
            "1 Dag under policies with a manual gate is not pinned, so each commit goes live immediately: orders"
        ]
        assert "is not" in pinning("policy", "explain", "orders").out

    def test_takes_no_filter_of_pins(self, pinning, orders):
        assert pinning("list", "--unpinned", "--behind").code == 2
