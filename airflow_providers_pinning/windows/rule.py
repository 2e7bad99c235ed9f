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
"""One rule of a deployment window: a time that comes again and again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from airflow_providers_pinning.windows.wall_time import moment_of, put_back, wall_time

NOT_FIXED = re.compile(r"(?i)(?<![a-z])[hr](?![a-z])")
"""Fields of croniter that mean another time in each process."""
OF_THE_HOST = frozenset({"localtime", "posixrules"})
"""Files in the folder of time zones that say which zone a host is in."""


@dataclass(frozen=True)
class WindowRule:
    """
    A span of time that begins whenever a cron expression matches.

    The expression is matched with a clock on the wall of the time zone; the duration is time that really passes.
    So a window from 22:00 that lasts eight hours ends at 05:00 or 07:00 in the nights in which the clock changes.
    A start that the clock shows twice counts once, the first time. A start that it skips is the moment at which
    the clock is put forward.

    :param cron: five fields, such as ``0 10 * * 2,4``, or an alias such as ``@daily``
    :param duration: how long it lasts; more than nothing
    :param timezone: IANA name, such as ``Europe/Berlin``
    :param name: what people call it
    """

    cron: str
    duration: timedelta
    timezone: str = "UTC"
    name: str | None = None

    def __post_init__(self) -> None:
        cron = self.cron.strip()
        fields = ["@"] if cron.startswith("@") else cron.split()
        if len(fields) not in (1, 5) or NOT_FIXED.search(cron) or not croniter.is_valid(cron):
            raise ValueError(f"{self.cron!r} is no cron expression with five fields.")
        if self.duration <= timedelta():
            raise ValueError(f"The duration of {self.label!r} must be more than nothing, not {self.duration}.")
        try:
            _ = self.zone
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{self.timezone!r} is no IANA time zone.") from error
        if self.timezone.lower() in OF_THE_HOST:
            raise ValueError(
                f"{self.timezone!r} is the time zone of the host, so it may be another one in each process. "
                "Name an IANA time zone, such as Europe/Berlin."
            )

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    @property
    def label(self) -> str:
        """How messages call the rule."""
        return self.name or f"{self.cron} {self.timezone}"

    def last_start(self, at: datetime) -> datetime | None:
        """Return the latest start at or before a moment."""
        shown = wall_time(at, self.zone).replace(microsecond=0) + put_back(at, self.zone)
        starts = croniter(self.cron, shown + timedelta(seconds=1))
        while True:
            try:
                start = moment_of(starts.get_prev(datetime), self.zone)
            except (CroniterBadDateError, OverflowError):
                return None
            if start <= at:
                return start

    def next_start(self, after: datetime) -> datetime | None:
        """Return the first start after a moment, or ``None`` if the expression never matches."""
        starts = croniter(self.cron, wall_time(after, self.zone) - timedelta(seconds=1))
        while True:
            try:
                start = moment_of(starts.get_next(datetime), self.zone)
            except (CroniterBadDateError, OverflowError):
                return None
            if start > after:
                return start

    def covers_until(self, at: datetime) -> datetime | None:
        """Return when the span that a moment is in ends, or ``None`` if it is in none. The end is outside."""
        start = self.last_start(at)
        end = start + self.duration if start else None
        return end if end and end > at else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the duration is in seconds."""
        values = {"cron": self.cron, "duration": self.duration.total_seconds(), "timezone": self.timezone}
        return {**values, "name": self.name} if self.name else values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WindowRule:
        """Make a rule of plain values; the duration is a number of seconds, which may be text, or a timedelta."""
        if unknown := set(values) - {"cron", "duration", "timezone", "name"}:
            raise ValueError(f"A window rule has no {', '.join(sorted(map(str, unknown)))}.")
        if "cron" not in values or "duration" not in values:
            raise ValueError(f"A window rule needs cron and duration, and has {dict(values)}.")
        duration = values["duration"]
        return cls(
            cron=str(values["cron"]),
            duration=duration if isinstance(duration, timedelta) else timedelta(seconds=float(duration)),
            timezone=str(values.get("timezone") or "UTC"),
            name=values.get("name") or None,
        )


def aware(moment: datetime) -> datetime:
    """
    Return a moment in UTC.

    :raises ValueError: if it has no time zone
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment} has no time zone, so it is no moment.")
    return moment.astimezone(timezone.utc)
