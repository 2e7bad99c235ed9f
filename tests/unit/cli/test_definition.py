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
from __future__ import annotations

import re

import pytest
from airflow.cli.cli_parser import get_parser

from airflow_providers_pinning.cli.arguments import criteria, lists
from airflow_providers_pinning.cli.definition import EXIT_CODES, get_cli_commands
from airflow_providers_pinning.vocabulary import ExitCode, FailedTasks, PinOrder, RunKind
from tests.support.python import ROOT, answer_of

[GROUP] = get_cli_commands()
COMMANDS = {command.name: command for command in GROUP.subcommands if not hasattr(command, "subcommands")}
COMMANDS |= {
    f"{group.name} {command.name}": command
    for group in GROUP.subcommands
    for command in getattr(group, "subcommands", ())
}
CHANGES = {
    "pin",
    "unpin",
    "rollback",
    "release",
    "rollback-release",
    "apply",
    "reject",
    "restore",
    "repair",
    "acknowledge",
    "cancel",
    "ramp",
    "pause-ramp",
    "resume-ramp",
    "abort-ramp",
    "promote-ramp",
    "candidate",
    "canary",
    "hold",
    "set-criteria",
    "unhold",
    "freeze",
    "thaw",
    "record-evidence",
    "policy apply",
}
SHOWING = {
    "list",
    "inbox",
    "status",
    "failures",
    "releases",
    "pending",
    "versions",
    "replays",
    "wait",
    "soak",
    "criteria",
    "compare",
    "history",
    "doctor",
    "freezes",
    "evidence",
    "policy check",
    "policy diff",
    "policy show",
    "policy explain",
}
RAW = {"policy export", "export"}
"""They write one form."""


def options(command):
    return {flag for argument in command.args for flag in argument.flags}


def test_every_command_is_there():
    assert set(COMMANDS) == CHANGES | SHOWING | RAW


@pytest.mark.parametrize("name", sorted(CHANGES | SHOWING))
class TestEveryCommand:
    def test_explains_itself_and_its_exit_codes(self, name, capsys):
        with pytest.raises(SystemExit) as end:
            get_parser().parse_args(["pinning", *name.split(), "--help"])

        assert end.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert COMMANDS[name].help in shown
        assert "Exit codes: 0 done" in shown
        for argument in COMMANDS[name].args:
            assert argument.kwargs["help"].strip()

    def test_has_airflows_output_forms(self, name):
        assert {"-o", "--output", "-v", "--verbose"} <= options(COMMANDS[name])

    def test_does_something(self, name):
        from airflow._shared.module_loading import import_string

        import_path = COMMANDS[name].func.__closure__[0].cell_contents
        assert callable(import_string(import_path))

    def test_is_described_in_the_documentation(self, name):
        text = (ROOT / "docs" / "cli.md").read_text()
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]

        assert section
        common = {
            "-h",
            "-o",
            "--output",
            "-v",
            "--verbose",
            "-y",
            "--yes",
            "--dry-run",
            "--idempotency-key",
            "--actor",
            "dag_id",
        }
        for flag in options(COMMANDS[name]) - common:
            assert flag in section, flag


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_needs_a_reason_and_can_be_confirmed_and_rehearsed(name):
    assert {"--reason", "--yes", "--dry-run", "--idempotency-key"} <= options(COMMANDS[name])
    [reason] = [argument for argument in COMMANDS[name].args if "--reason" in argument.flags]
    assert reason.kwargs["required"]


@pytest.mark.parametrize(
    "line",
    [
        "pin orders -V 0 -r x",
        "pin orders -V one -r x",
        "pin orders -V 1 -r",
        "pin orders -V 1",
        "pin --match tags=a -r x",
        "pin orders -V 1 -r x -o xml",
        "pin orders --dag-version-id 7 -r x",
        "pin orders -V 1 -r x --expected-revision -1",
        "unpin orders --reason=",
        "canary orders -r x",
        "canary orders -V 1 -r x --count 0",
        "canary orders -V 1 -r x --count 101",
        "canary orders -V 1 -r x --conf []",
        "soak orders",
        "soak orders -V 1 --min-runs 0",
        "soak orders -V 1 --max-failures -1",
        "soak orders -V 1 --min-duration nan",
        "soak orders -V 1 --run-kinds manual",
        "soak orders -V 1 --since yesterday-ish",
        "list --order-by size",
        "list --limit 0",
        "list orders",
        "compare orders --from-version latest",
        "status",
        "doctor orders",
        "promote orders",
        "",
    ],
)
def test_what_is_not_understood_is_wrong_usage(line, capsys):
    with pytest.raises(SystemExit) as end:
        get_parser().parse_args(["pinning", *line.split()])

    assert end.value.code == ExitCode.USAGE
    written = capsys.readouterr()
    assert "error:" in written.err
    assert "Traceback" not in written.err


def test_choices_are_those_of_the_domain():
    assert set(criteria.RUN_KINDS) == {kind.value for kind in RunKind}
    assert list(criteria.FAILED_TASKS) == [meaning.value for meaning in FailedTasks]
    assert set(lists.ORDERS) == {order.value for order in PinOrder}


def test_every_exit_code_is_explained_where_people_look():
    in_help = {int(number) for number in re.findall(r"\b\d+\b", EXIT_CODES)}
    in_documentation = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)

    assert in_help == {int(number) for number in in_documentation} == set(ExitCode)


def test_the_definition_makes_no_airflow_command_slower():
    """It is imported by each of them, and must bring nothing with it but itself."""
    brought = answer_of("""
        import sys
        import airflow.cli.cli_config
        before = set(sys.modules)
        from airflow_providers_pinning.cli.definition import get_cli_commands
        get_cli_commands()
        answer = sorted(set(sys.modules) - before)
    """)

    light = ("airflow_providers_pinning.cli", "airflow_providers_pinning.vocabulary")
    assert {name for name in brought if not name.startswith(light)} <= {"airflow_providers_pinning", "uuid"}
    assert not any(name.startswith("airflow_providers_pinning.cli.commands") for name in brought)
