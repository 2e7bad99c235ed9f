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
"""Airflow's console, adapted to fit tables to the terminal and print data literally."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import yaml
from airflow.cli.simple_table import AirflowConsole, SimpleTable
from rich.console import Console
from rich.measure import Measurement
from rich.syntax import Syntax
from rich.text import Text
from tabulate import tabulate

from airflow_providers_pinning.cli.wording import Row, say, visible, words

STYLES = {
    "healthy": "green",
    "degraded": "yellow",
    "broken": "bold red",
    "rejected": "red",
    "candidate": "cyan",
    "successful": "bold green",
    "progressing": "cyan",
    "failed": "bold red",
    "inconclusive": "yellow",
    "missing": "red",
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "✓": "bold green",
    "!": "bold yellow",
    "✗": "bold red",
}


FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""Names of hashes that lists abbreviate: their first characters identify them."""


SHORT_HASH = 10


STYLED = frozenset({"", "health", "state", "code", "verdict", "change"})
"""Columns and properties with colored keywords. Others contain user text."""


MANY_COLUMNS = 5
"""Tables with more columns hide some of them on a narrow terminal, and abbreviate hashes."""


LEAST_IMPORTANT = (
    "equals_rejected",
    "override_reason",
    "by",
    "bundle",
    "created_at",
    "head",
    "revision",
    "latest",
    "code",
    "pinned_at",
    "state_reason",
    "commit_message",
    "message",
    "author",
)
"""Columns that are hidden first, in this order, before others from the right."""


KEPT_COLUMNS = 4
"""Number of columns on the left that are never hidden."""


class PlainlyFailing(Console):
    """A console that raises on a broken pipe, for the caller to handle, rather than exiting with 1."""

    def on_broken_pipe(self) -> None:
        """Raise the error."""
        raise BrokenPipeError


class PinningConsole(PlainlyFailing, AirflowConsole):
    """Airflow's console, printing data literally: no markup, no control characters, no guessed numbers."""

    def print_as_json(self, data: Any) -> None:
        """Print JSON values as JSON."""
        self._print_for_programs(json.dumps(data), "json")

    def print_as_yaml(self, data: Any) -> None:
        """Print JSON values as YAML."""
        self._print_for_programs(_as_yaml(data), "yaml")

    def _print_for_programs(self, content: str, language: str) -> None:
        # Coloring thousands of entries takes a minute and a gigabyte.
        if self.is_terminal:
            self.print(Syntax(content, language, theme="ansi_dark"), soft_wrap=True)
        else:
            print(content)

    def print_as_table(self, data: list[dict]) -> None:
        """Print rows as a table."""
        if not data:
            super().print_as_table(data)
            return
        shown = self._columns_that_fit(data)
        if shown:
            self.print(self._table(data, shown))
        else:
            self._print_one_by_one(data)
        if shown and len(shown) < len(data[0]):
            left_out = ", ".join(column for column in data[0] if column not in shown)
            say(f"Columns hidden to fit the terminal: {left_out}. Use -o wide to show all.")

    def print_as_wide_table(self, data: list[dict]) -> None:
        """Print rows as a table with all columns in full width."""
        if not data:
            super().print_as_table(data)
            return
        wide = self._table(data, list(data[0]), shorten=False)
        self.width = max(self.width, Measurement.get(self, self.options.update(max_width=100_000), wide).maximum)
        self.print(wide)

    def _table(self, data: list[dict], columns: Sequence[str], *, shorten: bool = True) -> SimpleTable:
        table = SimpleTable(show_header=self.show_header)
        short = shorten and len(data[0]) > MANY_COLUMNS
        for column in columns:
            table.add_column(column)
        for row in data:
            table.add_row(*(_cell(name, _shortened(row[name]) if short else row[name], row) for name in columns))
        return table

    def _columns_that_fit(self, data: list[dict]) -> list[str]:
        """Return the columns to show; on a terminal too narrow for whole words, without the least important ones."""
        columns = list(data[0])
        if len(columns) <= MANY_COLUMNS:
            return columns
        for column in (*_dropped_first(columns), None):
            if self._least_width(self._table(data, columns)) <= self.width:
                return columns
            if column is not None:
                columns.remove(column)
        return []

    def _least_width(self, table: SimpleTable) -> int:
        """Return the minimum table width that breaks no word."""
        return Measurement.get(self, self.options.update(max_width=10_000), table).minimum

    def _print_one_by_one(self, data: list[dict]) -> None:
        """Print one line per value: on a very narrow terminal, columns of a few characters are unreadable."""
        for row in data:
            table = SimpleTable(show_header=False)
            table.add_column(no_wrap=True)
            table.add_column()
            for name, value in row.items():
                table.add_row(name, _cell(name, value, row))
            self.print(table)

    def print_as_plain_table(self, data: list[dict]) -> None:
        """Print rows as columns, one row per line."""
        if not data:
            super().print_as_plain_table(data)
            return
        rows = [[visible(words(value)) for value in row.values()] for row in data]
        print(tabulate(rows, tablefmt="plain", headers=list(data[0]), disable_numparse=True))


def _as_yaml(data: Any) -> str:
    try:
        return yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)).removesuffix("\n")
    except UnicodeEncodeError:
        # libyaml fails on unpaired surrogates, which a Dag's params may contain.
        return yaml.dump(data, Dumper=yaml.SafeDumper).removesuffix("\n")


def _dropped_first(columns: Sequence[str]) -> list[str]:
    """Return the columns that may be hidden, least important first."""
    known = [column for column in LEAST_IMPORTANT if column in columns[1:]]
    others = [column for column in reversed(columns[KEPT_COLUMNS:]) if column not in known]
    return [*known, *others]


def _shortened(value: Any) -> Any:
    """Return an abbreviated hash, or a time without seconds, for lists."""
    if isinstance(value, str) and FULL_HASH.fullmatch(value):
        return value[:SHORT_HASH]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value


def _cell(name: str, value: Any, row: Row) -> Text:
    parts = value if isinstance(value, (list, tuple)) else [value]
    text = "\n".join(visible(words(part)) for part in parts)
    label = row.get("property", name)
    return Text(text, style=STYLES.get(text, "") if label in STYLED else "")
