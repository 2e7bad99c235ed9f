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
"""Substitute Connections and Variables for canary runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow.configuration import conf
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.variable import Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.serialization.definitions.dag import SerializedDAG
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import InvalidIsolationError

CONNECTIONS = "connections"
"""Field for the IDs of substitute connections, by the IDs that they replace."""

VARIABLES = "variables"
"""Field for the keys of substitute Variables, by the keys that they replace."""

_ONE = {CONNECTIONS: "connection", VARIABLES: "Variable"}

_IN_ENVIRONMENT = {CONNECTIONS: "AIRFLOW_CONN_", VARIABLES: "AIRFLOW_VAR_"}


def check_substitutes(field: str, substitutes: Mapping[str, str], dag: SerializedDAG, *, session: Session) -> None:
    """
    Check that each substitute exists and differs from what it replaces.

    :param field: :data:`CONNECTIONS` or :data:`VARIABLES`
    :param substitutes: names of substitutes, by the names that they replace
    :param dag: the tested version
    :param session: database session
    :raises InvalidIsolationError: naming the first substitute that fails the check
    """
    if not substitutes:
        return
    one = _ONE[field]
    team = DagModel.get_team_name(dag.dag_id, session=session) if conf.getboolean("core", "multi_team") else None
    for name, substitute in substitutes.items():
        if substitute in substitutes:
            raise _refusal(
                f"{one} {name!r} cannot be replaced by {substitute!r}, which is itself replaced. Name a {one} that "
                "only canary runs use.",
                dag,
                field,
                substitute,
            )
        if not _EXISTS[field](substitute, team):
            raise _refusal(
                f"there is no {one} {substitute!r} to substitute for {name!r}. Create it, or name another one.",
                dag,
                field,
                substitute,
            )


def warn_of_workers(isolation: Mapping[str, Any]) -> list[str]:
    """Name what tasks may still read directly from their worker's environment if it lacks this package."""
    warnings = []
    for field, one in _ONE.items():
        if names := sorted(isolation.get(field, {})):
            variables = ", ".join(f"{_IN_ENVIRONMENT[field]}{name.upper()}" for name in names)
            warnings.append(
                f"A worker without airflow-providers-pinning may still take the live {one} "
                f"{', '.join(map(repr, names))} from its own environment ({variables}) or secrets backend, which it "
                "asks before the API server. Install the package there, or keep them off the workers of canary runs."
            )
    return warnings


def _refusal(why: str, dag: SerializedDAG, field: str, value: str) -> InvalidIsolationError:
    return InvalidIsolationError(
        f"Canary runs of Dag {dag.dag_id!r} were not created: {why}", dag_id=dag.dag_id, field=field, value=value
    )


def _connection_exists(conn_id: str, team: str | None) -> bool:
    try:
        Connection.get_connection_from_secrets(conn_id, team_name=team)
    except AirflowNotFoundException:
        return False
    return True


def _variable_exists(key: str, team: str | None) -> bool:
    return Variable.get_variable_from_secrets(key, team_name=team) is not None


_EXISTS: Mapping[str, Callable[[str, str | None], bool]] = {
    CONNECTIONS: _connection_exists,
    VARIABLES: _variable_exists,
}
