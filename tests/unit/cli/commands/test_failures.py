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
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType

from tests.support.api import PINNING
from tests.support.task_logs import write_log


@pytest.fixture
def failed(orders):
    """Let a run of the pinned version fail."""
    orders.pin("orders", 1)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=orders.session)
    run.state = "failed"
    for ti in run.task_instances:
        ti.try_number, ti.state = 1, "failed"
    orders.session.commit()
    [ti, *_] = run.task_instances
    write_log(ti, "\x1b[31mbegin", "booked twice")
    return ti


def test_the_last_lines_of_the_logs_of_failed_tasks_are_shown(pinning, failed):
    done = pinning("failures", "orders")

    assert done.code == 0
    assert f"{failed.task_id}, try 1 of {failed.run_id}, failed at" in done.out
    assert "  booked twice" in done.out.splitlines()
    assert "\x1b" not in done.out


def test_as_many_lines_and_tasks_as_are_asked_for(pinning, failed):
    done = pinning("failures", "orders", "--lines", 1, "--tasks", 1)

    assert "booked twice" in done.out
    assert "begin" not in done.out


def test_what_programs_get_is_what_the_api_answers(pinning, failed, api):
    written = json.loads(pinning("failures", "orders", "-o", "json").out)

    assert written == api().get(f"{PINNING}/dags/orders/failures").json()


def test_a_dag_without_failures_says_so(pinning, orders):
    done = pinning("failures", "orders")

    assert (done.code, done.out) == (0, "No task has failed since the pin.\n")


def test_a_dag_that_is_not_there_is_told(pinning, orders):
    assert pinning("failures", "nothing").code == 4
