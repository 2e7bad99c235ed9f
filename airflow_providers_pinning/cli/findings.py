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
"""Findings of ``airflow pinning doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from airflow_providers_pinning.cli.causes import cause_of


class Status(str, Enum):
    """Severity of a finding."""

    OK = "ok"
    """Everything is fine."""
    WARNING = "warning"
    """Pins are enforced, but someone should take a look."""
    FAILURE = "failure"
    """A pin is not enforced, or would not be."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: str
    status: Status
    found: str
    remedy: str = ""
    """Remedy; empty if there is nothing to do."""


Check = Callable[[], Iterable[Finding]]


def ok(check: str, found: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Return a warning."""
    return Finding(check, Status.WARNING, found, remedy)


def failure(check: str, found: str, remedy: str) -> Finding:
    """Return a failure."""
    return Finding(check, Status.FAILURE, found, remedy)


def examine(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Run every check, even if others fail. A check that raises is a failure."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield failure(
                name,
                f"could not be checked: {cause_of(error)}",
                "Fix the other findings first, then run the doctor again.",
            )
