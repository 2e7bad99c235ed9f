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
"""Values that the command line accepts. Their limits are those of the REST API."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from airflow_providers_pinning.vocabulary import MAX_ID, MAX_INTEGER, MAX_REASON, MAX_SECONDS

T = TypeVar("T")
Number = TypeVar("Number", int, float)


class OneValue(argparse.Action):
    """Action for an option with two names: it refuses two values, where argparse would use the last one."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Store the value."""
        before = getattr(namespace, self.dest, None)
        if before is not None and before != values:
            raise argparse.ArgumentError(self, f"is given twice, as {before:g} and {values:g}; use only one")
        setattr(namespace, self.dest, values)


def words(of: type[Enum]) -> tuple[str, ...]:
    """Return the values of an enum as choices."""
    return tuple(member.value for member in of)


def text(longest: int) -> Callable[[str], str]:
    """Return a type for text that is not blank."""

    def parse(value: str) -> str:
        value = value.strip()
        if not 1 <= len(value) <= longest:
            raise argparse.ArgumentTypeError(f"must have 1 to {longest} characters, not {len(value)}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise argparse.ArgumentTypeError(f"{value!r} cannot be decoded with the terminal's encoding") from None
        return _storable(value, value)

    return parse


def step(value: str) -> Any:
    """Parse a step of a ramp, such as ``10%:6``, ``50%:1d`` or ``0.5:6:12h``."""
    # Imported late, because every ``airflow`` command imports this module.
    from pydantic import ValidationError

    from airflow_providers_pinning.domain.ramp_steps import Step
    from airflow_providers_pinning.schemas.ramps import StepBody

    share, *rest = value.split(":")
    try:
        given: dict[str, Any] = {"share": float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)}
        for part in rest:
            given["runs" if part.isdigit() else "duration"] = int(part) if part.isdigit() else part
        if len(given) != 1 + len(rest):
            raise ValueError
        checked = StepBody.model_validate(given)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{value!r}: {error.errors()[0]['msg']}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a step; write it as 10%:6, 50%:1d or 50%:6:12h") from None
    return Step.from_dict(checked.model_dump())


def whole_number(least: int, most: int = MAX_INTEGER) -> Callable[[str], int]:
    """Return a type for integers within inclusive limits."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None
        return _within(number, least, most)

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a type for numbers within inclusive limits."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
        return _within(parsed, least, most)

    return parse


def moment(value: str) -> datetime:
    """Parse a time, in UTC if it has no time zone."""
    from airflow._shared.timezones.timezone import parse

    try:
        return parse(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a time like 2026-01-31T12:00:00+00:00") from None


seconds = number(0, MAX_SECONDS)
reason = text(MAX_REASON)
name = text(MAX_ID)


def substitute(value: str) -> tuple[str, str]:
    """Parse two names; the second is the substitute for the first."""
    replaced, separator, instead = value.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{value!r} does not have the form NAME=SUBSTITUTE")
    return name(replaced), name(instead)


KINDS = ("tag", "bundle", "owner", "dag-id")
"""What ``--match`` can compare."""


def condition(value: str) -> tuple[str, str]:
    """Parse a condition on Dags, as its kind and value."""
    kind, separator, wanted = value.partition("=")
    if not separator or kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{value!r} does not have the form KIND=VALUE with one of {', '.join(KINDS)}")
    return kind, name(wanted)


def identifier(value: str) -> UUID:
    """Parse the ID of a Dag version."""
    try:
        return UUID(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a UUID") from None


def json_object(value: str) -> dict[str, Any]:
    """Parse the conf of a run."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{value!r} is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise argparse.ArgumentTypeError(f"{value!r} is JSON, but not an object such as {{}}")
    return _storable(parsed, value)


def _storable(parsed: T, given: str) -> T:
    # Imported late, because every airflow command imports the definition of the commands.
    from airflow_providers_pinning.domain.json_limits import why_not_storable

    if why := why_not_storable(parsed):
        raise argparse.ArgumentTypeError(f"{given!r} {why}, so it cannot be stored")
    return parsed


def _within(value: Number, least: float, most: float) -> Number:
    # This form also refuses NaN, which compares false with everything.
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
    return value
