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
"""The value that says when changes may be released."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_providers_pinning.windows.rule import WindowRule, aware

HORIZON = timedelta(days=366 * 9)
"""How far is looked ahead. The rarest cron expression, 29 February, may be eight years away."""
MAX_STEPS = 8_000
"""How many starts and ends of rules are looked at on the way."""
MAX_LOOKS = 16_000
"""How often a rule is looked at on the way, about two seconds: as many as steps, where there are two rules."""


class WindowNeverOpensError(ValueError):
    """The rules leave no time at all."""


class UndecidableWindowError(ValueError):
    """The rules change so often that the answer was not found in reasonable time."""


class Effort:
    """
    Bounds what is spent on looking ahead, of one window or of several that are to be open together.

    :param looks: how often rules may be looked at
    """

    def __init__(self, looks: int = MAX_LOOKS) -> None:
        self._looks = self._left = looks

    def spend(self, looks: int) -> None:
        """
        Count what is looked at.

        :raises UndecidableWindowError: if it is too much
        """
        self._left -= looks
        if self._left < 0:
            raise UndecidableWindowError(f"Its rules were looked at {self._looks} times, which was not enough to tell.")


@dataclass(frozen=True)
class WindowState:
    """Whether a window is open, and why."""

    is_open: bool
    rule: WindowRule | None
    """The rule that decides; ``None`` if no rule applies."""
    message: str


@dataclass(frozen=True)
class DeploymentWindow:
    """
    When changes may be released: inside an allow rule, and outside of every deny rule.

    Deny beats allow. Without allow rules the window is open except when denied. Moments are aware datetimes;
    answers are in UTC. Starts are inside, ends are outside.

    :param allow: rules of which one must apply, if there are any
    :param deny: rules of which none may apply
    """

    allow: tuple[WindowRule, ...] = ()
    deny: tuple[WindowRule, ...] = ()

    def __init__(self, allow: Iterable[WindowRule] = (), deny: Iterable[WindowRule] = ()) -> None:
        object.__setattr__(self, "allow", tuple(allow))
        object.__setattr__(self, "deny", tuple(deny))

    def state(self, at: datetime) -> WindowState:
        """Return whether the window is open at a moment, and why."""
        at = aware(at)
        for rule in self.deny:
            if until := rule.covers_until(at):
                return WindowState(False, rule, f"closed: denied by {rule.label} until {until.isoformat()}")
        for rule in self.allow:
            if until := rule.covers_until(at):
                return WindowState(True, rule, f"open: allowed by {rule.label} until {until.isoformat()}")
        if self.allow:
            return WindowState(False, None, "closed: no allow rule applies")
        return WindowState(True, None, "open: no rule denies it")

    def is_open(self, at: datetime) -> bool:
        """Return whether changes may be released at a moment."""
        return self.state(at).is_open

    def reason(self, at: datetime) -> str:
        """Return in words why the window is open or closed."""
        return self.state(at).message

    def next_open(self, at: datetime, effort: Effort | None = None) -> datetime:
        """
        Return the first moment at or after the given one at which the window is open.

        :param at: from when on
        :param effort: what may be spent on looking ahead
        :raises WindowNeverOpensError: if there is none within nine years
        :raises UndecidableWindowError: if the rules change too often to tell
        """
        moment = start = aware(at)
        effort = effort or Effort()
        for _ in range(MAX_STEPS):
            effort.spend(len(self.deny) + len(self.allow))
            if moment - start > HORIZON:
                break
            if denied := [until for rule in self.deny if (until := rule.covers_until(moment))]:
                moment = max(denied)
            elif not self.allow or any(rule.covers_until(moment) for rule in self.allow):
                return moment
            elif starts := [begin for rule in self.allow if (begin := rule.next_start(moment))]:
                moment = min(starts)
            else:
                break
        else:
            raise UndecidableWindowError(f"Its rules begin or end more than {MAX_STEPS} times before it opens: {self}")
        raise WindowNeverOpensError(f"It does not open between {start.date()} and {(start + HORIZON).date()}: {self}")

    def next_close(self, at: datetime, effort: Effort | None = None) -> datetime | None:
        """
        Return the first moment at or after the given one at which the window is closed.

        ``None`` says that it stays open, for as far as the rules were looked at.

        :param at: from when on
        :param effort: what may be spent on looking ahead
        :raises UndecidableWindowError: if an effort was given, and is spent
        """
        moment = start = aware(at)
        for _ in range(MAX_STEPS // 10):
            if effort is not None:
                effort.spend(len(self.deny) + len(self.allow))
            if moment - start > HORIZON:
                return None
            if not self.is_open(moment):
                return moment
            denials = [begin for rule in self.deny if (begin := rule.next_start(moment))]
            ends = [until for rule in self.allow if (until := rule.covers_until(moment))]
            changes = [*([max(ends)] if ends else []), *([min(denials)] if denials else [])]
            if not changes:
                return None
            moment = min(changes)
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"allow": [rule.to_dict() for rule in self.allow], "deny": [rule.to_dict() for rule in self.deny]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | str) -> DeploymentWindow:
        """Make a window of what :meth:`to_dict` returned, or of its JSON text."""
        values = json.loads(values) if isinstance(values, str) else values
        if not isinstance(values, Mapping) or (set(values) - {"allow", "deny"}):
            raise ValueError(f"A deployment window has the keys allow and deny, unlike {values!r}.")
        return cls(
            allow=[WindowRule.from_dict(rule) for rule in values.get("allow") or ()],
            deny=[WindowRule.from_dict(rule) for rule in values.get("deny") or ()],
        )

    def __str__(self) -> str:
        return json.dumps(self.to_dict())


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(timezone.utc)
