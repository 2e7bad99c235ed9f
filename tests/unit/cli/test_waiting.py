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

from airflow_providers_pinning.cli import waiting
from airflow_providers_pinning.cli.waiting import look_until


@pytest.fixture
def clock(monkeypatch):
    """Let time pass only while somebody waits, and return the moments at which they began to."""
    moments = [0.0]

    def sleep(seconds):
        moments.append(moments[-1] + seconds)

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: moments[-1])
    return moments


def looks(*values):
    left = iter(values)
    return lambda session: next(left)


def test_looks_until_it_is_done(airflow_database, clock):
    assert look_until(lambda seen: seen == 3, looks(1, 2, 3), timeout=None) == 3
    assert clock == [0, 2, 4]


def test_gives_up_at_the_timeout_after_a_last_look(airflow_database, clock):
    assert look_until(lambda seen: False, looks(1, 2, 3), timeout=3) == 3
    assert clock == [0, 2, 3]


def test_looks_once_without_time(airflow_database, clock):
    assert look_until(lambda seen: False, looks(1), timeout=0) == 1
    assert clock == [0]


def test_each_look_is_with_a_session_of_its_own(airflow_database, clock):
    sessions = []
    look_until(lambda seen: len(sessions) == 2, sessions.append, timeout=None)

    assert sessions[0] is not sessions[1]
