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
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import PolicyNotMetError
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import Alerts, Assets, Slots, StateWrites, Triggers


@pytest.fixture
def start(orders, asking):
    """Return a function that starts a canary run as a user asks for it."""

    def create(*, overrides=False, override_reason=None, **isolation):
        change = asking(overrides=overrides, override_reason=override_reason)
        runs = create_canary_runs(
            "orders", CanaryRequest(2, isolation=Isolation(**isolation)), change, session=orders.session
        )
        orders.session.commit()
        return runs

    return create


def event(orders):
    return orders.session.scalars(select(Event).where(Event.kind == "canary").order_by(Event.id.desc())).first()


def test_what_a_request_leaves_out_is_as_the_policy_says(orders, apply, start):
    applied = apply(
        {"canary": {"queue": "canary", "isolation": {"slots": "gap", "assets": "withhold"}}},
        {"canary": {"isolation": {"slots": "shared", "queue": "another"}}},
    )

    runs = start()

    assert (runs.isolation["queue"], runs.isolation["slots"]) == ("canary", "gap")
    assert event(orders).evidence["policy"] == {"revision": applied.revision, "policies": ["p0", "p1"]}


def test_a_request_may_say_the_same_or_be_stricter(apply, start):
    apply({"canary": {"queue": "canary", "isolation": {"slots": "behind"}}})

    assert start(queue="canary", slots=Slots.GAP).isolation["slots"] == "gap"


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        ({"assets": "withhold"}, {"assets": Assets.PUBLISH}),
        ({"alerts": "withhold"}, {"alerts": Alerts.SEND, "state": StateWrites.WRITE}),
        ({"triggers": "refuse"}, {"triggers": Triggers.ALLOW}),
        ({"state": "withhold"}, {"state": StateWrites.WRITE}),
        ({"slots": "gap"}, {"slots": Slots.SHARED}),
        ({"queue": "canary"}, {"queue": "default"}),
        ({"variables": {"target": "target_of_canaries"}}, {"variables": {"target": "another"}}),
    ],
    ids=lambda given: "+".join(given),
)
def test_a_request_that_loosens_is_refused_unless_that_is_overridden(policy, asked, orders, apply, start):
    from airflow.models.variable import Variable

    for key in ("target", "target_of_canaries", "another"):
        Variable.set(key, "x", session=orders.session)
    orders.session.commit()
    apply({"canary": {"isolation": policy}})
    [field] = policy

    for options in ({}, {"override_reason": "I may not"}, {"overrides": True}):
        with pytest.raises(PolicyNotMetError, match=f"{field} must be") as refused:
            start(**asked, **options)
        orders.session.rollback()
        assert [one["rule"] for one in refused.value.data["unmet"]] == ["canary"]

    runs = start(**asked, overrides=True, override_reason="A test of the whole chain")
    assert any("were overridden" in warning for warning in runs.warnings)
    assert event(orders).evidence["policy"]["overridden"][0]["details"]["field"] == field


def test_a_policy_about_other_dags_changes_nothing(apply, start):
    apply({"match": {"tags": ["another"]}, "canary": {"queue": "canary"}})

    assert "queue" not in start(assets=Assets.PUBLISH).isolation
