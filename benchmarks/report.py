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
"""What comes out: ratios with their budgets, as a table and as JSON."""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Ratio:
    """One figure: how many times longer something takes than what it is compared with."""

    what: str
    compared_with: str
    budget: float
    rounds: tuple[float, ...]
    """The ratio in each round."""
    unit: str
    seconds: tuple[float, float]
    """Seconds for one unit, of what is measured and of what it is compared with."""

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.rounds)

    @property
    def within(self) -> bool:
        """Whether it is within its budget."""
        return self.median <= self.budget


def ratio(what: str, compared_with: str, budget: float, pairs: list[tuple[float, float]], unit: str) -> Ratio:
    """
    Make a ratio of the seconds for one unit, measured and compared with, in each round.

    :param what: what is measured
    :param compared_with: what it is compared with
    :param budget: what it may be at most
    :param pairs: the two values of each round
    :param unit: what one unit is
    """
    return Ratio(
        what=what,
        compared_with=compared_with,
        budget=budget,
        rounds=tuple(measured / base for measured, base in pairs),
        unit=unit,
        seconds=(statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)),
    )


def show(ratios: list[Ratio], console: Console) -> None:
    """Print the table."""
    table = Table(title="Cost of pinning")
    table.add_column("Measured")
    table.add_column("Against")
    table.add_column("ms", justify="right")
    table.add_column("Per")
    table.add_column("Ratio", justify="right")
    table.add_column("Lowest to highest", justify="right")
    table.add_column("Budget", justify="right")
    for row in ratios:
        ours, base = (f"{seconds * 1000:.1f}" for seconds in row.seconds)
        table.add_row(
            row.what,
            row.compared_with,
            f"{ours} / {base}",
            row.unit,
            f"[{'green' if row.within else 'red'}]{row.median:.3f}",
            f"{min(row.rounds):.3f} to {max(row.rounds):.3f}",
            f"{row.budget:.2f}",
        )
    console.print(table)


def write(ratios: list[Ratio], path: Path, **facts: object) -> None:
    """Write everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "python": platform.python_version(),
                "machine": platform.machine(),
                **facts,
                "ratios": [{**asdict(row), "median": row.median, "within": row.within} for row in ratios],
            },
            indent=2,
        )
        + "\n"
    )
