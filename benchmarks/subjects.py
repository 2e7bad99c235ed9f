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
"""The measuring side of a subject: start its process, give it databases, send it commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgres import Server

ROOT = Path(__file__).parents[1]


class SubjectError(RuntimeError):
    """A subject's process ended or answered nonsense."""


class Subject:
    """
    A process and its database.

    :param name: what the tables call it; its database has the same name
    :param process: the process
    :param server: where its database is
    :param log: where its messages are
    """

    def __init__(self, name: str, process: subprocess.Popen, server: Server, log: Path) -> None:
        self.name = name
        self._process = process
        self._server = server
        self._log = log

    def do(self, command: str, **parameters: Any) -> Any:
        """
        Run a command of :class:`benchmarks.worker.Subject` and return its answer.

        :raises SubjectError: with what the process printed last, if it does not answer
        """
        try:
            print(json.dumps({"do": command, **parameters}), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise SubjectError(f"{self.name} failed at {command}:\n{self._log.read_text()[-4000:]}") from error

    def reset(self, template: str) -> None:
        """Replace the subject's database by a copy of the template."""
        self.do("disconnect")
        self._server.create_database(self.name, template=template)

    def save(self, template: str) -> None:
        """Keep the subject's database as a template, with the statistics that the planner needs."""
        self.do("disconnect")
        self._server.execute("VACUUM ANALYZE", database=self.name)
        self._server.create_database(template, template=self.name)


@contextmanager
def subject(name: str, *, stock: bool, server: Server, home: Path) -> Iterator[Subject]:
    """Run a subject for the length of the block."""
    url = server.create_database(name)
    log = home / f"{name}.log"
    with log.open("w") as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", "stock" if stock else "ours", str(home / "dags")],
            env=environment(home / name, url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            cwd=ROOT,
        )
    try:
        yield Subject(name, process, server, log)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Stage:
    """Where subjects are started, anew for each round: a process is faster or slower than another by chance."""

    server: Server
    home: Path

    @contextmanager
    def subjects(self, names: Iterable[str]) -> Iterator[list[Subject]]:
        """Run one subject for each name for the length of the block; those named ``stock…`` are stock Airflow."""
        with ExitStack() as stack:
            # They start at the same time: none is waited for before its first command.
            yield [
                stack.enter_context(subject(name, stock=name.startswith("stock"), server=self.server, home=self.home))
                for name in names
            ]


def environment(home: Path, url: str) -> dict[str, str]:
    """Return the environment of an Airflow process with a home and a database of its own."""
    home.mkdir(exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))},
        "PYTHONHASHSEED": "0",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": "0",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home.parent / "dags"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "0123456789abcdef" * 4,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
