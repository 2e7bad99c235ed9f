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
"""Read the stored data of versions to compare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import DagSerialization
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from airflow_providers_pinning.domain.dag_model.stored_dags import as_parsed, deadline_definitions
from airflow_providers_pinning.domain.difference.values import plain, readable
from airflow_providers_pinning.domain.errors import UnknownVersionError, VersionUnreadableError
from airflow_providers_pinning.domain.versions.identity import VersionIdentity

CURRENT = DagSerialization.SERIALIZER_VERSION
"""Airflow's serialization version that needs no conversion."""


@dataclass(frozen=True)
class StoredVersion:
    """
    The serialized Dag of one version as plain data, so versions that cannot be deserialized can still be compared.

    :param identity: which version
    :param raw: the serialized Dag, with definitions of its deadlines instead of references
    :param problem: what could not be read
    """

    identity: VersionIdentity
    raw: dict[str, Any]
    problem: str | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"Version {self.identity.version_number}"

    @property
    def raw_dag(self) -> dict[str, Any]:
        """The Dag in Airflow's encoding."""
        return self.raw.get("dag") or {}

    @cached_property
    def dag(self) -> dict[str, Any]:
        """The fields of the Dag as plain values, with Airflow's defaults for omitted ones."""
        defaults = DagSerialization.get_schema_defaults("dag")
        fields = {**defaults, **plain(self.raw_dag, self._checkout)}
        return {name: readable(name, value) for name, value in fields.items()}

    @cached_property
    def task_defaults(self) -> dict[str, Any]:
        """Default fields of its tasks."""
        of_client = (self.raw.get("client_defaults") or {}).get("tasks") or {}
        return {**plain(DagSerialization.get_schema_defaults("operator")), **plain(of_client)}

    @property
    def _checkout(self) -> str | None:
        """Folder in which the version was parsed, which differs between hosts and commits."""
        path, inside = self.raw_dag.get("fileloc") or "", self.identity.relative_fileloc or ""
        return path.removesuffix(f"/{inside}") or None if inside and path.endswith(f"/{inside}") else None


def read_stored(dag_id: str, identity: VersionIdentity, *, session: Session) -> StoredVersion:
    """
    Read the serialized Dag of a version.

    :raises UnknownVersionError: if it is gone
    """
    serialized = session.scalar(
        select(SerializedDagModel)
        .join(SerializedDagModel.dag_version)
        .where(DagVersion.id == identity.dag_version_id)
        .options(contains_eager(SerializedDagModel.dag_version))
    )
    if serialized is None:
        raise UnknownVersionError(
            f"Dag {dag_id!r}, {identity.label}, was deleted. Choose registered versions.",
            dag_id=dag_id,
            version_number=identity.version_number,
        )
    data = serialized.data or {}
    if data.get("__version") == CURRENT:
        return StoredVersion(identity, {**data, "dag": _with_deadlines(serialized, data["dag"])})
    try:
        return StoredVersion(identity, as_parsed(serialized).data)
    except VersionUnreadableError as error:
        return StoredVersion(identity, data, f"{error.message} The comparison uses its stored form.")


def _with_deadlines(serialized: SerializedDagModel, dag: dict[str, Any]) -> dict[str, Any]:
    return {**dag, "deadline": deadline_definitions(serialized)} if dag.get("deadline") else dag
