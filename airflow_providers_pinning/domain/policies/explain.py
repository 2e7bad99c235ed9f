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
"""Explain which policies apply to a Dag, and which rules its candidate does not meet now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.policies.merge import Rules
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.policies.unmet import PlannedChange, unmet
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    require_dag,
)
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin


@dataclass(frozen=True)
class Explanation:
    """The policies that match a Dag, their merged rules, and the unmet ones."""

    dag_id: str
    revision: int
    """Revision of the policies."""
    policies: tuple[str, ...]
    rules: Rules
    version: VersionIdentity | None
    """The checked version: the given one, else the newest candidate, else the latest."""
    unmet: tuple[Unmet, ...]
    passes_gate: bool = False
    """Whether the Dag is unpinned although a policy pins new Dags to their first version."""

    @property
    def merged(self) -> dict[str, Any]:
        """The merged rules as JSON values."""
        return self.rules.as_dict()

    @property
    def allowed(self) -> bool:
        """Whether policies and freezes allow pinning the version now."""
        return not self.unmet


def explain(dag_id: str, *, version_number: int | None = None, actor: str, session: Session) -> Explanation:
    """
    Explain which rules bind a Dag.

    :param dag_id: the Dag
    :param version_number: the version to check
    :param actor: who would request the change; their own approval does not count
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there is no such version
    """
    require_dag(dag_id, session=session)
    if version_number is not None:
        version: VersionIdentity | None = find_version(dag_id, version_number=version_number, session=session)
    else:
        version = _candidate(dag_id, session=session)
    check = unmet(session, [PlannedChange(dag_id, ChangeKind.PIN, version, actor)])
    rules = check.rules.get(dag_id, Rules())
    pin = session.get(Pin, dag_id)
    return Explanation(
        dag_id,
        check.revision,
        tuple(check.names(dag_id)),
        rules,
        version,
        check.unmet.get(dag_id, ()),
        passes_gate=bool(rules.gates) and (pin is None or pin.dag_version_id is None),
    )


def _candidate(dag_id: str, *, session: Session) -> VersionIdentity | None:
    number = session.scalar(
        select(ManagedVersion.version_number)
        .where(ManagedVersion.dag_id == dag_id, ManagedVersion.state == VersionState.CANDIDATE.value)
        .order_by(ManagedVersion.version_number.desc())
        .limit(1)
    )
    if number is None:
        return latest_identity(dag_id, session=session)
    return find_version(dag_id, version_number=number, session=session)
