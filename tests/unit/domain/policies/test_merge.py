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

from datetime import datetime, timedelta, timezone

import pytest

from airflow_providers_pinning.domain.policies.matching import DagFacts, Matcher, matches
from airflow_providers_pinning.domain.policies.merge import merge, next_open
from airflow_providers_pinning.domain.policies.model import ChangeKind, Match, Policy, PolicySet
from airflow_providers_pinning.vocabulary import RunKind
from airflow_providers_pinning.windows import DeploymentWindow, WindowNeverOpensError, WindowRule

FACTS = DagFacts(
    "payments_eu",
    bundles=frozenset({"finance"}),
    tags=frozenset({"tier-1", "daily"}),
    owners=frozenset({"ann"}),
    teams=frozenset({"money"}),
)


def policy(name="a", match=None, **rest):
    return Policy.from_dict({"name": name, "match": match or {"dag_ids": ["*"]}, **rest})


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({"tags": ["tier-2", "tier-1"]}, True),
        ({"tags": ["tier-2"]}, False),
        ({"dag_ids": ["payments_*"]}, True),
        ({"dag_ids": ["PAYMENTS_*"]}, False),
        ({"dag_ids": ["*_eu"]}, True),
        ({"dag_ids": ["[op]ayments_e?"]}, True),
        ({"dag_ids": ["orders_*", "*"]}, True),
        ({"dag_ids": ["payments"]}, False),
        ({"dag_ids": ["x", "payments_eu"]}, True),
        ({"bundles": ["finance"], "tags": ["tier-1"]}, True),
        ({"bundles": ["finance"], "tags": ["tier-2"]}, False),
        ({"teams": ["money"], "owners": ["ann"]}, True),
        ({"teams": ["other"], "owners": ["ann"]}, False),
        ({}, True),
    ],
)
def test_a_dag_is_matched_by_one_entry_of_each_list(match, fits):
    assert matches(Match.from_dict(match), FACTS) is fits
    assert Matcher([policy(match=match)]).find(FACTS) == ((policy(match=match),) if fits else ())


def test_policies_are_found_in_their_order():
    entries = [
        policy("a", {"owners": ["ann"]}),
        policy("b", {"dag_ids": ["*"]}),
        policy("c", {"dag_ids": [FACTS.dag_id]}),
    ]

    assert [one.name for one in Matcher(entries).find(FACTS)] == ["a", "b", "c"]


def test_the_strictest_of_each_requirement_counts():
    rules = merge(
        [
            policy("a", requires={"approvals": 1, "evidence": ["x"], "soak": {"min_runs": 2, "max_failures": 1}}),
            policy("b", requires={"approvals": 2, "evidence": ["x", "y"], "soak": {"min_duration": 60}}),
        ]
    )

    assert rules.approvals == 2
    assert rules.evidence == {"x": ("a", "b"), "y": ("b",)}
    # What a policy leaves open is the default, which another one cannot loosen.
    assert rules.soaks[RunKind.CANARY]["min_runs"] == 3
    assert rules.soaks[RunKind.CANARY]["max_failures"] == 0
    assert rules.soaks[RunKind.CANARY]["min_duration"] == 60


def test_a_comparison_that_leaves_its_limits_open_is_not_loosened():
    rules = merge(
        [
            policy("a", requires={"soak": {"compare": True}}),
            policy("b", requires={"soak": {"compare": True, "max_duration_ratio": 9.0}}),
        ]
    )

    assert rules.soaks[RunKind.CANARY]["max_duration_ratio"] == 1.5


def test_soaks_on_other_kinds_of_runs_are_all_required():
    rules = merge(
        [policy("a", requires={"soak": {"run_kinds": "live"}}), policy("b", requires={"soak": {"min_runs": 9}})]
    )

    assert set(rules.soaks) == {RunKind.LIVE, RunKind.CANARY}


def test_a_rollback_is_bound_only_by_policies_that_do_not_exempt_it():
    entries = [policy("a", requires={"approvals": 1}), policy("b", requires={"approvals": 2}, exempt=[])]

    assert [one.name for one in merge(entries, ChangeKind.ROLLBACK).policies] == ["b"]
    assert [one.name for one in merge(entries, ChangeKind.PIN).policies] == ["a", "b"]


def test_windows_open_when_all_of_them_are():
    at = datetime(2026, 11, 28, tzinfo=timezone.utc)
    morning = DeploymentWindow(allow=[WindowRule("0 8 * * *", timedelta(hours=4))])
    mondays = DeploymentWindow(allow=[WindowRule("0 10 * * 1", timedelta(hours=4))])

    assert next_open([morning, mondays], at) == datetime(2026, 11, 30, 10, tzinfo=timezone.utc)


def test_windows_that_never_meet_are_told():
    at = datetime(2026, 11, 28, tzinfo=timezone.utc)
    mornings = DeploymentWindow(allow=[WindowRule("0 8 * * *", timedelta(hours=1))])
    evenings = DeploymentWindow(allow=[WindowRule("0 20 * * *", timedelta(hours=1))])

    with pytest.raises((WindowNeverOpensError, ValueError)):
        next_open([mornings, evenings], at)


def test_a_document_becomes_policies():
    policies = PolicySet.from_dict(4, {"policies": [{"name": "a", "match": {"tags": ["x"]}}]})

    assert policies.named("a").match == Match(tags=("x",))
    assert policies.named("b") is None
