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

from tests.support.api import PINNING
from tests.support.dag_processor import Processor
from tests.support.lab import Lab
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def changed(lab):
    """Register two versions that differ in everything, and pin the first."""
    lab.pin_first_of_two()
    return lab


def rows(done):
    """Return the changes that are shown, by what and name."""
    cells = [[cell.strip() for cell in line.split(" | ")] for line in done.out.splitlines()]
    return {(row[0], row[1]): row[2:] for row in cells if len(row) == 5}


def test_shows_what_differs_between_the_active_and_the_latest_version(pinning, changed):
    done = pinning("compare", "orders")

    found = rows(done)
    assert done.code == 0
    assert "from version 1 (bundle 'team_dags' at sha1) to version 2" in done.err
    assert found["task", "transform"][0] == "added"
    assert found["limit", "max_active_runs"] == ["changed", "2", "7"]
    assert found["parameter", "size"][0] == "removed"
    assert found["schedule", ""][1:] != ["", ""]
    assert '-    schedule="@daily",' in done.out.splitlines()


def test_is_what_the_rest_api_answers(pinning, changed, api):
    found = pinning("compare", "orders", "-o", "json").json

    answer = api("admin").get(f"{PINNING}/dags/orders/compare").json()
    for seen in (found, answer):
        # These depend on the moment of the comparison.
        assert seen["schedule"].pop("next_runs_before") is not None
        assert seen["schedule"].pop("next_runs_after") is not None
    assert found == answer


def test_can_name_the_versions_and_leave_out_the_source(pinning, changed):
    done = pinning("compare", "orders", "--from-version", 2, "--to-version", 1, "--no-source", "-o", "json")

    assert (done.json["from_version"]["version_number"], done.json["to_version"]["version_number"]) == (2, 1)
    assert (done.json["tasks"]["removed"], done.json["source"]["diff"]) == (["transform"], None)


@pytest.mark.parametrize(
    ("versions", "code"), [((), 7), (("--from-version", 2), 0)], ids=["that differ", "that are the same"]
)
def test_the_exit_code_tells_versions_apart_if_asked(versions, code, pinning, changed):
    assert pinning("compare", "orders", *versions, "--exit-code").code == code
    assert pinning("compare", "orders", *versions).code == 0


def test_the_same_version_has_no_differences(pinning, changed):
    done = pinning("compare", "orders", "--from-version", 2)

    assert (done.out, "new runs would be the same" in done.err) == ("", True)


def test_what_may_differ_in_imported_modules_is_noted(pinning, lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders"))

    done = pinning("compare", "orders")
    assert "Note: Imported modules are not compared here; they may differ" in done.err


def test_of_an_unknown_version_is_not_found(pinning, changed):
    assert pinning("compare", "orders", "--to-version", 99).code == 4


@pytest.fixture
def committed(tmp_path, session, monkeypatch):
    """Pin a Dag, and let a commit change a helper that it imports and one change what it does not know."""
    processor = Processor(tmp_path, session, monkeypatch)
    processor.repository.write("lib/rates.py", "RATE = 5\n")
    processor.repository.commit(orders=f"import lib.rates\n{dag_file('orders')}", other=dag_file("other"))
    processor.parse()
    Lab(tmp_path / "lab", session).pin("orders", 1)
    processor.record()
    processor.repository.write("lib/rates.py", "RATE = 50\n")
    processor.repository.commit_all("Raise the rate\n\nFrom 5 to 50.")
    processor.repository.commit(other=dag_file("other", tasks="one two"))
    processor.round()
    return processor


def test_shows_files_with_diffs_and_the_commits(pinning, committed):
    done = pinning("compare", "orders")
    found = rows(done)
    assert found["file (dag)", "lib/rates.py"] == ["changed", "", "+1 -1"]
    assert [cells for (what, _), cells in found.items() if what == "commit"] == [
        ["added", "alice", "a change"],
        ["added", "alice", "Raise the rate"],
    ]
    assert {"-RATE = 5", "+RATE = 50"} <= set(done.out.splitlines())
    assert "Not related to the Dag: 1 file of other Dags." in done.err
    assert "may differ between" not in done.err


def test_without_source_has_no_diff_of_any_file(pinning, committed):
    assert "RATE" not in pinning("compare", "orders", "--no-source").out
    [changed] = pinning("compare", "orders", "--no-source", "-o", "json").json["files"]["changed"]
    assert (changed["path"], changed["diff"]) == ("lib/rates.py", None)


def test_versions_and_status_tell_commits_and_what_is_related(pinning, committed):
    newest, *_ = pinning("versions", "orders", "-o", "json").json
    assert (newest["related_to_active"], newest["commit"]["message"]) == (True, "a change")
    assert "alice" in pinning("versions", "orders").out
    assert pinning("status", "orders", "-o", "json").json["related_versions_behind"] == 1
