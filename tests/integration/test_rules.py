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
"""Rules that change while a version is released, on PostgreSQL: a change is checked against one revision of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from sqlalchemy import select, text

from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import PolicyNotMetError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import freezes, store
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.schemas.policies import validated
from tests.support.sources import CHANGED, STABLE

CHANGE = Change(Caller("alice"), "because")
SHUT = {"policies": [{"name": "shut", "match": {"dag_ids": ["*"]}, "requires": {"approvals": 1}}]}


@pytest.fixture
def registered(lab):
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    return lab


def pin(session):
    return pin_version("orders", Target(version_number=1), CHANGE, session=session)


@pytest.mark.parametrize(
    "rule",
    [
        lambda session: freezes.freeze(CHANGE, session=session),
        lambda session: store.apply(validated(SHUT), CHANGE, session=session),
    ],
    ids=["freeze", "policy"],
)
def test_what_was_checked_before_is_made_before_the_rule_is_there(rule, registered, elsewhere, session):
    """Once a freeze or a policy is committed, nothing is changed any more that was checked without it."""
    pinning = elsewhere(pin)
    pinning.wait_until_acted()
    ruling = elsewhere(rule)
    ruling.wait_until_locked_out()
    assert pinning.commit().active.version_number == 1
    ruling.commit()

    kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds[-2] == "pinned"
    session.rollback()
    with pytest.raises(PolicyNotMetError):
        pin_version("orders", Target(version_number=2), CHANGE, session=session)


def test_a_change_during_which_policies_are_applied_says_which_revision_it_was_checked_against(
    registered, elsewhere, session
):
    other = {"policies": [{"name": "other", "match": {"tags": ["none"]}, "requires": {"approvals": 1}}]}
    store.apply(validated(other), CHANGE, session=session)
    session.commit()
    pinning = elsewhere(pin)
    pinning.wait_until_acted()
    applying = elsewhere(lambda session: store.apply(validated(SHUT), CHANGE, session=session))
    applying.wait_until_locked_out()
    pinning.commit()
    assert applying.commit().revision == 2

    event = session.scalars(select(Event).where(Event.kind == "pinned")).one()
    assert event.evidence["policy"] == {"revision": 1, "policies": []}


def test_a_freeze_is_seen_by_a_host_whose_clock_is_fast(registered, session):
    freezes.freeze(CHANGE, until=datetime.now(timezone.utc) + timedelta(hours=1), session=session)
    session.commit()

    with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=5)), pytest.raises(PolicyNotMetError):
        pin(session)


def test_the_clock_goes_on_while_a_change_waits(session):
    """A window may close, and evidence expire, while a change waits for the lock of its Dag."""
    first = database_clock(session=session)
    session.execute(text("SELECT pg_sleep(0.05)"))

    assert database_clock(session=session) - first >= timedelta(seconds=0.05)


def test_changes_of_several_dags_are_checked_at_the_same_time(lab, elsewhere):
    lab.commit("sha1", orders=STABLE, invoices=STABLE.replace("orders", "invoices"))
    first = elsewhere(pin)
    first.wait_until_acted()
    second = elsewhere(lambda session: pin_version("invoices", Target(version_number=1), CHANGE, session=session))

    second.wait_until_acted()

    assert second.commit().active.version_number == 1
    assert first.commit().active.version_number == 1
