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
from datetime import datetime, timedelta, timezone

import pytest

from airflow_providers_pinning.windows import (
    DeploymentWindow,
    Effort,
    UndecidableWindowError,
    WindowNeverOpensError,
    WindowRule,
)
from tests.unit.windows.test_rule import BERLIN, HOUR, utc

MORNINGS = WindowRule("0 10 * * 2,4", 2 * HOUR, BERLIN, "mornings")
FREEZE = WindowRule("0 0 24 12 *", timedelta(days=10), BERLIN, "freeze")


def test_without_rules_it_is_always_open():
    window = DeploymentWindow()
    assert window.is_open(utc("2026-01-01T00:00"))
    assert window.next_open(utc("2026-01-01T00:00")) == utc("2026-01-01T00:00")
    assert window.next_close(utc("2026-01-01T00:00")) is None


def test_without_allow_rules_it_is_open_except_when_denied():
    window = DeploymentWindow(deny=[FREEZE])
    assert window.is_open(utc("2026-12-23T22:59"))
    assert window.next_close(utc("2026-12-01T00:00")) == utc("2026-12-23T23:00")
    assert window.next_open(utc("2026-12-25T00:00")) == utc("2027-01-02T23:00")


def test_allow_rule_opens_and_closes():
    window = DeploymentWindow(allow=[MORNINGS])
    assert window.next_open(utc("2026-11-23T00:00")) == utc("2026-11-24T09:00")
    assert window.next_close(utc("2026-11-24T09:00")) == utc("2026-11-24T11:00")
    assert window.next_close(utc("2026-11-24T11:00")) == utc("2026-11-24T11:00")
    assert window.next_open(utc("2026-11-24T10:30")) == utc("2026-11-24T10:30")


def test_looking_ahead_for_the_end_ends_when_the_effort_is_spent():
    window = DeploymentWindow(deny=[FREEZE, WindowRule("0 0 31 12 *", HOUR, BERLIN)])
    at = utc("2026-12-01T00:00")
    assert window.next_close(at, Effort(4)) == window.next_close(at, Effort(100)) == utc("2026-12-23T23:00")
    with pytest.raises(UndecidableWindowError):
        window.next_close(at, Effort(3))


def test_deny_beats_allow():
    window = DeploymentWindow(allow=[MORNINGS], deny=[FREEZE])
    assert not window.is_open(utc("2026-12-24T09:30"))
    assert window.reason(utc("2026-12-24T09:30")).startswith("closed: denied by freeze until 2027-01-02T23:00")
    assert window.next_open(utc("2026-12-24T09:30")) == utc("2027-01-05T09:00")


def test_deny_that_begins_inside_an_allowed_time_closes_it():
    lunch = WindowRule("0 11 * * *", HOUR / 2, BERLIN)
    window = DeploymentWindow(allow=[MORNINGS], deny=[lunch])
    assert window.next_close(utc("2026-11-24T09:00")) == utc("2026-11-24T10:00")
    assert window.next_open(utc("2026-11-24T10:00")) == utc("2026-11-24T10:30")


def test_rules_that_touch_or_overlap_are_one_window():
    window = DeploymentWindow(allow=[WindowRule("0 10 * * *", 2 * HOUR), WindowRule("0 12 * * *", HOUR)])
    assert window.next_close(utc("2026-01-01T10:00")) == utc("2026-01-01T13:00")
    overlapping = DeploymentWindow(deny=[WindowRule("0 10 * * *", 3 * HOUR), WindowRule("30 12 * * *", 2 * HOUR)])
    assert overlapping.next_open(utc("2026-01-01T10:00")) == utc("2026-01-01T14:30")


def test_reasons_name_the_rule_that_decides():
    window = DeploymentWindow(allow=[MORNINGS])
    assert window.reason(utc("2026-11-24T09:00")) == "open: allowed by mornings until 2026-11-24T11:00:00+00:00"
    assert window.reason(utc("2026-11-24T12:00")) == "closed: no allow rule applies"
    assert DeploymentWindow().reason(utc("2026-11-24T12:00")) == "open: no rule denies it"


@pytest.mark.parametrize(
    "window",
    [
        DeploymentWindow(allow=[WindowRule("0 0 30 2 *", HOUR)]),
        DeploymentWindow(allow=[WindowRule("0 10 * * *", HOUR)], deny=[WindowRule("0 9 * * *", 3 * HOUR)]),
        DeploymentWindow(deny=[WindowRule("0 0 * * *", 25 * HOUR)]),
    ],
)
def test_window_that_never_opens_is_a_clear_error(window):
    with pytest.raises(WindowNeverOpensError, match="does not open between 2026-01-01 and 2035"):
        window.next_open(utc("2026-01-01T00:00"))


def test_rules_that_change_every_minute_are_an_error_rather_than_a_hang():
    window = DeploymentWindow(deny=[WindowRule("* * * * *", timedelta(minutes=1))])
    with pytest.raises(UndecidableWindowError, match="8000 times"):
        window.next_open(utc("2026-01-01T00:00"))
    assert DeploymentWindow(allow=[WindowRule("@hourly", 2 * HOUR)]).next_close(utc("2026-01-01T00:00")) is None


def test_rarest_date_is_found():
    window = DeploymentWindow(allow=[WindowRule("0 0 29 2 *", HOUR)])
    assert window.next_open(utc("2096-03-01T00:00")) == utc("2104-02-29T00:00")


def test_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        DeploymentWindow().is_open(datetime(2026, 1, 1))


def test_moments_of_any_zone_are_understood():
    tokyo = timezone(9 * HOUR)
    assert DeploymentWindow(allow=[MORNINGS]).is_open(datetime(2026, 11, 24, 18, 30, tzinfo=tokyo))


def test_plain_values_and_their_json_make_the_same_window():
    window = DeploymentWindow(allow=[MORNINGS], deny=[FREEZE])
    assert DeploymentWindow.from_dict(window.to_dict()) == window
    assert DeploymentWindow.from_dict(json.dumps(window.to_dict())) == DeploymentWindow.from_dict(str(window)) == window
    assert DeploymentWindow.from_dict({}) == DeploymentWindow()
    with pytest.raises(ValueError, match="allow and deny"):
        DeploymentWindow.from_dict({"allowed": []})
