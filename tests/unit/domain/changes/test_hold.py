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
from airflow.jobs.job import Job, JobState

from airflow_providers_pinning.domain.errors import DagHeldError, NotEnforcedError
from airflow_providers_pinning.models import Event
from tests.support.sources import CHANGED, STABLE


@pytest.fixture
def held(lab):
    """Versions 1 to 3, rolled back from 3 to 2 with a hold."""
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    lab.pin("orders", 2)
    lab.commit("sha3", orders=STABLE)
    lab.pin("orders", 3)
    lab.roll_back("orders", hold=True, reject_current=False, reason="orders arrive twice")
    return lab


def test_hold_refuses_a_pin_and_an_unpinning(held):
    with pytest.raises(DagHeldError, match="orders arrive twice"):
        held.pin("orders", 3)
    held.session.rollback()
    with pytest.raises(DagHeldError):
        held.unpin("orders")


def test_hold_cannot_be_bypassed_by_rolling_back_to_a_newer_version(held):
    with pytest.raises(DagHeldError):
        held.roll_back("orders", to_version=3)


def test_further_rollback_is_possible_and_keeps_the_hold(held):
    state = held.roll_back("orders")
    assert (state.active.version_number, state.hold.reason) == (1, "orders arrive twice")


def test_override_lifts_the_hold(held):
    state = held.pin("orders", 3, override_reason="fixed upstream")
    assert (state.active.version_number, state.hold) == (3, None)


def test_override_lifts_the_hold_even_if_the_version_is_pinned_already(held):
    state = held.pin("orders", 2, override_reason="fixed upstream")
    assert (state.active.version_number, state.hold) == (2, None)
    newest = held.session.query(Event).order_by(Event.id.desc()).first()
    assert (newest.kind, newest.override_reason) == ("confirmed", "fixed upstream")


def test_hold_can_be_lifted_while_nothing_could_be_pinned(held):
    held.session.add(Job(job_type="SchedulerJob", state=JobState.RUNNING))
    held.session.commit()
    with pytest.raises(NotEnforcedError):
        held.pin("orders", 3, override_reason="fixed upstream")
    held.session.rollback()

    state = held.pin("orders", 2, override_reason="fixed upstream")

    assert (state.active.version_number, state.hold) == (2, None)
