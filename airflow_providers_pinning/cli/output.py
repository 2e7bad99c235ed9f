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
"""Terminal output: data goes to stdout in Airflow's formats, everything else to stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress, TaskID, track
from rich.text import Text

from airflow_providers_pinning.cli.console import PinningConsole, PlainlyFailing
from airflow_providers_pinning.cli.wording import Row, visible

Item = TypeVar("Item")


DIFF_STYLES = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}
"""How lines of a diff start, and their colors."""


def show(output: str, data: Any, rows: Sequence[Row]) -> None:
    """
    Write the result of a command to stdout.

    :param output: ``table``, ``wide``, ``json``, ``yaml`` or ``plain``
    :param data: JSON values, for machine-readable formats
    :param rows: the same data as table rows
    """
    console = PinningConsole()
    if output == "json":
        console.print_as_json(data)
    elif output == "yaml":
        console.print_as_yaml(data)
    elif output == "plain":
        console.print_as_plain_table([dict(row) for row in rows])
    elif output == "wide":
        console.print_as_wide_table([dict(row) for row in rows])
    else:
        console.print_as_table([dict(row) for row in rows])


def with_progress(items: Sequence[Item], what: str) -> Iterable[Item]:
    """Iterate over items, with a progress bar on stderr if it is a terminal."""
    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Return a function that takes the number of items done and the total, and shows a progress bar on a terminal."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    tasks: list[TaskID] = []

    def tell(done: int, total: int) -> None:
        if not tasks:
            bar.start()
            tasks.append(bar.add_task(what, total=total))
        bar.update(tasks[0], completed=done, total=total)
        if done == total:
            bar.stop()

    try:
        yield tell
    finally:
        bar.stop()


def show_diff(diff: str) -> None:
    """Write a unified diff to stdout, in color if it is a terminal."""
    console = PinningConsole()
    for line in diff.removesuffix("\n").split("\n"):
        style = next((style for start, style in DIFF_STYLES.items() if line.startswith(start)), "")
        console.print(Text(visible(line.expandtabs(4)), style=style), soft_wrap=True)


def show_text(text: str) -> None:
    """Write lines to stdout, with control characters escaped."""
    console = PinningConsole()
    for line in text.split("\n"):
        console.print(Text(visible(line.expandtabs(4))), soft_wrap=True)


def say_styled(message: str, style: str) -> None:
    """Write a line to stderr, in color if it is a terminal."""
    PlainlyFailing(stderr=True).print(Text(visible(message), style=style), soft_wrap=True)
