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

from dataclasses import replace

import pytest

from airflow_providers_pinning.client.task_source import TaskSource, source_headers

FIRST = TaskSource("promote", "manual__1", "pin", -1, try_number=1, round=2, began="2026-01-01T00:00:00+00:00")


def test_retry_has_the_key_of_the_first_try():
    assert replace(FIRST, try_number=3).idempotency_key("pin:orders") == FIRST.idempotency_key("pin:orders")


@pytest.mark.parametrize(
    "change",
    [
        {"dag_id": "other"},
        {"run_id": "manual__2"},
        {"task_id": "unpin"},
        {"map_index": 1},
        {"round": 3},
        {"began": "2026-01-02T00:00:00+00:00"},
    ],
)
def test_another_task_another_run_and_a_cleared_task_have_another_key(change):
    assert replace(FIRST, **change).idempotency_key("pin:orders") != FIRST.idempotency_key("pin:orders")


def test_each_change_of_a_task_has_its_key_which_the_server_takes():
    assert FIRST.idempotency_key("pin:a") != FIRST.idempotency_key("pin:b")
    assert len(replace(FIRST, run_id="r" * 250, dag_id="d" * 250).idempotency_key("pin:a")) <= 250


def test_recorded_source_is_recognized_in_another_try():
    assert FIRST.is_in(replace(FIRST, try_number=2).as_dict())
    assert not FIRST.is_in(replace(FIRST, map_index=1).as_dict())
    assert not FIRST.is_in(None)


def test_source_that_is_too_long_is_left_out():
    assert source_headers({"dag_id": "ü" * 400}) == {}
    assert source_headers(None) == {}
