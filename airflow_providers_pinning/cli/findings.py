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
"""What ``airflow pinning doctor`` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from airflow_providers_pinning.cli.causes import cause_of


class Status(str, Enum):
    """How bad a finding is."""

    OK = "ok"
    """As it should be."""
    WARNING = "warning"
    """Pins are honored, but someone should know."""
    FAILURE = "failure"
    """A pin is not honored, or would not be."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: str
    status: Status
    found: str
    remedy: str = ""
    """What to do about it; empty if nothing is to be done."""


Check = Callable[[], Iterable[Finding]]


def ok(check: str, found: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that someone should know of."""
    return Finding(check, Status.WARNING, found, remedy)


def failure(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that must be dealt with."""
    return Finding(check, Status.FAILURE, found, remedy)


def examine(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Make every check, whatever becomes of the others; one that cannot be made is a failure."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield failure(
                name,
                f"could not be checked: {cause_of(error)}",
                "Fix the other findings first, then run the doctor again.",
            )
