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
from airflow_providers_pinning.domain.versions.parsed_commits import note_all_parsed
from tests.support.api import PINNING
from tests.support.lab import BUNDLE
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement

WHY = ("--reason", "looked at", "--yes")


@pytest.fixture
def commits(orders):
    """Note three commits; the Dag was parsed from the first two of them only, and the second left it as it was."""
    for sha in ("sha1", "sha2", "sha3", "sha4", "sha5"):
        note_bundle_version(BUNDLE, sha, session=orders.session)
        orders.session.commit()
        if sha == "sha4":
            orders.parse("sha3")
    return orders


class TestWait:
    def test_ends_when_the_commit_is_registered(self, pinning, commits):
        done = pinning("wait", "orders", "--bundle-version", "sha2", "-o", "json")
        assert (done.code, done.json["registration"], done.json["version"]["version_number"]) == (0, "registered", 2)

    def test_gives_up_on_a_commit_that_is_not_parsed(self, pinning, commits):
        done = pinning("wait", "orders", "--bundle-version", "sha5", "--timeout", "0")
        assert (done.code, done.out) == (10, "")
        assert "waiting: after 0 seconds the dag processor has the commit" in done.err

    def test_gives_up_on_a_commit_that_nobody_has_seen(self, pinning, commits):
        done = pinning("wait", "orders", "--bundle-version", "sha9", "--timeout", "0")
        assert done.code == 10
        assert "no dag processor has seen this commit of bundle 'team_dags'. Use its full hash." in done.err

    def test_ends_at_once_if_the_file_does_not_parse_at_the_commit(self, pinning, commits):
        note_parse(BUNDLE, "sha5", was={}, now={"orders.py": "SyntaxError: bad"}, session=commits.session)
        commits.session.commit()
        done = pinning("wait", "orders", "--bundle-version", "sha5", "--timeout", "600")
        assert (done.code, done.out) == (8, "")
        assert "broken: A dag processor has the commit" in done.err
        assert "'orders.py' (SyntaxError: bad)" in done.err

    def test_ends_at_once_if_the_commit_does_not_have_the_dag(self, pinning, commits):
        note_all_parsed(BUNDLE, "sha5", gone=["orders.py"], session=commits.session)
        commits.session.commit()
        done = pinning("wait", "orders", "--bundle-version", "sha5", "--timeout", "600")
        assert (done.code, done.out) == (4, "")
        assert "absent: A dag processor has parsed all files" in done.err

    def test_ends_with_a_refusal_if_a_later_commit_changed_the_dag_first(self, pinning, lab):
        lab.commit("sha1", orders=dag_file("orders"))
        for sha in ("sha2", "sha3"):
            note_bundle_version(BUNDLE, sha, session=lab.session)
        lab.commit("sha3", orders=dag_file("orders", tasks="extract load"))
        wait = ("wait", "orders", "--bundle-version", "sha2", "--timeout", "0")

        refused = pinning(*wait)
        assert (refused.code, refused.out) == (3, "")
        assert "overtaken: commit sha3 was parsed instead of sha2, or changed the Dag after it" in refused.err
        assert pinning(*wait, "--overtaken-ok", "-o", "json").json["version"]["version_number"] == 1


class TestVersions:
    def test_are_listed_newest_first(self, pinning, orders):
        orders.pin("orders", 1)

        listed = pinning("versions", "orders", "-o", "json").json
        assert [(v["version_number"], v["state"], v["is_active"]) for v in listed] == [
            (3, "retained", False),
            (2, "candidate", False),
            (1, "active", True),
        ]

    def test_are_what_the_rest_api_answers(self, pinning, orders, api):
        orders.pin("orders", 1)

        answer = api().get(f"{PINNING}/dags/orders/versions").json()
        assert pinning("versions", "orders", "-o", "json").json == answer["versions"]

    def test_are_shown_as_a_table(self, pinning, orders):
        lines = pinning("versions", "orders").out.splitlines()

        assert lines[0].split(" | ")[0].strip() == "version"
        assert [part.strip() for part in lines[2].split(" | ")][:6] == [
            "3",
            "team_dags",
            "sha3",
            "yes",
            "yes",
            "registered",
        ]

    def test_of_an_unknown_dag_are_not_found(self, pinning, orders):
        assert pinning("versions", "other").code == 4

    def test_can_be_paged_through(self, pinning, orders):
        done = pinning("versions", "orders", "--limit", 1, "--offset", 1, "-o", "json")

        assert [v["version_number"] for v in done.json] == [2]
        assert "Showing 2-2 of 3" in done.err


class TestHistory:
    def test_is_what_the_rest_api_answers(self, pinning, orders, api):
        orders.pin("orders", 1, override_reason="urgent", evidence={"runs": 3})

        assert (
            pinning("history", "orders", "-o", "json").json
            == api().get(f"{PINNING}/dags/orders/events").json()["events"]
        )

    def test_shows_newest_first(self, pinning, orders):
        orders.pin("orders", 1, reason="stable")
        orders.unpin("orders", reason="mended")

        lines = pinning("history", "orders").out.splitlines()
        assert [line.split(" | ")[2].strip() for line in lines[2:4]] == ["unpinned", "pinned"]

    def test_of_an_unknown_dag_is_not_found(self, pinning, orders):
        assert pinning("history", "other").code == 4


class TestJudgements:
    def test_a_candidate_is_the_latest_version_unless_it_is_named(self, pinning, orders):
        done = pinning("candidate", "orders", *WHY)

        assert (done.code, orders.managed("orders")[3]) == (0, "candidate")
        assert "Version 3 will no longer change" in done.err

    def test_a_rejected_version_can_be_restored(self, pinning, orders):
        assert pinning("reject", "orders", "-V", 2, *WHY).code == 0
        assert orders.managed("orders")[2] == "rejected"
        assert pinning("restore", "orders", "-V", 2, *WHY).code == 0
        orders.session.expire_all()
        assert orders.managed("orders")[2] == "candidate"

    def test_the_pinned_version_cannot_be_rejected(self, pinning, orders):
        orders.pin("orders", 1)

        done = pinning("reject", "orders", "-V", 1, *WHY)
        assert (done.code, "version_active" in done.err) == (3, True)

    def test_a_version_that_was_rewritten_is_repaired(self, pinning, lab):
        lab.commit("sha1", orders=dag_file("orders"))
        lab.pin("orders", 1)
        with without_enforcement():
            lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
        assert pinning("status", "orders").code == 6

        done = pinning("repair", "orders", "-V", 1, *WHY)

        assert (done.code, pinning("status", "orders").code) == (0, 0)
        assert "Version 1 gets its recorded content back." in done.err
        assert "keep using version 1 (bundle 'team_dags' at sha1); its code was bundle 'team_dags' at sha2" in done.err

    @pytest.mark.parametrize("command", ["candidate", "reject", "restore", "repair"])
    def test_of_an_unknown_version_is_not_found(self, command, pinning, orders):
        assert pinning(command, "orders", "-V", 99, *WHY).code == 4
