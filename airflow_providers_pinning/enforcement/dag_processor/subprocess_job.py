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
A job that the dag processor runs in a separate process, one at a time.

It is a process because it may be slow and must not delay parsing, and because the dag processor forks, which is not
safe while a thread is alive.

Shown by ``tests/unit/enforcement/dag_processor/test_subprocess_job.py``.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time

log = logging.getLogger(__name__)

TIMEOUT = 600.0
"""Timeout in seconds; a hanging job must not block the next ones forever."""


class SubprocessJob:
    """
    A module that runs as a process.

    :param module: the module
    :param what: description for the log
    """

    def __init__(self, module: str, what: str) -> None:
        self._module = module
        self._what = what
        self._process: subprocess.Popen | None = None
        self._deadline = 0.0

    def is_running(self) -> bool:
        """Return whether the process is running; stop it if it exceeds its timeout."""
        if self._process is None or self._process.poll() is not None:
            return False
        if time.monotonic() < self._deadline:
            return True
        log.error("%s did not finish within %d seconds; stopping it", self._what, TIMEOUT)
        self._process.kill()
        self._process.wait()
        return False

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start the process."""
        self._deadline = time.monotonic() + TIMEOUT
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, *arguments],
            env={**os.environ, "_AIRFLOW_PROCESS_CONTEXT": "server"},
            stdin=subprocess.DEVNULL,
        )
        return self._process
