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

from uuid import uuid4

import pytest

from airflow_providers_pinning.enforcement.scheduler import retry_backoff


@pytest.fixture(autouse=True)
def none_known(monkeypatch):
    monkeypatch.setattr(retry_backoff, "_next_try", {})


def test_a_dag_that_failed_a_moment_ago_takes_a_place():
    retry_backoff.note_failure("orders", uuid4())

    assert retry_backoff.count() == 1


def test_a_dag_that_is_not_tried_any_more_is_forgotten(monkeypatch):
    retry_backoff.note_failure("deleted", uuid4())
    later = retry_backoff.time.monotonic() + retry_backoff.RETRY_AFTER + retry_backoff.FORGET_AFTER + 1
    monkeypatch.setattr(retry_backoff.time, "monotonic", lambda: later)
    retry_backoff.note_failure("orders", uuid4())

    assert retry_backoff.count() == 1
    assert retry_backoff.note_failure("deleted", uuid4())
