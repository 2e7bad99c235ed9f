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
"""Wall time of a time zone, and the moments it stands for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MAX_FOLD = timedelta(hours=3)
"""No clock of our time is put back further."""


def wall_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock on the wall shows at a moment, without a time zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def put_back(moment: datetime, zone: ZoneInfo) -> timedelta:
    """Return by how much later times a clock on the wall may have shown already, because it was put back since."""
    before = (moment - MAX_FOLD).astimezone(zone).utcoffset() or timedelta()
    return max(before - (moment.astimezone(zone).utcoffset() or timedelta()), timedelta())


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """
    Return the moment, in UTC, at which a clock on the wall first shows a time.

    A time that is shown twice, when the clock is put back, means the first time. A time that is never shown,
    when the clock is put forward, means the moment at which it is put forward. So a later wall time never means an
    earlier moment.
    """
    before = wall.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
    if wall_time(before, zone) == wall:
        return before
    return _clock_change(wall, before, zone)


def _clock_change(wall: datetime, latest: datetime, zone: ZoneInfo) -> datetime:
    """Find by halving the moment at which the clock is put forward over a wall time."""
    early = wall.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
    offset = early.astimezone(zone).utcoffset()
    late = latest
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late
