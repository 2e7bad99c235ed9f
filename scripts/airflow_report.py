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
"""
Tell what changed between two releases of Airflow at the places that the enforcement patches or calls.

``python -m scripts.airflow_report 3.3.2 3.4.0`` takes versions, which pip fetches into a temporary folder, or folders
of site-packages. Sources are parsed and compared without comments and docstrings; neither Airflow is imported.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from airflow_providers_pinning.patch_points import POINTS, PatchPoint, points_in
from scripts.airflow_compare import Change, compare, compare_at
from scripts.airflow_source import Source, SourceError

COLUMNS = ("Airflow's function", "Parameters", "Returns", "Body", "Patched by")
WIDTH_WITHOUT_TERMINAL = 160


def declared(source: Source) -> tuple[PatchPoint, ...]:
    """Return the places as declared for a source's release, or for the installed one if it does not tell its own."""
    release = re.match(r"(\d+)\.(\d+)\.", source.version)
    return points_in((int(release[1]), int(release[2]))) if release else POINTS


def changes_of(points: Iterable[PatchPoint], old: Source, new: Source) -> dict[str, Change]:
    """Return what changed, by place; a place with several patches stands there once."""
    by_place: dict[str, list[PatchPoint]] = {}
    for point in points:
        by_place.setdefault(point.place, []).append(point)
    return {place: compare_at(several, old, new) for place, several in by_place.items()}


def rows(changes: dict[str, Change], *, everything: bool) -> list[tuple[str, ...]]:
    """Return the rows of the table; those of places that did not change only if everything is wanted."""
    return [
        (change.name, change.parameters, change.returns, change.body, ", ".join(change.patches) or "only called")
        for change in changes.values()
        if everything or change.changed
    ]


def summary(changes: dict[str, Change], old: Source, new: Source) -> str:
    """Return how many places changed."""
    count = sum(change.changed for change in changes.values())
    return f"{count} of {len(changes)} places changed from {old.version} to {new.version}."


def markdown(table: list[tuple[str, ...]]) -> str:
    """Return a table for the documentation; names are code."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for name, *cells in table:
        shown = [f"`{name}`", *(cell.replace("|", "\\|") or "same" for cell in cells)]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def terminal(table: list[tuple[str, ...]]) -> Table:
    """Return a table for the terminal."""
    shown = Table(*COLUMNS, box=box.SIMPLE_HEAD)
    for row in table:
        shown.add_row(*(escape(cell.replace("`", "")) for cell in row))
    return shown


def main(arguments: list[str] | None = None) -> int:
    """Print the report and return the exit code."""
    parser = argparse.ArgumentParser(prog="airflow_report", description=__doc__.strip().splitlines()[0])
    parser.add_argument("old", metavar="FROM", help="a version of Airflow, or a folder of site-packages")
    parser.add_argument("new", metavar="TO", help="the same")
    parser.add_argument("--format", choices=("table", "markdown"), default="table")
    parser.add_argument("--all", action="store_true", help="show also what is the same in both")
    parser.add_argument(
        "--diff", metavar="NAME", help="print how the code of the places changed whose name contains this"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="airflow-report-") as folder:
        try:
            old, new = (Source.of(wanted, Path(folder)) for wanted in (options.old, options.new))
        except SourceError as error:
            print(error, file=sys.stderr)
            return 1
        if options.diff is not None:
            named = {point.place: point for point in declared(old) if options.diff in point.place}
            print("\n".join(compare(point.module, point.name, old, new).diff for point in named.values()))
            return 0
        changes = changes_of(declared(old), old, new)
        table = rows(changes, everything=options.all)
        if options.format == "markdown":
            print(markdown(table), summary(changes, old, new), sep="\n\n")
        else:
            console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
            console.print(terminal(table), summary(changes, old, new))
    return 0


if __name__ == "__main__":
    sys.exit(main())
