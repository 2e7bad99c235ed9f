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
"""Read further data about several versions at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import dag_bundle_team_association_table as owners
from sqlalchemy import Row, Select, bindparam, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import managed_versions
from airflow_providers_pinning.models import ManagedVersion


@dataclass(frozen=True)
class Circumstances:
    """The data besides the version itself that decides whether it may be pinned."""

    managed: ManagedVersion | None
    """Its management row, which shows whether it was rejected, and the state of its code."""
    bundle_is_configured: bool
    team: str | None
    """The team that owns the version's bundle."""
    dag_team: str | None
    """The Dag's current team, from the bundle of its active version."""

    @property
    def changes_team(self) -> bool:
        """Whether the Dag would belong to another team if the version was active."""
        return self.team != self.dag_team


def circumstances_of(
    dag_id: str, versions: Collection[VersionIdentity], *, session: Session
) -> dict[UUID, Circumstances]:
    """
    Read the circumstances of versions of a Dag, by version ID, with as many statements as for one.

    :param dag_id: the Dag
    :param versions: current identities
    :param session: database session
    """
    if not versions:
        return {}
    managed = {row.dag_version_id: row for row in _managed([one.dag_version_id for one in versions], session=session)}
    asked = {"dag_id": dag_id, "names": list({one.bundle_name or "" for one in versions})}
    bundles: dict[str, Row[Any]] = {row.name: row for row in session.execute(_bundles_select(), asked)}
    dag_team = next((row.team_name for row in bundles.values() if row.name == row.name_of_dag), None)
    found = {}
    for one in versions:
        bundle = bundles.get(one.bundle_name or "")
        found[one.dag_version_id] = Circumstances(
            managed=managed.get(one.dag_version_id),
            bundle_is_configured=bundle is not None and bundle.active is not False,
            team=bundle.team_name if bundle else None,
            dag_team=dag_team,
        )
    return found


def circumstances_of_dags(versions: Mapping[str, VersionIdentity], *, session: Session) -> dict[str, Circumstances]:
    """
    Read the circumstances of one version of each Dag, by Dag ID, with as many statements as for two Dags.

    :param versions: current identities, by Dag
    :param session: database session
    """
    if len(versions) == 1:
        [(dag_id, version)] = versions.items()
        return {dag_id: circumstances_of(dag_id, [version], session=session)[version.dag_version_id]}
    ids = [one.dag_version_id for one in versions.values()]
    managed = {row.dag_version_id: row for row in managed_versions(ids, session=session)}
    bundles = {row.name: row for row in session.execute(_all_bundles_select())}
    of_dags = select(DagModel.dag_id, DagModel.bundle_name).where(DagModel.dag_id.in_(versions))
    found = {}
    for dag_id, name_of_dag in session.execute(of_dags):
        version = versions[dag_id]
        bundle, bundle_of_dag = bundles.get(version.bundle_name or ""), bundles.get(name_of_dag)
        found[dag_id] = Circumstances(
            managed=managed.get(version.dag_version_id),
            bundle_is_configured=bundle is not None and bundle.active is not False,
            team=bundle.team_name if bundle else None,
            dag_team=bundle_of_dag.team_name if bundle_of_dag else None,
        )
    return found


def _managed(dag_version_ids: list[UUID], *, session: Session) -> list[ManagedVersion]:
    """Read management rows. A single one is not read again if the session already has it."""
    if len(dag_version_ids) > 1:
        return managed_versions(dag_version_ids, session=session)
    row = session.get(ManagedVersion, dag_version_ids[0])
    return [row] if row else []


@cache
def _bundles_select() -> Select:
    # Built once, because every change of a pin uses it. The rows include the Dag's own bundle, for its current team.
    of_dag = select(DagModel.bundle_name).where(DagModel.dag_id == bindparam("dag_id")).scalar_subquery()
    return (
        select(DagBundleModel.name, DagBundleModel.active, owners.c.team_name, of_dag.label("name_of_dag"))
        .outerjoin(owners, owners.c.dag_bundle_name == DagBundleModel.name)
        .where(or_(DagBundleModel.name.in_(bindparam("names", expanding=True)), DagBundleModel.name == of_dag))
    )


@cache
def _all_bundles_select() -> Select:
    return select(DagBundleModel.name, DagBundleModel.active, owners.c.team_name).outerjoin(
        owners, owners.c.dag_bundle_name == DagBundleModel.name
    )


@cache
def data_reaches_workers() -> bool:
    """Return whether this Airflow passes a version's structured data to workers."""
    from airflow.executors.workloads.base import BundleInfo

    return "version_data" in BundleInfo.model_fields
