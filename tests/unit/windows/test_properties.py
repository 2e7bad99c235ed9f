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
"""Windows against an oracle that looks at every minute, in zones whose clocks change in different ways."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_providers_pinning.windows import DeploymentWindow, WindowNeverOpensError, WindowRule
from airflow_providers_pinning.windows.wall_time import moment_of

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata")
# A few days around each change of the clocks of these zones in 2026, and quiet ones.
DAYS = (datetime(2026, month, day, tzinfo=timezone.utc) for month, day in ((3, 8), (3, 29), (4, 4), (9, 5), (10, 25)))

profile = settings(max_examples=25, deadline=None, derandomize=True)


@pytest.fixture(autouse=True, scope="module")
def near_horizon():
    """Give up early: most windows of these tests open within days or never."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_providers_pinning.windows.window.HORIZON", timedelta(days=60))
        yield


moments = st.builds(
    lambda day, minutes, seconds: day + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(tuple(DAYS)),
    st.integers(-1440, 2 * 1440),
    st.sampled_from((0, 0, 0, 29.5)),
)


@st.composite
def rules(draw):
    minute = draw(st.sampled_from((0, 15, 30, 59)))
    hours = sorted(draw(st.sets(st.integers(0, 4) | st.integers(0, 23), min_size=1, max_size=4)))
    weekdays = sorted(draw(st.sets(st.integers(0, 6), min_size=1, max_size=7)))
    return WindowRule(
        f"{minute} {','.join(map(str, hours))} * * {','.join(map(str, weekdays))}",
        draw(st.integers(1, 300)) * MINUTE,
        draw(st.sampled_from(ZONES)),
    )


windows = st.builds(DeploymentWindow, st.lists(rules(), max_size=3), st.lists(rules(), max_size=3))


def matches(rule: WindowRule, wall: datetime) -> bool:
    minute, hours, _, _, weekdays = rule.cron.split()
    return (
        wall.minute == int(minute)
        and wall.hour in map(int, hours.split(","))
        and (wall.weekday() + 1) % 7 in map(int, weekdays.split(","))
    )


def starts_at(rule: WindowRule, moment: datetime) -> bool:
    """Look at the clock on the wall: does it show a start for the first time, or skip one just now?"""
    zone = ZoneInfo(rule.timezone)
    shown = moment.astimezone(zone)
    wall = shown.replace(tzinfo=None, fold=0)
    if shown.fold == 0 and matches(rule, wall):
        return True
    skipped = (moment - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0) + MINUTE
    while skipped < wall:
        if matches(rule, skipped):
            return True
        skipped += MINUTE
    return False


def covered(rule: WindowRule, at: datetime) -> bool:
    moment = at.replace(second=0, microsecond=0)
    while at < moment + rule.duration:
        if starts_at(rule, moment):
            return True
        moment -= MINUTE
    return False


def open_by_looking(window: DeploymentWindow, at: datetime) -> bool:
    allowed = not window.allow or any(covered(rule, at) for rule in window.allow)
    return allowed and not any(covered(rule, at) for rule in window.deny)


@profile
@given(windows, moments)
def test_open_is_what_every_minute_says(window, at):
    assert window.is_open(at) == open_by_looking(window, at)


@profile
@given(windows, moments)
def test_next_open_is_the_first_open_moment(window, at):
    try:
        opens = window.next_open(at)
    except WindowNeverOpensError:
        assume(False)
    assert opens >= at and open_by_looking(window, opens)
    assert window.next_open(opens) == opens
    for sample in range(1, 20):
        between = at + (opens - at) * sample / 20
        assert between == opens or not open_by_looking(window, between)


@profile
@given(windows, moments)
def test_next_close_is_the_first_closed_moment(window, at):
    closes = window.next_close(at)
    assume(closes is not None)
    assert closes >= at and not open_by_looking(window, closes)
    for sample in range(1, 20):
        between = at + (closes - at) * sample / 20
        assert between == closes or open_by_looking(window, between)


@profile
@given(windows)
def test_plain_values_make_the_same_window(window):
    assert DeploymentWindow.from_dict(window.to_dict()) == DeploymentWindow.from_dict(str(window)) == window


@profile
@given(st.sampled_from(ZONES), moments, moments)
def test_later_wall_time_never_means_an_earlier_moment(name, one, other):
    zone = ZoneInfo(name)
    first, second = sorted(moment.replace(tzinfo=None) for moment in (one, other))
    assert moment_of(first, zone) <= moment_of(second, zone)


@pytest.mark.parametrize("name", ZONES)
def test_every_moment_of_a_wall_shows_it_or_follows_a_skip(name):
    zone = ZoneInfo(name)
    wall = datetime(2026, 3, 1)
    while wall < datetime(2026, 11, 10):
        moment = moment_of(wall, zone)
        shown = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        assert shown == wall or (shown > wall and (moment - MINUTE).astimezone(zone).replace(tzinfo=None) < wall)
        wall += 15 * MINUTE
