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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Cost:
    """What something took."""

    seconds: float
    cpu: float | None = None
    """Seconds that were spent computing, in the measured process and in PostgreSQL's for it."""


@dataclass(frozen=True)
class Ratio:
    """One figure: how many times more something takes than what it is compared with."""

    what: str
    compared_with: str
    budget: float
    turns: tuple[float, ...]
    """The ratio of the time in each turn of all rounds."""
    cpu_turns: tuple[float, ...]
    """The ratio of the computing time in each turn, which other load on the machine hardly changes."""
    rounds: tuple[float, ...]
    """The median of the turns of each round."""
    unit: str
    seconds: tuple[float, float]
    """Seconds for one unit, of what is measured and of what it is compared with."""

    @property
    def median(self) -> float:
        """The figure that counts: of all turns, which says more than that of a few rounds' medians."""
        return statistics.median(self.turns)

    @property
    def cpu_median(self) -> float | None:
        """The same of the computing time, if it was taken."""
        return statistics.median(self.cpu_turns) if self.cpu_turns else None

    @property
    def within(self) -> bool:
        """Whether it is within its budget."""
        return self.median <= self.budget


Turns = tuple[Sequence[Cost], Sequence[Cost]]
"""The turns of a round: what was measured, and what was compared with it at about the same moment."""


def ratio(what: str, compared_with: str, budget: float, rounds: Sequence[Turns], unit: str, units: int = 1) -> Ratio:
    """
    Make a ratio of what each turn took.

    :param what: what is measured
    :param compared_with: what it is compared with
    :param budget: what it may be at most
    :param rounds: the turns of each round
    :param unit: what one unit is
    :param units: how many units a turn has
    """
    return Ratio(
        what=what,
        compared_with=compared_with,
        budget=budget,
        turns=tuple(ratio for turns in rounds for ratio in _ratios(turns, "seconds")),
        cpu_turns=tuple(ratio for turns in rounds if turns[0][0].cpu for ratio in _ratios(turns, "cpu")),
        rounds=tuple(statistics.median(_ratios(turns, "seconds")) for turns in rounds),
        unit=unit,
        seconds=(_median_seconds(rounds, 0) / units, _median_seconds(rounds, 1) / units),
    )


def _ratios(turns: Turns, of: str) -> list[float]:
    return [getattr(ours, of) / getattr(theirs, of) for ours, theirs in zip(*turns, strict=True)]


def _median_seconds(rounds: Sequence[Turns], side: int) -> float:
    return statistics.median(cost.seconds for turns in rounds for cost in turns[side])


def show(ratios: list[Ratio], console: Console) -> None:
    """Print the table."""
    table = Table(title="Cost of pinning: how many times more than what it is compared with")
    table.add_column("Measured")
    table.add_column("Against")
    table.add_column("Milliseconds", justify="right")
    for column in ("Time", "Lowest to highest", "CPU", "Budget"):
        table.add_column(column, justify="right")
    for row in ratios:
        ours, base = (f"{seconds * 1000:.1f}" for seconds in row.seconds)
        table.add_row(
            row.what,
            row.compared_with,
            f"{ours} / {base} a {row.unit}",
            f"[{'green' if row.within else 'red'}]{row.median:.3f}",
            f"{min(row.rounds):.3f} to {max(row.rounds):.3f}",
            f"{row.cpu_median:.3f}" if row.cpu_median else "",
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
                "ratios": [
                    {**asdict(row), "median": row.median, "cpu_median": row.cpu_median, "within": row.within}
                    for row in ratios
                ],
            },
            indent=2,
        )
        + "\n"
    )
