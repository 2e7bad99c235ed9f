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
"""``airflow pinning`` in the process of the tests, from the parser on."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote to stdout, which must be JSON and nothing else."""
        return json.loads(self.out)

    @property
    def table(self) -> dict[str, str]:
        """The properties that it wrote to stdout."""
        cells = [line.split(" | ", 1) for line in self.out.splitlines() if " | " in line]
        return {name.strip(): value.strip() for name, value in cells if name.strip()}


class Terminal(io.StringIO):
    """A standard input at which somebody sits, and types these lines."""

    def isatty(self) -> bool:
        return True


class Cli:
    """
    Runs commands.

    :param capsys: pytest's
    :param monkeypatch: pytest's
    """

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: object, typed: str | None = None) -> Outcome:
        """
        Run ``airflow pinning`` with arguments.

        :param typed: what somebody types at the terminal; ``None`` means that there is none
        """
        from airflow.cli.cli_parser import get_parser

        self._capsys.readouterr()
        with self._monkeypatch.context() as patched:
            patched.setattr("sys.stdin", io.StringIO() if typed is None else Terminal(typed))
            try:
                args = get_parser().parse_args(["pinning", *map(str, arguments)])
                args.func(args)
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        written = self._capsys.readouterr()
        return Outcome(code, written.out, written.err)
