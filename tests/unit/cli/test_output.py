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
"""What people and versions say is shown literally, in every form."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
import yaml
from rich.text import Text

from airflow_providers_pinning.cli import output
from airflow_providers_pinning.cli.output import show, show_diff
from airflow_providers_pinning.cli.wording import properties, say, visible

HOSTILE = {
    "markup": "[bold red]x[/] [link=http://example.com]click[/link]",
    "unbalanced markup": "[/nothing] [",
    "emoji code": ":smile: :bomb:",
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "C1 control": "\x9b31mred",
    "overwriting": "good\rbad\b\b",
    "other lines": "one\ntwo\x0b\x0cthree\u2028four",
    "reordering": "\u202edrowssap\u2066",
    "hidden": "a\u200bb\ufeff",
    "tag characters": "a\U000e0041",
    "surrogate": "\udcff",
    "null": "\x00",
}


def controls(text):
    """Return the characters that a terminal would not just print."""
    return {c for c in text if not c.isprintable() and c != "\n"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
class TestHostileText:
    @pytest.mark.parametrize("form", ["table", "plain", "json", "yaml"])
    @pytest.mark.parametrize("on_terminal", [False, True], ids=["to a file", "to a terminal"])
    def test_is_shown_literally(self, text, form, on_terminal, capsys, monkeypatch):
        if on_terminal:
            # Colours of our own would be control characters too.
            monkeypatch.setenv("NO_COLOR", "1")
            monkeypatch.setenv("TERM", "dumb")
            monkeypatch.setattr("airflow.cli.simple_table.is_tty", lambda: True)
            monkeypatch.setattr(output.PinningConsole, "is_terminal", True)
        show(form, [{"reason": text}], [{"reason": text}])

        shown = capsys.readouterr().out
        assert controls(shown) == set()
        if form == "json":
            assert json.loads(shown) == [{"reason": text}]
        elif form in ("table", "plain"):
            assert visible(text) in shown

    def test_is_reported_literally_in_one_line(self, text, capsys):
        say(f"Refused: {text}")

        written = capsys.readouterr()
        assert controls(written.err) == set()
        assert (written.out, written.err.count("\n")) == ("", 1)

    def test_is_reported_in_colour_literally(self, text, capsys):
        output.say_styled(text, "yellow")

        assert capsys.readouterr().err == f"{visible(text)}\n"

    def test_stays_in_its_line_of_a_diff(self, text, capsys):
        show_diff(f"--- a\n+++ b\n+{text.replace(chr(10), ' ')}\n")

        shown = capsys.readouterr().out
        assert controls(shown) == set()
        assert shown.count("\n") == 3


@pytest.mark.parametrize(
    "text", ["Größe", "日本語", "🙂", "👩\u200d🔬", "\u0646\u0627\u0645\u0647\u200c\u0647\u0627", "a\u00a0b"]
)
def test_ordinary_text_of_any_script_is_left_as_it_is(text):
    assert visible(text) == text


@pytest.mark.parametrize("value", ["1e5", "0123", "123456789012345678901234567890", "1_000", "nan", "12e45678"])
@pytest.mark.parametrize("form", ["table", "plain"])
def test_what_looks_like_a_number_is_left_as_it_is(value, form, capsys):
    show(form, [], [{"bundle_version": value}])

    assert value in capsys.readouterr().out.split()


def test_programs_get_typed_values(capsys):
    data = [{"number": 1, "share": 0.5, "yes": True, "nothing": None, "nested": {"list": [1, "two"]}}]

    show("json", data, [])
    assert json.loads(capsys.readouterr().out) == data
    show("yaml", data, [])
    assert yaml.safe_load(capsys.readouterr().out) == data


def test_long_values_are_not_cut_or_wrapped_for_programs(capsys):
    data = [{"reason": "word " * 2000}]

    show("json", data, [])
    assert capsys.readouterr().out == f"{json.dumps(data)}\n"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_goes_to_a_program_is_not_coloured_first_which_takes_long_and_much_memory(form, capsys, monkeypatch):
    monkeypatch.setattr("airflow_providers_pinning.cli.console.Syntax", None)
    data = [{"reason": "Größe \x85 " * 50, "none": None, "half": "\udcff"}] * 2

    show(form, data, [])
    assert {"json": json.loads, "yaml": yaml.safe_load}[form](capsys.readouterr().out) == data


@pytest.mark.parametrize("form", ["table", "plain"])
def test_people_get_words(form, capsys):
    show(form, [], properties({"pinned": True, "latest": False, "hold": None, "runs": ["1 failed", "2 success"]}))

    lines = [line.split() for line in capsys.readouterr().out.replace("|", " ").splitlines()]
    assert ["pinned", "yes"] in lines
    assert ["latest", "no"] in lines
    assert ["hold"] in lines


@pytest.mark.parametrize(("form", "expected"), [("table", "No data found"), ("plain", "No data found"), ("json", "[]")])
def test_nothing_is_said_to_be_nothing(form, expected, capsys):
    show(form, [], [])

    assert capsys.readouterr().out.strip() == expected


def test_a_table_on_a_terminal_is_as_wide_as_it_and_shows_states_in_colour(monkeypatch):
    monkeypatch.setattr("airflow.cli.simple_table.is_tty", lambda: True)
    console = output.PinningConsole(width=60, force_terminal=True, color_system="standard", no_color=False)

    with console.capture() as captured:
        console.print_as_table([{"health": "broken", "reason": "broken " * 20}])
    lines = captured.get().splitlines()
    assert "\x1b[1;31mbroken" in lines[2]
    # What people wrote is not a state, though it reads like one.
    assert lines[2].count("\x1b[1;31m") == 1
    assert {len(Text.from_ansi(line).plain) for line in lines} == {60}


ROW = {
    "version": 5,
    "bundle": "team_dags",
    "bundle_version": "9" * 40,
    "active": True,
    "state": "rejected",
    "runs": ["12 failed", "184 success"],
    "created_at": datetime(2026, 11, 28, 3, 24, 5, tzinfo=timezone.utc),
    "state_reason": "Wrong totals",
}


def shown(width, monkeypatch, capsys, form="print_as_table"):
    monkeypatch.setattr("airflow.cli.simple_table.is_tty", lambda: True)
    console = output.PinningConsole(width=width)
    with console.capture() as captured:
        getattr(console, form)([ROW] * 2)
    return captured.get(), capsys.readouterr().err


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (60, {"version", "bundle_version", "active", "state"}),
        (80, {"version", "bundle_version", "active", "state", "runs", "state_reason"}),
        (200, set(ROW)),
    ],
)
def test_a_list_shows_what_matters_first_in_whole_words_and_says_what_it_leaves_out(
    width, columns, monkeypatch, capsys
):
    table, said = shown(width, monkeypatch, capsys)

    header = table.splitlines()[0].split()
    assert columns <= set(header)
    assert all(len(line) <= width for line in table.splitlines())
    assert "rejected" in table
    assert "9" * 10 in table and "9" * 11 not in table
    assert ("Use -o wide" in said) == (width < 200)


def test_a_wide_table_has_every_column_in_full(monkeypatch, capsys):
    table, said = shown(60, monkeypatch, capsys, "print_as_wide_table")

    assert set(table.splitlines()[0].split()) >= set(ROW)
    assert "9" * 40 in table
    assert said == ""
