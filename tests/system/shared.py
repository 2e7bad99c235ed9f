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
"""Deployments that several modules of tests share, as starting one takes half a minute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from demo.commands import airflow_command, free_port
from demo.deployment import BUNDLE, Deployment
from demo.processes import Component
from demo.promotion_run import PROMOTION_BUNDLE, connection
from demo.repository import DagRepository
from tests.support.postgres import Server, postgres
from tests.system.promotions import TARGET, deploy, pin, source, wait_for_dags

CANARIES = "canaries"
"""Bundle of Dags that cannot run just so: at their limit of runs, paused, broken or gone at HEAD."""
CANDIDATES = "candidates"
"""Bundle of Dags whose candidates something happens to."""
EXAMPLE_TARGETS = "example_targets"
"""Bundle of Dags that the examples act on."""
NOTIFIED = "notified"
"""Bundle of the example that rolls itself back."""

CELERY, GAPS, REPAIR, STALE_PARSE = "celery", "gaps", "repair", "stale_parse"
"""Bundles of the modules of tests with these names, in the deployment of the tests that need no other one."""

DAGS = {
    CANARIES: ("limited", "paused", "broken", "gone"),
    CANDIDATES: ("newer", "rewritten_in_soak", "rewritten_in_approval", "declined"),
    EXAMPLE_TARGETS: ("held", "held_failing", "approved", "unanswered", "unpinned", "rolled_back"),
}
"""Dags by bundle. A commit makes a new version of each Dag of its bundle."""

UNPINNED = ("held", "held_failing", "unpinned")

TOKEN_LIFE = 15
"""Seconds; shorter than what is waited for, so that tokens expire meanwhile."""
SHORT_TOKENS = {"api_auth": {"jwt_expiration_time": TOKEN_LIFE, "jwt_leeway": 0}}


@dataclass
class Shared:
    """A deployment, and what belongs to it."""

    airflow: Deployment
    server: Server
    """Its database server, for what no part of Airflow would do."""

    @property
    def brake(self) -> Path:
        """A file that the first version of the Dag ``limited`` waits for the end of."""
        return self.airflow.home / "brake"

    def commit_version(self, bundle: str, number: int, **changes: str | None) -> str:
        """
        Commit a version of each Dag of a bundle.

        :param bundle: the bundle
        :param number: number of the version
        :param changes: by Dag id what its file is instead; ``None`` deletes it
        :return: the commit
        """
        files = {f"{dag_id}.py": changes.get(dag_id, self.source(dag_id, number)) for dag_id in DAGS[bundle]}
        return self.repository(bundle).commit(files, f"Version {number}")

    def source(self, dag_id: str, number: int) -> str:
        """Return the file of a version of a Dag."""
        options = {
            "limited": {"limit": 1, "waits_for": self.brake if number == 1 else ""},
            "held_failing": {"fails": True},
        }
        return source(f"v{number}", dag_id, **options.get(dag_id, {}))

    def repository(self, bundle: str) -> DagRepository:
        """Return the repository of a bundle."""
        return self.airflow.repositories[bundle]

    def rewrite(self, dag_id: str, number: int) -> None:
        """Rewrite a version, as a host without the enforcement or somebody in the database may do it."""
        self.server.execute(
            f"UPDATE serialized_dag SET dag_hash = '{'0' * 32}' WHERE dag_version_id = (SELECT id FROM dag_version "
            f"WHERE dag_id = '{dag_id}' AND version_number = {number})",
            database="airflow",
        )


@contextmanager
def shared_deployment() -> Iterator[Shared]:
    """Start the deployment: everything is registered, and pinned to version 1, except what is :data:`UNPINNED`."""
    # Ten tasks at once are more than SQLite's one lock is made for.
    with (
        postgres() as server,
        Deployment(
            database_url=server.create_database("airflow"),
            bundles=(BUNDLE, PROMOTION_BUNDLE, *DAGS, NOTIFIED),
            users=("admin:admin", "viewer:viewer"),
            # Files that changed are parsed at once all the same.
            config={**SHORT_TOKENS, "dag_processor": {"min_file_process_interval": 10}},
            report=print,
        ) as airflow,
    ):
        shared = Shared(airflow, server)
        for bundle in DAGS:
            shared.commit_version(bundle, 1)
        secured = _secured_api_server(airflow)
        deploy(
            airflow,
            {
                "pinning_wrong": ("admin", "not the password"),
                "pinning_viewer": ("viewer", airflow.passwords["viewer"]),
            },
        )
        airflow.components[secured.name] = secured
        secured.start()
        wait_for_dags(airflow, *(dag_id for dag_ids in DAGS.values() for dag_id in dag_ids))
        for dag_id in {TARGET, *(dag_id for dag_ids in DAGS.values() for dag_id in dag_ids)}.difference(UNPINNED):
            pin(airflow, dag_id, 1)
        yield shared


def _secured_api_server(airflow: Deployment) -> Component:
    """
    Make certificates, the connections ``pinning_tls`` and ``pinning_untrusted``, and the API server for them.

    It runs beside the other one, shows a certificate of an authority that nobody knows, and demands one of clients.
    """
    authority, port, folder = trustme.CA(), free_port(), airflow.home
    authority.cert_pem.write_to_path(folder / "authority.pem")
    for name, issued_to in (("server", "127.0.0.1"), ("client", "releases@example.com")):
        certificate = authority.issue_cert(issued_to)
        certificate.private_key_pem.write_to_path(folder / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    fields = json.loads(connection(airflow)["AIRFLOW_CONN_PINNING_DEFAULT"]) | {"host": f"https://127.0.0.1:{port}"}
    of_client = {"cert": str(folder / "client.pem"), "key": str(folder / "client.key")}
    for conn_id, extra in (("tls", {"verify": str(folder / "authority.pem"), **of_client}), ("untrusted", of_client)):
        airflow.env[f"AIRFLOW_CONN_PINNING_{conn_id.upper()}"] = json.dumps({**fields, "extra": extra})
    command = ("api-server", "--port", str(port), "--ssl-cert-reqs", "required")
    files = {"--ssl-cert": "server.pem", "--ssl-key": "server.key", "--ssl-ca-file": "authority.pem"}
    options = [word for option, name in files.items() for word in (option, str(folder / name))]
    return Component(
        "secured-api-server",
        airflow_command(*command, *options),
        {**airflow.env},
        folder / "output" / "secured-api-server.log",
    )


def celery_environment(home: Path) -> dict[str, str]:
    """Return what Celery needs that has no server: its messages and results are files."""
    for folder in ("broker", "control", "results"):
        (home / "celery" / folder).mkdir(parents=True)
    folder = home / "celery"
    return {
        "AIRFLOW__CELERY__BROKER_URL": "filesystem://",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"file://{folder / 'results'}",
        "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__DATA_FOLDER_IN": str(folder / "broker"),
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__DATA_FOLDER_OUT": str(folder / "broker"),
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__CONTROL_FOLDER": str(folder / "control"),
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__POLLING_INTERVAL": "0.2",
    }
