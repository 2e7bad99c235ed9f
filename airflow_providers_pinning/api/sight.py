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
Which Dags a user may see or change, asked of the auth manager for the Dags at hand.

``get_authorized_dag_ids`` names all Dags of the deployment, which takes longer than most answers where they are many.
Airflow's own one asks ``filter_authorized_dag_ids`` about all Dags of each team, so that is asked here about a few of
them, to the same effect. An auth manager that has a way of its own to name all Dags is asked for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Set
from functools import cache, partial

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import dag_bundle_team_association_table
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.sight import Sight

_BASE = "airflow.api_fastapi.auth.managers.base_auth_manager"
_SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager"
_FAB = "airflow.providers.fab.auth_manager.fab_auth_manager"

DAGS_NAMED = 20_000
"""Of how many Dags the teams are read by naming them, at most; of more, those of all Dags are."""

_NO_DAG = "/"
"""No Dag can be called so, and no role of FAB has a right on it but by the right on all Dags."""


def sight_of(user: BaseUser, method: ResourceMethod = "GET", *, session: Session) -> Sight:
    """
    Return which Dags a user has a right on.

    :param user: who asks
    :param method: ``GET`` to see them, ``PUT`` to change them
    :param session: database session, of the same request
    """
    # FAB's one says of each Dag what ``is_authorized_dag`` says, and only gets there faster.
    if _module_of("get_authorized_dag_ids") not in (_BASE, _FAB):
        return _as_named_at_once(user, method)
    return Sight(partial(_among, user, method, session), everything=_sees_everything(user, method, session=session))


def _module_of(name: str) -> str | None:
    """Return the module that has the auth manager's method; one that was put in its place may say anything else."""
    manager = get_auth_manager()
    defined_in = next((one.__module__ for one in type(manager).__mro__ if name in vars(one)), None)
    return defined_in if getattr(manager, name).__module__ == defined_in else None


def _as_named_at_once(user: BaseUser, method: ResourceMethod) -> Sight:
    @cache
    def named() -> frozenset[str]:
        return frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method=method))

    return Sight(lambda dag_ids: named().intersection(dag_ids))


def _sees_everything(user: BaseUser, method: ResourceMethod, *, session: Session) -> bool:
    """Return whether it is sure that a user has the right on every Dag; only auth managers of Airflow make it so."""
    if _module_of("filter_authorized_dag_ids") != _BASE:
        return False
    manager = get_auth_manager()
    decided_by = _module_of("is_authorized_dag")
    if decided_by == _SIMPLE:
        # It looks at the team of a Dag, and at nothing else of it.
        teams = session.scalars(select(dag_bundle_team_association_table.c.team_name).distinct())
        every = [DagDetails(team_name=team) for team in (None, *teams)]
        return all(manager.is_authorized_dag(method=method, details=details, user=user) for details in every)
    if decided_by == _FAB:
        return manager.is_authorized_dag(method=method, details=DagDetails(id=_NO_DAG), user=user)
    return False


def _among(user: BaseUser, method: ResourceMethod, session: Session, dag_ids: Collection[str]) -> frozenset[str]:
    by_team: dict[str | None, set[str]] = defaultdict(set)
    for dag_id, team_name in _teams_of(set(dag_ids), session):
        by_team[team_name].add(dag_id)
    manager = get_auth_manager()
    return frozenset().union(
        *(
            manager.filter_authorized_dag_ids(dag_ids=of_team, user=user, method=method, team_name=team_name)
            for team_name, of_team in by_team.items()
        )
    )


def _teams_of(dag_ids: Set[str], session: Session) -> Iterator[tuple[str, str | None]]:
    if len(dag_ids) > DAGS_NAMED:
        yield from ((row.dag_id, row.team_name) for row in session.execute(_teams()) if row.dag_id in dag_ids)
        return
    some = _teams().where(DagModel.dag_id.in_(bindparam("dag_ids", expanding=True)))
    for page in pages(sorted(dag_ids), DAGS_IN_A_STATEMENT):
        yield from ((row.dag_id, row.team_name) for row in session.execute(some, {"dag_ids": page}))


@cache
def _teams() -> Select:
    """Build what Airflow reads to name all Dags."""
    association = dag_bundle_team_association_table
    return (
        select(DagModel.dag_id, association.c.team_name)
        .join(DagBundleModel, DagModel.bundle_name == DagBundleModel.name)
        .outerjoin(association, DagBundleModel.name == association.c.dag_bundle_name)
    )
