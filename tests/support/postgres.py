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
A PostgreSQL server of one's own, for the tests and the benchmarks.

It lives in a temporary folder, listens on a spare port of the loopback interface, and is gone with its
data when the block ends. Nothing here imports Airflow, whose database is chosen when it is imported.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

SUPERUSER = "pinning"

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "statement_timeout": "300s",
}
"""
Durability is of no use to a server that is thrown away, and only adds noise to timings. So does autovacuum; and what it
notes of a table that the last test emptied makes plans that suit no table with rows. A statement that takes minutes is
a failure, which a hanging test would not tell.
"""

START_TIMEOUT = 300.0


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    def url(self, database: str) -> str:
        """Return what Airflow's ``sql_alchemy_conn`` needs to use a database of this server."""
        return f"postgresql+psycopg2://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple]:
        """Run one statement outside a transaction and return its rows, if it has any."""
        with closing(_connect(self.port, database)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """
        Create a database anew, if need be over an old one, and return its URL.

        :param name: what to call it
        :param template: the database to copy; nobody may be connected to it
        """
        self.drop_database(name)
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, if there is one, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def deadlocks(self, database: str) -> int:
        """Return how many deadlocks the server found in a database so far."""
        [(count,)] = self.execute(
            f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'",
        )
        return count


@contextmanager
def postgres(**settings: str) -> Iterator[Server]:
    """
    Run a server for the length of the block.

    :param settings: server settings, beside :data:`SETTINGS`
    """
    folder = Path(tempfile.mkdtemp(prefix="pinning-pg-"))
    identity = _owner()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    try:
        data = folder / "data"
        subprocess.run(
            [_binary("initdb"), "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **identity,
        )
        with _running(folder, {**SETTINGS, **settings}, identity) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(folder: Path, settings: dict[str, str], identity: dict) -> Iterator[Server]:
    port = spare_port()
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(_binary("postgres"), "-D", folder / "data", "-k", folder, "-p", str(port)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
            **identity,
        )
    try:
        _wait_until_ready(process, port, log)
        yield Server(port)
    finally:
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=120)


def _wait_until_ready(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None:
        try:
            _connect(port, "postgres").close()
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start on port {port}:\n{log.read_text(errors='replace')}")


def _connect(port: int, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(host="127.0.0.1", port=port, user=SUPERUSER, dbname=database)


def spare_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _owner() -> dict:
    """Return who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binary(name: str) -> str:
    if found := shutil.which(name):
        return found
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3].partition(".")[0])
    )
    if not installed:
        raise RuntimeError(f"PostgreSQL's {name} was not found: install the server, for instance with `make postgres`.")
    return str(installed[-1])
