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
"""Checks of the deployment, based on what its components write to the database."""

from __future__ import annotations

from collections.abc import Iterator

from airflow.configuration import conf
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from airflow_providers_pinning import __version__
from airflow_providers_pinning.cli.causes import CHECK_CONNECTION, cause_of
from airflow_providers_pinning.cli.findings import Finding, failure, ok, warning
from airflow_providers_pinning.db_manager import PinningDBManager
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.monitoring.attestation import ComponentHealth

COMPONENTS = {
    "scheduler": "no runs are created",
    "dag_processor": "no new versions are registered, and code is not checked",
    "triggerer": "deferred tasks, such as deferrable sensors and operators, do not resume",
    "api_server": "pins have no UI and no REST API. An API server without the package leaves no trace",
}
"""Components that a deployment needs, and what happens without them."""


def check_database() -> Iterator[Finding]:
    """Return whether the database is reachable, which most other checks need."""
    try:
        with create_session(scoped=False) as session:
            session.execute(select(1))
    except DBAPIError as error:
        yield failure("database", f"is not reachable: {cause_of(error)}", f"{CHECK_CONNECTION}.")
    else:
        yield ok("database", "is reachable")


def check_tables() -> Iterator[Finding]:
    """Return whether the tables of the pin store exist and are up to date."""
    with create_session(scoped=False) as session:
        if PinningDBManager(session).check_migration():
            yield ok("tables", "are up to date")
        else:
            yield failure("tables", "are missing or out of date", "Run `airflow db migrate`.")


def check_components() -> Iterator[Finding]:
    """Check that each live component enforces pins."""
    live = _live_components()
    for component in live:
        if component.enforced:
            yield ok("component", f"{component.place} enforces pins")
        else:
            found, _, remedy = component.message.partition(". ")
            yield failure("component", f"{component.place} {found}", remedy)
    for kind, without in COMPONENTS.items():
        if kind in {component.component for component in live}:
            continue
        name = kind.replace("_", "-")
        yield warning("component", f"no live {name} was found: {without}", f"Start `airflow {name}` with the package.")
    yield from _mixed_releases(live)


def _mixed_releases(live: list[ComponentHealth]) -> Iterator[Finding]:
    """Find components that enforce pins, but with another release of the package than this host."""
    for component in live:
        if component.enforced and component.package_version not in (None, __version__):
            yield warning(
                "component",
                f"{component.place} has release {component.package_version} of the package, but this host has "
                f"{__version__}",
                "Install the same release everywhere and restart.",
            )


def check_bundles() -> Iterator[Finding]:
    """Check which bundles have versions: only their Dags can be pinned."""
    with create_session(scoped=False) as session:
        bundles = session.execute(
            select(DagBundleModel.name, DagBundleModel.version)
            .where(DagBundleModel.active.is_(True))
            .order_by(DagBundleModel.name)
        ).all()
    if conf.getboolean("dag_processor", "disable_bundle_versioning", fallback=False):
        yield warning(
            "bundle",
            "[dag_processor] disable_bundle_versioning is set on this host, so newly parsed versions cannot be pinned",
            "Remove the option, and restart the dag processor.",
        )
    if not bundles:
        yield warning("bundle", "no bundle is registered yet", "Start `airflow dag-processor`, which registers them.")
    for bundle in bundles:
        if bundle.version:
            yield ok("bundle", f"{bundle.name!r} is at {bundle.version}")
        else:
            yield warning(
                "bundle",
                f"{bundle.name!r} has no version, so its Dags cannot be pinned",
                "To pin its Dags, serve them from a bundle that supports versioning, such as GitDagBundle.",
            )


def _live_components() -> list[ComponentHealth]:
    with create_session(scoped=False) as session:
        return attestation.live_components(session=session)
