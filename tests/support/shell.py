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
"""``airflow pinning`` in processes of its own, as a shell runs it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from demo.commands import airflow_command

TIMEOUT = 600.0


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote to stdout, which must be JSON and nothing else."""
        return json.loads(self.out)


class Shell:
    """
    Runs commands in a deployment.

    :param env: environment of the deployment's commands
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)

    def pinning(
        self, *arguments: object, typed: str | None = None, code: int = 0, stdout: int = subprocess.PIPE, **env: str
    ) -> Ended:
        """
        Run ``airflow pinning``, and check that whatever it says is fit to be read.

        :param arguments: the command and its arguments
        :param typed: what somebody types at the terminal; ``None`` means that there is none
        :param code: the exit code that is expected
        :param stdout: where its output goes, if it is not to be returned
        :param env: further variables of the environment
        """
        terminal, stdin = pty.openpty() if typed is not None else (None, os.open(os.devnull, os.O_RDONLY))
        try:
            if terminal is not None:
                os.write(terminal, (typed or "").encode())
            done = subprocess.run(
                airflow_command("pinning", *map(str, arguments)),
                env={**self._env, **env},
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
                check=False,
            )
        finally:
            for descriptor in (terminal, stdin):
                if descriptor is not None:
                    os.close(descriptor)
        ended = Ended(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())
        assert ended.code == code, ended
        assert "Traceback" not in ended.err, ended.err
        return ended

    @staticmethod
    def together(*commands: Callable[[], Ended]) -> list[Ended]:
        """Run commands that do not depend on each other two at a time, since each takes seconds to start."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda command: command(), commands))
