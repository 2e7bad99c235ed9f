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
"""What ``docs/airflow-versions.md`` says of the places that changed between two releases of Airflow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "airflow-versions.md"
SENTENCE = re.compile(r"^(\d+) of (\d+) places changed from (\S+) to (\S+)\.$")
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$")
CELL = re.compile(r"(?<!\\)\|")


@dataclass
class Comparison:
    """A sentence that counts, and the rows of the table below it."""

    sentence: str
    changed: int
    places: int
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Parameters, what is returned, and the body, by the name of the function."""


def comparisons() -> dict[tuple[str, str], Comparison]:
    """Return what the page says, by the two releases."""
    found: dict[tuple[str, str], Comparison] = {}
    current: Comparison | None = None
    for line in PAGE.read_text("utf-8").splitlines():
        if told := SENTENCE.match(line):
            changed, places, old, new = told.groups()
            current = found[old, new] = Comparison(line, int(changed), int(places))
        elif line.startswith("#"):
            current = None
        elif current and (row := ROW.match(line)):
            current.rows[row[1]] = cells(row[2])
    return found


def cells(row: str) -> tuple[str, ...]:
    """Return the first three cells after the name."""
    return tuple(cell.strip() for cell in CELL.split(row))[:3]
