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
"""An override passes over no rule that came up after its caller looked."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes import pins, ramp, rollback, timed
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import PolicyConflictError
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.ramp_steps import Plan
from airflow_providers_pinning.domain.releases import release
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
from airflow_providers_pinning.vocabulary import Slots
from tests.support.ramps import ALL

SHUT = {"windows": {"allow": [{"cron": "0 0 29 2 *", "duration": "1m"}]}}
LATER = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
def override(orders, asking):
    """Return what a user asks for who may override rules, and says why."""

    def ask(**conditions):
        return asking(overrides=True, override_reason="incident", **conditions)

    yield ask
    orders.session.rollback()


def pin(change, session):
    return pins.pin_version("orders", pins.Target(2), change, session=session)


def plan(session):
    request = ReleaseRequest(versions={"orders": 2})
    return request, lambda change: release.make_release(request, change, Access(), session=session)


CHANGES = {
    "pin": pin,
    "pin at a time": lambda change, session: timed.pin_version("orders", pins.Target(2), change, session=session),
    "unpin": lambda change, session: pins.unpin("orders", change, session=session),
    "roll back": lambda change, session: rollback.roll_back("orders", change, to_version=3, session=session),
    "ramp": lambda change, session: ramp.start("orders", pins.Target(2), Plan((ALL,)), change, session=session),
    "release": lambda change, session: plan(session)[1](change),
    "canary": lambda change, session: create_canary_runs(
        "orders", CanaryRequest(2, isolation=Isolation(slots=Slots.SHARED)), change, session=session
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_policies_that_were_applied_since_refuse_each_change(name, orders, apply, override):
    seen = apply(SHUT).revision
    apply({**SHUT, "requires": {"approvals": 1}, "canary": {"isolation": {"slots": "gap"}}})
    timing = {"effective_from": LATER} if name == "pin at a time" else {}

    with pytest.raises(PolicyConflictError, match="at revision 2, not 1") as refused:
        CHANGES[name](override(expected_policy_revision=seen, **timing), orders.session)

    assert (refused.value.data["revision"], refused.value.data["expected_revision"]) == (2, 1)


@pytest.mark.parametrize("name", CHANGES)
def test_the_rules_that_were_seen_are_overridden(name, orders, apply, override):
    seen = apply({**SHUT, "canary": {"isolation": {"slots": "gap"}}}).revision
    timing = {"effective_from": LATER} if name == "pin at a time" else {}

    assert CHANGES[name](override(expected_policy_revision=seen, expected_freeze_id=0, **timing), orders.session)


class TestFreeze:
    @pytest.fixture
    def freeze(self, session, asking):
        def begin(match=None):
            begun = freezes.freeze(asking("ruler"), match=match, session=session)
            session.commit()
            return begun.id

        return begin

    def test_that_began_since_is_not_overridden(self, freeze, session, override):
        seen = freeze()
        since = freeze()

        with pytest.raises(PolicyConflictError, match=f"Freeze {since} by ruler") as refused:
            pin(override(expected_policy_revision=0, expected_freeze_id=seen), session)

        assert (refused.value.data["freeze_id"], refused.value.data["expected_freeze_id"]) == (since, seen)

    def test_that_was_seen_is_overridden(self, freeze, session, override):
        assert pin(override(expected_freeze_id=freeze()), session).active.version_number == 2

    def test_of_other_dags_does_not_matter(self, freeze, session, override):
        freeze(Match(tags=("tier-2",)))

        assert pin(override(expected_freeze_id=0), session).active.version_number == 2

    def test_of_which_nothing_is_said_is_overridden(self, freeze, session, override):
        freeze()

        assert pin(override(), session).active.version_number == 2


def test_a_plan_says_which_rules_it_was_checked_against(orders, apply, asking, override):
    apply(SHUT)
    frozen = freezes.freeze(asking("ruler"), session=orders.session)
    orders.session.commit()
    request, make = plan(orders.session)

    planned = release.plan_release(request, override(), Access(), session=orders.session)

    assert (planned.policy_revision, planned.freeze_id) == (1, frozen.id)
    apply({**SHUT, "requires": {"approvals": 1}})
    with pytest.raises(PolicyConflictError):
        make(override(expected_policy_revision=planned.policy_revision, expected_freeze_id=planned.freeze_id))
