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
"""The parameters of one version, which the configuration of its runs is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.stored_dags import read_dag
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, find_version, require_dag


@dataclass(frozen=True)
class VersionParam:
    """One parameter."""

    name: str
    value: Any
    """Its default; ``None`` if it has none, or none that fits."""
    description: str | None
    json_schema: Mapping[str, Any]
    """What a value must be like."""


@dataclass(frozen=True)
class VersionParams:
    """The parameters of a version, in the order in which its file declares them."""

    version: VersionIdentity
    params: tuple[VersionParam, ...]


def params_of(dag_id: str, version_number: int, *, session: Session) -> VersionParams:
    """
    Read the parameters of a version.

    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there is no such version
    :raises VersionUnreadableError: if it cannot be deserialized
    """
    require_dag(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    dumped = {name: param.dump() for name, param in read_dag(version, dag_id=dag_id, session=session).params.items()}
    return VersionParams(
        version,
        tuple(
            VersionParam(name, param["value"], param["description"], param["schema"]) for name, param in dumped.items()
        ),
    )
