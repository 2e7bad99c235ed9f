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
"""What ``policy check`` says of policies that are at odds about a Dag."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from airflow_providers_pinning.domain.policies.check import check
from airflow_providers_pinning.domain.policies.model import PolicySet
from airflow_providers_pinning.schemas.policies import validated


@pytest.fixture
def doubts(orders):
    """Return a function that checks a document of policies about the Dag orders."""

    def find(*policies):
        named = [{"name": f"p{number}", "match": {"tags": ["tier-1"]}, **one} for number, one in enumerate(policies)]
        document = PolicySet.from_dict(0, validated({"policies": named}))
        return check(document, datetime.now(timezone.utc), session=orders.session)

    return find


def test_policies_that_name_different_places_for_canary_runs_are_told_with_the_one_that_counts(doubts):
    [doubt] = doubts({"canary": {"queue": "canary"}}, {"canary": {"isolation": {"queue": "spare", "slots": "gap"}}})

    assert (doubt.reason, doubt.policies) == ("outvoted", ("p0", "p1"))
    assert doubt.message.startswith(
        "For canary runs of Dags orders, policy 'p0' says queue 'canary' and policy 'p1' says 'spare'. 'canary' counts"
    )


def test_so_are_different_substitutes_for_the_same(doubts):
    [doubt] = doubts(
        {"canary": {"isolation": {"connections": {"warehouse": "staging", "mail": "sink"}}}},
        {"canary": {"isolation": {"connections": {"warehouse": "sandbox"}, "variables": {"target": "try"}}}},
    )

    assert "connection 'warehouse' 'staging'" in doubt.message


@pytest.mark.parametrize(
    "policies",
    [
        ({"canary": {"queue": "canary"}}, {"canary": {"queue": "canary"}}),
        ({"canary": {"queue": "canary"}}, {"canary": {"isolation": {"pool": "canaries"}}}),
        ({"canary": {"isolation": {"slots": "gap"}}}, {"canary": {"isolation": {"slots": "shared"}}}),
    ],
)
def test_what_can_be_met_together_is_no_doubt(policies, doubts):
    assert doubts(*policies) == []


def test_windows_of_policies_that_ask_for_more_besides_are_looked_at_together(doubts):
    soak = {"requires": {"soak": {"min_runs": 3}}}

    [doubt] = doubts(
        {"windows": {"allow": [{"cron": "0 8 * * 1", "duration": "1h"}]}, **soak},
        {"windows": {"allow": [{"cron": "0 8 * * 2", "duration": "1h"}]}, **soak},
    )

    assert (doubt.reason, doubt.policies) == ("never_open_together", ("p0", "p1"))


def test_policies_that_share_no_dag_are_not_at_odds(doubts):
    found = doubts({"canary": {"queue": "canary"}}, {"match": {"tags": ["tier-2"]}, "canary": {"queue": "spare"}})

    assert [doubt.reason for doubt in found] == ["matches_nothing"]
