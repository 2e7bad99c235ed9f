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
A real Airflow on this machine, with a local git repository as its versioned Dag bundle.

.. code-block:: python

    with Deployment() as airflow:
        airflow.repository.commit({"orders.py": "..."}, "First version")
        airflow.start()
        airflow.wait_until(lambda: airflow.database.versions("orders"), what="Dag orders is registered")
        airflow.pinning.put("/dags/orders/pin", {"version_number": 1, "reason": "tested"})

Everything lives in a temporary folder and on free ports, and has ended and is removed when the block is left.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from demo.commands import COMMANDS, airflow_command, free_port
from demo.database import Database
from demo.processes import Component, end, tail
from demo.repository import DagRepository
from demo.rest import RestClient
from demo.settings import Settings, airflow_settings, environment, merged
from demo.waiting import TIMEOUT, ComponentEndedError, healthy_components, wait_until

T = TypeVar("T")

BUNDLE = "team_dags"
"""Name of the Dag bundle, if no others are asked for."""

CLI_TIMEOUT = 600.0


class Deployment:
    """
    A deployment of Airflow, from its database to its processes.

    :param database_url: SQLAlchemy's URL of an empty database; SQLite in a temporary folder if not given
    :param bundles: names of the Dag bundles, each of which follows a git repository of its own
    :param follows: repositories of other deployments by the names of further bundles that follow them
    :param config: options of ``airflow.cfg`` that differ from :func:`demo.settings.airflow_settings`
    :param users: users as ``name:role``, the first of which makes the calls of :attr:`airflow` and :attr:`pinning`
    :param python: the Python whose Airflow runs; this one if not given
    :param report: called with a line of text whenever something went on
    """

    def __init__(
        self,
        *,
        database_url: str | None = None,
        bundles: Sequence[str] = (BUNDLE,),
        follows: Mapping[str, DagRepository] | None = None,
        config: Settings | None = None,
        users: Sequence[str] = ("admin:admin",),
        python: str = sys.executable,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._database_url = database_url
        self._bundles = tuple(bundles)
        self._follows = dict(follows or {})
        self._config = config or {}
        self._users = tuple(users)
        self.python = python
        self._report = report
        self._clients: dict[tuple[str, str], RestClient] = {}
        self.components: dict[str, Component] = {}

    def __enter__(self) -> Deployment:
        self.home = Path(tempfile.mkdtemp(prefix="pinning-airflow-"))
        try:
            self._prepare()
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        for folder in ("dags", "logs", "output"):
            (self.home / folder).mkdir()
        made = {name: DagRepository(self.home / "repositories" / name) for name in self._bundles}
        self.repositories = {**made, **self._follows}
        # SQLite's own five seconds of patience are too short for four processes that write on two cores.
        database_url = self._database_url or f"sqlite:///{self.home}/airflow.db?timeout=60"
        self.database = Database(database_url)
        self.passwords = {user.partition(":")[0]: secrets.token_urlsafe(12) for user in self._users}
        (self.home / "passwords.json").write_text(json.dumps(self.passwords))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = airflow_settings(
            home=self.home,
            port=port,
            database_url=database_url,
            repositories={name: repository.path for name, repository in self.repositories.items()},
            users=self._users,
        )
        self.env = environment(self.home, merged(settings, self._config))

    @property
    def repository(self) -> DagRepository:
        """The repository of the first bundle."""
        return self.repositories[self._bundles[0]]

    @property
    def username(self) -> str:
        """Name of the first user."""
        return next(iter(self.passwords))

    @property
    def airflow(self) -> RestClient:
        """Airflow's own REST API, as the first user."""
        return self.client("/api/v2")

    @property
    def pinning(self) -> RestClient:
        """The pinning REST API, as the first user."""
        return self.client("/pinning/api/v1")

    def client(self, prefix: str, username: str | None = None) -> RestClient:
        """
        Return a client for a REST API of the API server.

        :param prefix: path that the API is mounted at
        :param username: who makes the calls; the first user if not given
        """
        key = (prefix, username or self.username)
        if key not in self._clients:
            self._clients[key] = RestClient(self.url, prefix, key[1], self.passwords[key[1]])
        return self._clients[key]

    def migrate(self) -> None:
        """Create the tables of Airflow and of the pin store."""
        self._report("Creating the database (airflow db migrate)")
        self.cli("db", "migrate")

    def start(self, *names: str) -> None:
        """
        Create the tables, start components, and wait until they are healthy.

        :param names: which of :data:`~demo.commands.COMMANDS`; all of them if not given
        :raises ComponentEndedError: if one ends at once
        :raises TimeoutError: if one does not become healthy
        """
        self.migrate()
        chosen = names or tuple(COMMANDS)
        for name in chosen:
            self.start_component(name)
        self.wait_until_healthy(chosen)

    def start_component(self, name: str, *, env: Mapping[str, str] | None = None) -> Component:
        """
        Start one more process of a component, without waiting for it.

        :param name: one of :data:`~demo.commands.COMMANDS`
        :param env: additional environment variables
        :return: the process; a second one of a kind is named ``scheduler-2`` and so on
        """
        title = next(t for t in (name, *(f"{name}-{n}" for n in range(2, 100))) if t not in self.components)
        component = Component(
            title,
            airflow_command(*COMMANDS[name], python=self.python),
            {**self.env, **(env or {})},
            self.home / "output" / f"{title}.log",
        )
        self.components[title] = component
        self._report(f"Starting airflow {name}")
        component.start()
        return component

    def stop_component(self, title: str, *, grace: float = 10.0) -> None:
        """
        End one process and everything that it started.

        :param title: its name in :attr:`components`
        :param grace: seconds between SIGTERM and SIGKILL; 0 stands for a crash
        """
        end([self.components.pop(title)], grace=grace)

    def wait_until_healthy(self, names: Sequence[str] = tuple(COMMANDS), *, timeout: float = TIMEOUT) -> None:
        """Wait until Airflow's health endpoint finds the components healthy, and report each as it becomes so."""
        found: set[str] = set()

        def all_healthy() -> bool:
            for name in sorted((healthy_components(self.url) - found) & set(names)):
                self._report(f"{name} is healthy")
                found.add(name)
            return found.issuperset(names)

        self.wait_until(all_healthy, timeout=timeout, what=f"{', '.join(names)} are healthy")

    def cli(self, *arguments: str, check: bool = True, timeout: float = CLI_TIMEOUT) -> subprocess.CompletedProcess:
        """
        Run an ``airflow`` command in the deployment.

        :param arguments: the command, such as ``"dags", "trigger", "orders"``
        :param check: raise if it fails
        :param timeout: seconds
        :return: with its output as text
        :raises RuntimeError: with its output, if it fails
        """
        done = subprocess.run(
            airflow_command(*arguments, python=self.python),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(
                f"airflow {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n"
                f"{done.stderr[-4000:]}"
            )
        return done

    def task_log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """Return the text of a task's log, empty if there is none yet; what the task prints is in it."""
        folder = self.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        if map_index >= 0:
            folder /= f"map_index={map_index}"
        path = folder / f"attempt={try_number}.log"
        return path.read_text() if path.exists() else ""

    def wait_until(
        self,
        predicate: Callable[[], T],
        *,
        timeout: float = TIMEOUT,
        what: str = "the condition holds",
        every: float = 0.25,
    ) -> T:
        """
        Wait until a predicate returns something true, and return that; a long wait is reported.

        :param predicate: called again and again; refused connections and a locked database count as "not yet"
        :param timeout: seconds
        :param what: what is waited for, as a sentence; for the failure message
        :param every: seconds between the first two calls; see :data:`demo.waiting.SLOWEST`
        :raises TimeoutError: with the last value and :meth:`logs`
        :raises ComponentEndedError: if a component ended meanwhile
        """
        try:
            return wait_until(
                predicate,
                timeout=timeout,
                what=what,
                every=every,
                report=self._report,
                components=self.components.values(),
            )
        except (TimeoutError, ComponentEndedError) as error:
            raise type(error)(f"{error}\n{self.logs()}") from error

    def logs(self, lines: int = 15) -> str:
        """Return the ends of the logs of all components that were started, and of the newest task log."""
        paths = sorted((self.home / "output").glob("*.log"))
        tasks = sorted((self.home / "logs").glob("dag_id=*/**/*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(
            f"--- end of {path.relative_to(self.home)}\n{tail(path, lines)}" for path in [*paths, *tasks[-1:]]
        )

    def close(self) -> None:
        """End every process, and remove the folder with everything in it."""
        try:
            end(self.components.values(), grace=4.0)
        finally:
            self.components.clear()
            for client in self._clients.values():
                client.close()
            self.database.close()
            shutil.rmtree(self.home, ignore_errors=True)
