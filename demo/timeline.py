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
"""What happened when, line by line, with what was checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table


@dataclass(frozen=True)
class Check:
    """One comparison."""

    what: str
    expected: Any
    found: Any
    passed: bool


@dataclass
class Step:
    """One step of the story."""

    title: str
    began: float
    """Seconds since the timeline began."""
    ended: float = 0.0
    checks: list[Check] = field(default_factory=list)
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return self.error is None and all(check.passed for check in self.checks)


class Timeline:
    """
    Prints the steps as they happen, and remembers them for the summary.

    :param console: where to print
    :param evidence: returns what helps to understand a failure, such as the ends of logs
    """

    def __init__(self, console: Console, evidence: Callable[[], str]) -> None:
        self._console = console
        self._evidence = evidence
        self._began = time.monotonic()
        self.steps: list[Step] = []

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return all(step.passed for step in self.steps)

    def note(self, text: str) -> None:
        """Print that something went on."""
        self._print(f"[dim]{self._clock()}   · {escape(text)}[/dim]")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """
        Print a step's title, run the block, and print its evidence if something went wrong.

        What the block raises is noted as the step's error and raised again.
        """
        step = Step(title, began=self._elapsed())
        self.steps.append(step)
        self._print(f"[bold]{self._clock()} {len(self.steps):>2}. {escape(title)}[/bold]")
        try:
            yield step
        except Exception as error:
            step.error = str(error) or type(error).__name__
            self._print(f"           [bold red]✗ {escape(step.error)}[/bold red]")
            raise
        finally:
            step.ended = self._elapsed()
            if not step.passed and step.error is None:
                self._print(escape(self._evidence()))

    def check(self, what: str, found: Any, expected: Any, *, passed: bool | None = None) -> bool:
        """
        Compare something, and print what was compared with what.

        :param what: what is compared, and where it stands
        :param found: the value found
        :param expected: the value expected, or what it has to be like
        :param passed: the outcome, where it is not equality
        :return: the outcome
        """
        check = Check(what, expected, found, found == expected if passed is None else passed)
        self.steps[-1].checks.append(check)
        if check.passed:
            wanted = "" if found == expected else f" [dim](expected: {escape(str(expected))})[/dim]"
            self._print(f"           [green]✓[/green] {escape(what)}: [cyan]{escape(str(found))}[/cyan]{wanted}")
        else:
            self._print(
                f"           [bold red]✗ {escape(what)}: found {escape(str(found))}, "
                f"expected {escape(str(expected))}[/bold red]"
            )
        return check.passed

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something is waited for, on a terminal; elsewhere the notes have to do."""
        with self._console.status(f"[dim]{escape(text)}[/dim]"):
            yield

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows below what was checked."""
        table = Table(*headers, pad_edge=False)
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self._console.print(Padding(table, (0, 0, 0, 11)))

    def summarize(self) -> None:
        """Print all steps as a table."""
        table = Table(title="Summary", title_justify="left", title_style="bold", pad_edge=False)
        for header in ("at", "step", "took", "checks"):
            table.add_column(header, justify="right" if header in ("at", "took") else "left", no_wrap=header != "step")
        for step in self.steps:
            good = sum(check.passed for check in step.checks)
            outcome = f"{good} of {len(step.checks)}{'' if step.error is None else ', then an error'}"
            table.add_row(
                f"{step.began:.0f} s",
                escape(step.title),
                f"{step.ended - step.began:.0f} s",
                f"[green]✓ {outcome}[/green]" if step.passed else f"[bold red]✗ {outcome}[/bold red]",
            )
        self._console.print(table)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _clock(self) -> str:
        return f"{self._elapsed():6.1f} s"

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)
