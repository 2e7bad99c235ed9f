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

import json

import pytest
import yaml

from airflow_providers_pinning.vocabulary import ExitCode

STRICT = """
policies:
  - name: strict
    match: {dag_ids: ["ord*"]}
    requires: {evidence: [regression]}
"""


@pytest.fixture
def rules(tmp_path):
    def write(text=STRICT):
        path = tmp_path / "rules.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def applied(pinning, rules):
    assert pinning("policy", "apply", rules(), "-r", "because", "-y").code == 0


def test_a_file_is_applied_shown_and_exported(pinning, rules):
    done = pinning("policy", "apply", rules(), "-r", "because", "-y", "-o", "json")

    assert (done.code, done.json["revision"], done.json["changed"]) == (0, 1, True)
    assert "+- match:" in done.err or "+  name: strict" in done.err
    shown = pinning("policy", "show", "-o", "json").json
    assert shown["document"]["policies"][0]["name"] == "strict"
    exported = yaml.safe_load(pinning("policy", "export").out)
    assert exported == shown["document"]
    assert (
        pinning("policy", "apply", rules(yaml.safe_dump(exported)), "-r", "x", "-y", "-o", "json").json["revision"] == 1
    )


def test_a_rehearsal_applies_nothing(pinning, rules):
    assert pinning("policy", "apply", rules(), "-r", "because", "--dry-run").code == 0
    assert pinning("policy", "show", "-o", "json").json["revision"] == 0


def test_nothing_is_applied_without_an_answer(pinning, rules):
    assert pinning("policy", "apply", rules(), "-r", "because").code == ExitCode.NOT_CONFIRMED
    assert pinning("policy", "apply", rules(), "-r", "because", typed="n\n").code == ExitCode.NOT_CONFIRMED
    assert pinning("policy", "apply", rules(), "-r", "because", typed="y\n").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("policies: &x []", "anchors and aliases are not taken"), ("x" * 2_000_000, "1,048,577 bytes")],
)
def test_a_file_that_bites_is_refused(text, said, pinning, rules):
    done = pinning("policy", "apply", rules(text), "-r", "because", "-y")

    assert done.code == ExitCode.USAGE
    assert "invalid_policy" in done.err and said in done.err


def test_a_file_that_is_not_there_is_named(pinning):
    done = pinning("policy", "check", "missing.yaml")

    assert done.code == ExitCode.USAGE
    assert "missing.yaml: No such file" in done.err


def test_a_difference_ends_with_its_exit_code(pinning, rules, applied):
    assert pinning("policy", "diff", rules(), "--exit-code").code == 0

    done = pinning("policy", "diff", rules("policies: []"), "--exit-code")

    assert done.code == ExitCode.DIFFERENT
    assert "name: strict" in done.err
    shown = pinning("policy", "diff", rules("policies: []"), "-o", "json").json
    assert "-- match:" in shown["difference"]


def test_a_check_ends_unhealthy_where_it_finds_something(orders, pinning, rules):
    done = pinning("policy", "check", rules(), "-o", "json")

    assert done.code == ExitCode.UNHEALTHY
    assert [one["reason"] for one in done.json] == ["never_recorded"]


def test_a_dag_is_explained(orders, pinning, applied):
    explained = pinning("policy", "explain", "orders", "-o", "json").json

    assert explained["policies"] == ["strict"]
    assert explained["version"]["version_number"] == 2
    assert [one["rule"] for one in explained["unmet"]] == ["evidence"]
    assert "There is no evidence 'regression'" in pinning("policy", "explain", "orders").out


def test_the_command_line_is_bound_and_told_what_is_missing(orders, pinning, applied):
    refused = pinning("pin", "orders", "-V", "2", "-r", "because", "-y")
    assert refused.code == ExitCode.REFUSED
    assert "policy: 1 rule of release policies blocks" in refused.err

    recorded = pinning(
        *("record-evidence", "orders", "-V", "2", "--name", "regression", "--verdict", "successful"),
        *("-r", "because", "-y", "-o", "json", "--details", json.dumps({"failed": 0})),
    )
    assert recorded.json["verdict"] == "successful"
    assert pinning("evidence", "orders", "-V", "2", "-o", "json").json["evidence"][0]["details"] == {"failed": 0}
    assert pinning("pin", "orders", "-V", "2", "-r", "because", "-y").code == 0


def test_an_override_of_the_command_line_is_told(orders, pinning, applied):
    done = pinning("pin", "orders", "-V", "2", "-r", "because", "--override-reason", "incident", "-y")

    assert done.code == 0
    assert "Unmet rules were overridden (evidence): incident" in done.err


def test_a_freeze_stops_and_is_lifted(orders, pinning):
    frozen = pinning("freeze", "--dag-id", "ord*", "-r", "incident", "-y", "-o", "json").json
    assert frozen["match"] == {"dag_ids": ["ord*"]}
    refused = pinning("pin", "orders", "-V", "2", "-r", "because", "-y")
    assert (refused.code, "blocks changes" in refused.err) == (ExitCode.REFUSED, True)
    assert f"Freeze {frozen['id']} stops changes of dag_ids ord*" in pinning("policy", "show").err
    assert [one["id"] for one in pinning("freezes", "-o", "json").json] == [frozen["id"]]

    assert pinning("thaw", frozen["id"], "-r", "over", "-y").code == 0

    assert pinning("freezes", "-o", "json").json == []
    assert len(pinning("freezes", "--all", "-o", "json").json) == 1
    assert pinning("pin", "orders", "-V", "2", "-r", "because", "-y").code == 0
    assert pinning("thaw", frozen["id"], "-r", "over", "-y").code == ExitCode.NOT_FOUND


def test_a_freeze_of_everything_is_shown_before_it_is_asked_for(pinning):
    done = pinning("freeze", "-r", "incident", typed="y\n")

    assert done.code == 0
    assert "Stops all changes except rollbacks of every Dag until it is lifted." in done.err
