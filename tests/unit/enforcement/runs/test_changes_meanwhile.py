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
"""
A pin is not changed between being read and being acted on, also where the database has no row locks.

For PostgreSQL, ``tests/integration`` shows more of this.
"""

from __future__ import annotations

import threading

import pytest
from airflow import settings
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import event

from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from tests.support.lab import Lab
from tests.support.patience import PATIENCE
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE

WHILE_READING = 0.7
"""Seconds that another process has for getting in between."""


@pytest.fixture
def pinned_meanwhile(session):
    """Return a function that pins a version from another process, as soon as this one has sent a certain statement."""
    threads, ended = [], []

    def pin_elsewhere(number):
        with settings.NonScopedSession() as own:
            pin_version("orders", Target(version_number=number), Lab.change(), session=own)
            own.commit()
        ended.append(number)

    def begin(number, after):
        def read(connection, cursor, statement, *rest):
            if statement.startswith(after) and threading.current_thread() is threading.main_thread() and not threads:
                threads.append(threading.Thread(target=pin_elsewhere, args=(number,), daemon=True))
                threads[0].start()
                threads[0].join(WHILE_READING)

        event.listen(settings.engine, "after_cursor_execute", read)
        listening.append(read)

    def wait():
        [thread] = threads
        thread.join(PATIENCE)
        session.expire_all()
        return ended

    listening = []
    begin.wait = wait
    yield begin
    for read in listening:
        event.remove(settings.engine, "after_cursor_execute", read)


@pytest.fixture
@remembered
def two_versions(lab, session):
    lab.commit("sha1", orders=STABLE)
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, run_id="first", session=session)
    session.commit()
    lab.commit("sha2", orders=CHANGED)
    assert lab.numbers("orders") == [1, 2]


def test_the_dag_processor_does_not_rewrite_a_version_that_is_pinned_meanwhile(two_versions, lab, pinned_meanwhile):
    pinned_meanwhile(2, after="SELECT pinning_pin.dag_id, pinning_pin.dag_version_id")
    lab.commit("sha3", orders=CHANGED.replace("transform", "clean"))
    assert pinned_meanwhile.wait() == [2]
    assert lab.pin_state("orders").health.problems == ()


def test_a_run_is_of_the_version_that_is_pinned_when_it_is_created(two_versions, lab, session, pinned_meanwhile):
    # The look-up of the run's version, not the one of the Dag: that comes earlier, and is decided anew.
    pinned_meanwhile(1, after="SELECT dag_version.")
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, run_id="second", session=session)
    created_before = lab.runs("orders")[-1].id
    session.commit()
    assert pinned_meanwhile.wait() == [1]
    run = lab.runs("orders")[-1]
    expected = 2 if created_before <= lab.pin_row("orders").last_run_before else 1
    assert lab.used_versions(run) == {expected}


def test_a_scheduled_run_is_of_the_version_that_is_pinned_when_it_is_created(
    two_versions, lab, scheduler, pinned_meanwhile
):
    pinned_meanwhile(1, after="SELECT serialized_dag.")
    scheduler.create_due_runs()
    assert pinned_meanwhile.wait() == [1]
    run = lab.runs("orders")[-1]
    assert run.run_type == "scheduled"
    expected = 2 if run.id <= lab.pin_row("orders").last_run_before else 1
    assert lab.used_versions(run) == {expected}
