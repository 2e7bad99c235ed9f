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

from airflow_providers_pinning.domain.errors import InvalidPolicyError
from airflow_providers_pinning.schemas.policies import validated
from airflow_providers_pinning.schemas.policy_text import read

WHOLE = """
policies:
  - name: critical
    match: {tags: [tier-1], bundles: [finance], dag_ids: ["payments_*"], teams: [a], owners: [b]}
    windows:
      allow: [{cron: "0 9 * * 1-4", duration: 6h, timezone: Europe/Berlin}]
      deny: [{cron: "0 0 24 12 *", duration: 1d12h, name: Christmas}]
    requires:
      soak: {run_kinds: canary, min_runs: 3, min_duration: 2h}
      evidence: [regression, staging]
      approvals: 1
    auto_rollback: {max_failures: 2}
    canary: {isolation: {slots: gap}, queue: canary}
    gate: manual
    exempt: [rollback]
"""


def policy(rest, name="name: a", match='match: {dag_ids: ["*"]}'):
    return f"policies:\n  - {name}\n    {match}\n    {rest}\n"


def problem(text):
    with pytest.raises(InvalidPolicyError) as refused:
        read(text)
    assert refused.value.data["problems"]
    return refused.value.message


def test_a_whole_document_is_read():
    [policy] = read(WHOLE)["policies"]

    assert policy["match"]["dag_ids"] == ["payments_*"]
    assert policy["windows"]["allow"][0]["duration"] == 6 * 3600
    assert policy["windows"]["deny"][0]["duration"] == 36 * 3600
    assert policy["requires"]["soak"] == {"run_kinds": "canary", "min_runs": 3, "min_duration": 7200.0}
    assert policy["auto_rollback"] == {
        "max_failures": 2,
        "within_runs": 10,
        "hold": True,
        "when_nothing_is_stable": "continue",
    }
    assert (policy["canary"], policy["gate"]) == ({"isolation": {"slots": "gap", "queue": "canary"}}, "manual")
    assert policy["exempt"] == ["rollback"]


def test_a_document_that_is_stored_reads_the_same_again():
    assert validated(read(WHOLE)) == read(WHOLE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policies: &x []", "Line 1, column 11: anchors and aliases are not taken"),
        ("policies: [*x]", "Line 1, column 12: anchors and aliases are not taken"),
        (policy("exempt: [*rollback]"), "anchors and aliases are not taken"),
        ("policies: !!python/object/apply:os.system [true]", "the tag 'tag:yaml.org,2002:python/object/apply:os.sys"),
        ("policies: !!set {}", "the tag"),
        (policy("x: !!binary aGFsbG8="), "the tag 'tag:yaml.org,2002:binary' is not taken"),
        ("policies: []\npolicies: []", "Line 2, column 1: the key 'policies' is given twice"),
        ("policies: []\n---\npolicies: []", "a second document begins here"),
        ("policies: " + "[" * 50 + "]" * 50, "nested more than 20 levels deep"),
        ("policies: [", "It is no YAML that can be read"),
        ("policies: \x00", "It is no YAML that can be read"),
        ("policies:\n\t- a", "Line 2, column 1"),
        ("", "must be a mapping with the key policies, not None"),
        ("- name: a", "must be a mapping with the key policies"),
        ("policies: {a: 1}", "policies: must be a list"),
        ("polices: []", "polices: there is no such key"),
        (b"policies: \xff\xfe", "It is no YAML that can be read"),
        ("policies: " + "1" * 5000, "It is no YAML that can be read"),
        ("#" * 10_000_000, "10,000,000 bytes, of which 1,048,576 are taken"),
        (policy("exempt: []", match="match: {}"), "policies[0].match (policy 'a'): give at least one list"),
        (policy("exempt: []", match="match: {tags: tier-1}"), "policies[0].match.tags (policy 'a'): must be a list"),
        (policy("exempt: []", match="match: {dag_ids: [12]}"), "must be a text, not 12 (int); put it in quotes"),
        (policy("exempt: []", match="match: {tags: []}"), "policies[0].match.tags (policy 'a')"),
        (policy("exempt: []", name="name: 2026-01-31"), "policies[0].name: must be a text"),
        (policy("exempt: [pin]"), "policies[0].exempt[0] (policy 'a'): Input should be 'rollback'"),
        (policy("requires: {approvals: yes}"), "policies[0].requires.approvals (policy 'a')"),
        (policy("requires: {approvals: '1'}"), "Input should be a valid integer, not '1' (str)"),
        (policy("requires: {approvals: 0}"), "greater than or equal to 1, not 0"),
        (policy("requires: {soak: {min_duration: two hours}}"), "write a duration as seconds, or as in 30m"),
        (policy("requires: {soak: {min_duration: .inf}}"), "min_duration"),
        (policy("requires: {soak: {min_runs: 1.5}}"), "min_runs"),
        (policy("requires: {soak: {run_kinds: manual}}"), "Input should be 'canary', 'live' or 'any'"),
        (policy("windows: {}"), "give at least one rule under allow or deny"),
        (policy('windows: {allow: [{cron: "9 9 9", duration: 1h}]}'), "no cron expression with five fields"),
        (policy('windows: {allow: [{cron: "0 9 * * *", duration: 0}]}'), "greater than 0"),
        (policy('windows: {allow: [{cron: "0 9 * * *", duration: 1h, timezone: Mars}]}'), "no IANA time zone"),
        (policy("gate: locked"), "policies[0].gate (policy 'a')"),
        (policy("ramp: [{share: 0.1}]"), "give runs or duration: what it takes for the next step"),
        (policy("ramp: [{share: 2, runs: 1}]"), "less than or equal to 1, not 2"),
        (policy("ramp: [{share: 0.5, runs: 1}, {share: 0.1, runs: 1}]"), "the shares of a ramp must grow"),
        (policy("ramp: []"), "ramp"),
        (policy("auto_rollback: {max_failures: 10}"), "make within_runs larger than max_failures"),
        (policy("auto_rollback: {within_runs: 10}"), "policies[0].auto_rollback.max_failures (policy 'a'): "),
        (policy("auto_rollback: {max_failures: 1, hold: 1}"), "auto_rollback.hold"),
        (policy("auto_rollback: {max_failures: 1, when_nothing_is_stable: stop}"), "when_nothing_is_stable"),
        (policy("canary: {queue: x, isolation: {queue: y}}"), "name two queues; give one"),
        (policy("canary: {isolation: {assets: publish}}"), "canary.isolation.assets"),
        (policy("canary: {}"), "say at least one thing of canary runs"),
        (policy("exempt: []\n  - name: a\n    match: {tags: [b]}"), "given twice: a"),
        (policy("<<: {exempt: []}"), "Line 4, column 5: merge keys are not taken"),
        (policy('windows: {allow: [{cron: "0 9 * * *", duration: 1:30}]}'), "column 53: YAML takes 1:30 for another"),
        (policy("requires: {approvals: 010}"), "YAML takes 010 for another number"),
        (policy("requires: {approvals: 0b11}"), "YAML takes 0b11 for another number"),
        (policy("requires: {approvals: 1_0}"), "YAML takes 1_0 for another number"),
        (policy("requires: {approvals: 0x" + "F" * 6000 + "}"), "YAML takes 0xFFFFFFFFFFFFFFF... for another number"),
        (policy("requires: {soak: {min_duration: 1" + ":10" * 100_000 + "}}"), "YAML takes 1:10:10"),
        (policy("requires: {soak: {max_duration_ratio: .nan}}"), "max_duration_ratio"),
        (policy('requires: {evidence: ["  "]}'), "policies[0].requires.evidence[0]"),
        (policy('windows: {allow: [{cron: "0 9 * * *", duration: "\u0661h"}]}'), "write a duration as seconds"),
    ],
)
def test_what_bites_is_refused_with_its_place(text, said):
    assert said in problem(text)


def test_names_of_evidence_are_stripped_as_they_are_when_it_is_recorded():
    [stored] = read(policy('requires: {evidence: [" regression "]}'))["policies"]

    assert stored["requires"]["evidence"] == ["regression"]


def test_a_number_of_thousands_of_digits_in_json_is_refused():
    with pytest.raises(InvalidPolicyError, match="a huge number"):
        validated({"policies": [{"name": 10**5000, "match": {"tags": ["a"]}}]})


def test_a_document_given_as_json_is_bounded_as_its_text_is():
    named = {"dag_ids": [f"{number:0200}" for number in range(1000)]}

    with pytest.raises(InvalidPolicyError, match="of which 1,048,576 are taken"):
        validated({"policies": [{"name": f"p{number}", "match": named} for number in range(6)]})


def test_every_problem_is_named():
    message = problem(policy("requires: {approvals: -1}\n    exempt: [pin]", match="match: {tags: x}"))

    assert "match.tags" in message
    assert "requires.approvals" in message
    assert "exempt[0]" in message
