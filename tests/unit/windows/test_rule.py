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

import pickle
import zoneinfo
from datetime import datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from airflow_providers_pinning.windows import WindowRule

HOUR = timedelta(hours=1)
BERLIN, LORD_HOWE, APIA = "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28T00:00", "2026-03-28T01:30"),  # the day before: 02:30 in winter time
        ("2026-03-28T12:00", "2026-03-29T01:00"),  # skipped: the moment at which the clock is put forward
        ("2026-03-29T01:00", "2026-03-30T00:30"),  # and not once more
        ("2026-10-24T12:00", "2026-10-25T00:30"),  # shown twice: the first time
        ("2026-10-25T00:30", "2026-10-26T01:30"),
        ("2026-10-25T00:45", "2026-10-26T01:30"),  # the second 02:30 is no start
    ],
)
def test_starts_over_a_change_of_the_clock(after, expected):
    assert WindowRule("30 2 * * *", HOUR, BERLIN).next_start(utc(after)) == utc(expected)


def test_change_of_half_an_hour_and_a_day_that_does_not_exist():
    # Lord Howe: 02:00 becomes 02:30 on 4 October 2026, and 02:00 becomes 01:30 on 5 April 2026.
    rule = WindowRule("15 2 * * *", HOUR, LORD_HOWE)
    assert rule.next_start(utc("2026-10-03T00:00")) == utc("2026-10-03T15:30")
    assert WindowRule("45 1 * * *", HOUR, LORD_HOWE).last_start(utc("2026-04-04T15:20")) == utc("2026-04-04T14:45")
    # Apia had no 30 December 2011.
    assert WindowRule("0 12 30 12 *", HOUR, APIA).next_start(utc("2011-12-29T00:00")) == utc("2011-12-30T10:00")


def test_duration_is_time_that_really_passes():
    night = WindowRule("0 22 * * *", 8 * HOUR, BERLIN)
    assert night.covers_until(utc("2026-03-29T02:00")) == utc("2026-03-29T05:00")  # 07:00 on the wall
    assert night.covers_until(utc("2026-10-25T02:00")) == utc("2026-10-25T04:00")  # 05:00 on the wall


def test_start_is_inside_and_end_is_outside():
    rule = WindowRule("0 10 * * *", HOUR)
    assert rule.covers_until(utc("2026-01-01T09:59:59.999999")) is None
    assert rule.covers_until(utc("2026-01-01T10:00")) == utc("2026-01-01T11:00")
    assert rule.covers_until(utc("2026-01-01T10:59:59.999999")) == utc("2026-01-01T11:00")
    assert rule.covers_until(utc("2026-01-01T11:00")) is None


def test_last_day_of_the_month():
    rule = WindowRule("0 0 L * *", 24 * HOUR)
    assert rule.next_start(utc("2028-02-01T00:00")) == utc("2028-02-29T00:00")
    assert rule.covers_until(utc("2026-02-28T12:00")) == utc("2026-03-01T00:00")


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "* * * * * *", "61 * * * *", "R * * * *", "H(0-5) * * * *", "daily", "@never"]
)
def test_expression_that_is_no_fixed_time_is_refused(cron):
    with pytest.raises(ValueError, match="no cron expression"):
        WindowRule(cron, HOUR)


@pytest.mark.parametrize("cron", ["@daily", "0 10 * * TUE,THU", "0 10 * MAR FRI", " */5 9-17 * * 1-5 "])
def test_names_of_days_and_months_are_understood(cron):
    assert WindowRule(cron, HOUR).next_start(utc("2026-01-01T00:00"))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "CET+1"])
def test_unknown_time_zone_is_refused(zone):
    with pytest.raises(ValueError, match="no IANA time zone"):
        WindowRule("0 0 * * *", HOUR, zone)


@pytest.mark.parametrize("zone", ["localtime", "posixrules"])
def test_time_zone_of_the_host_is_refused(zone, tmp_path):
    before = zoneinfo.TZPATH
    (tmp_path / zone).write_bytes(resources.files("tzdata.zoneinfo").joinpath("UTC").read_bytes())
    zoneinfo.reset_tzpath([tmp_path, *before])
    try:
        with pytest.raises(ValueError, match="Name an IANA time zone"):
            WindowRule("0 0 * * *", HOUR, zone)
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


def test_duration_must_be_more_than_nothing():
    with pytest.raises(ValueError, match="more than nothing"):
        WindowRule("0 0 * * *", timedelta())


def test_expression_that_never_matches_has_no_start():
    rule = WindowRule("0 0 30 2 *", HOUR)
    assert rule.next_start(utc("2026-01-01T00:00")) is None
    assert rule.last_start(utc("2026-01-01T00:00")) is None


def test_plain_values_make_the_same_rule():
    rule = WindowRule("0 10 * * *", 1.5 * HOUR, BERLIN, "mornings")
    assert WindowRule.from_dict(rule.to_dict()) == rule == pickle.loads(pickle.dumps(rule))
    assert (
        WindowRule.from_dict({"cron": "0 10 * * *", "duration": "5400", "timezone": BERLIN, "name": "mornings"}) == rule
    )
    assert WindowRule.from_dict({"cron": "0 10 * * *", "duration": HOUR}).timezone == "UTC"


@pytest.mark.parametrize(
    "values", [{"cron": "@daily"}, {"duration": 1}, {"cron": "@daily", "duration": 1, "tz": "UTC"}]
)
def test_incomplete_or_unknown_values_are_refused(values):
    with pytest.raises(ValueError, match="window rule"):
        WindowRule.from_dict(values)
