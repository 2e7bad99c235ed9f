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
"""A StatsD server: a socket that remembers what it is sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.patience import PATIENCE


class Statsd:
    """
    What was sent to the server.

    :param receiving: its socket
    """

    def __init__(self, receiving: socket.socket) -> None:
        self._socket = receiving
        self._lines: list[str] = []
        self.port: int = receiving.getsockname()[1]

    @property
    def configuration(self) -> dict[str, str]:
        """The environment with which Airflow sends its metrics here, tags included."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self.port),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        }

    def lines(self) -> list[str]:
        """Return what was sent about pins so far, in StatsD's own words."""
        while True:
            try:
                received = self._socket.recv(65_535).decode()
            except BlockingIOError:
                return self._lines
            self._lines += [line for line in received.splitlines() if line.startswith("airflow.pinning.")]

    def gauges(self) -> dict[str, float]:
        """Return the last value of each gauge."""
        sent = (line.removesuffix("|g").partition(":") for line in self.lines() if line.endswith("|g"))
        return {name.removeprefix("airflow."): float(value) for name, _, value in sent}

    def counted(self) -> list[str]:
        """Return the name of each counter as often as it was incremented, sorted."""
        sent = (line.removesuffix("|c").partition(":") for line in self.lines() if line.endswith("|c"))
        return sorted(name.removeprefix("airflow.") for name, _, value in sent for _ in range(int(value)))

    def wait_until(self, condition: Callable[[], bool], *, timeout: float = PATIENCE) -> None:
        """Wait for a condition on what was sent."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"it was sent only {self.lines()}"
            time.sleep(0.05)


@contextmanager
def statsd() -> Iterator[Statsd]:
    """Serve for the length of the block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiving:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiving.bind(("127.0.0.1", 0))
        receiving.setblocking(False)
        yield Statsd(receiving)


@contextmanager
def statsd_of_this_process(monkeypatch) -> Iterator[Statsd]:
    """Have this process send its metrics to a server for the length of the block."""
    from airflow.observability import stats

    from airflow_providers_pinning.domain.history import change_counters

    with statsd() as server:
        for name, value in server.configuration.items():
            monkeypatch.setenv(name, value)
        change_counters.initialize()
        try:
            yield server
        finally:
            monkeypatch.undo()
            from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger

            stats.initialize(factory=NoStatsLogger, export_legacy_names=True)
