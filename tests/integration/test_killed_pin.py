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
"""A process that is killed at any point of a change leaves the old or the new state, whole."""

from __future__ import annotations

import os
import signal

import pytest
from airflow.models.dag import DagModel
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.pins import Target, pin_version, unpin
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import Event, ManagedVersion, Pin
from tests.integration.killed import killed_at

STATEMENTS_AT_MOST = 100
CHANGE = Change(Caller("alice"), "because")


@pytest.fixture
def orders(lab):
    """Register a Dag that is pinned to its first version and has a second."""
    lab.pin_first_of_two()
    return lab


def state(session):
    """Read everything that a change of the pin writes."""
    session.rollback()
    session.expire_all()
    dag = session.get_one(DagModel, "orders")
    pin = session.get_one(Pin, "orders")
    return {
        "pin": (pin.revision, pin.version_number, pin.bundle_version, pin.dag_hash),
        "events": session.execute(select(Event.kind, Event.revision).order_by(Event.id)).all(),
        "managed": sorted(session.execute(select(ManagedVersion.version_number, ManagedVersion.state)).all()),
        "dag": (dag.bundle_version, dag.timetable_summary, dag.max_active_runs, sorted(tag.name for tag in dag.tags)),
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda session: pin_version("orders", Target(version_number=2), CHANGE, session=session),
        lambda session: unpin("orders", CHANGE, session=session),
    ],
    ids=["pin", "unpin"],
)
def test_leaves_the_old_state_or_the_new_one(orders, session, change):
    old = state(session)
    # The connection must not be shared with the children.
    session.close()
    for number in range(1, STATEMENTS_AT_MOST):
        if not killed_at(number, change):
            break
        assert state(session) == old, f"killed before statement {number}"
        session.close()
    assert number > 15, "Hardly any statement was seen"
    new = state(session)
    assert new["pin"][0] == old["pin"][0] + 1
    assert len(new["events"]) == len(old["events"]) + 1
    assert new["dag"] == ("sha2", "0 * * * *", 7, ["changed"])


def test_a_process_that_is_killed_after_the_commit_leaves_the_new_state(orders, session):
    old = state(session)
    session.close()

    def pin_and_die(own):
        pin_version("orders", Target(version_number=2), CHANGE, session=own)
        own.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    assert killed_at(STATEMENTS_AT_MOST, pin_and_die)
    new = state(session)
    assert new["pin"][:2] == (old["pin"][0] + 1, 2)
    assert new["dag"] == ("sha2", "0 * * * *", 7, ["changed"])
    assert (2, "active") in new["managed"] and (1, "retained") in new["managed"]
