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
"""Evidence and approvals of versions that count now, which are those for the current content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar
from unicodedata import normalize
from uuid import UUID

from airflow._shared.timezones import timezone
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.matching import IDS_IN_A_STATEMENT
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import VersionApproval, VersionEvidence

Row = TypeVar("Row", VersionEvidence, VersionApproval)


def is_about(row: VersionEvidence | VersionApproval, version: VersionIdentity) -> bool:
    """Return whether a record is about the current content of a version. A version that changes loses its records."""
    recorded = (row.dag_version_id, row.dag_hash, row.bundle_name, row.bundle_version)
    return recorded == (version.dag_version_id, version.dag_hash, version.bundle_name, version.bundle_version)


def columns_of(dag_id: str, version: VersionIdentity, change: Change) -> dict[str, Any]:
    """Return the columns of a record that say which version it is about, who made it, and when."""
    return {
        "dag_id": dag_id,
        "dag_version_id": version.dag_version_id,
        "version_number": version.version_number,
        "bundle_name": version.bundle_name,
        "bundle_version": version.bundle_version,
        "dag_hash": version.dag_hash,
        "actor": change.caller.name,
        "created_at": timezone.utcnow(),
    }


def evidence_of(versions: Collection[VersionIdentity], *, session: Session) -> dict[UUID, dict[str, VersionEvidence]]:
    """Return the newest evidence of each name, by version, for several versions."""
    found: dict[UUID, dict[str, VersionEvidence]] = defaultdict(dict)
    for row in _rows(VersionEvidence, versions, session=session):
        found[row.dag_version_id][row.name] = row
    return found


def approvals_of(versions: Collection[VersionIdentity], *, session: Session) -> dict[UUID, list[VersionApproval]]:
    """Return the approvals that were not revoked, by version, for several versions."""
    found: dict[UUID, list[VersionApproval]] = defaultdict(list)
    for row in _rows(VersionApproval, versions, session=session):
        if row.revoked_at is None:
            found[row.dag_version_id].append(row)
    return found


def approvers(approvals: Sequence[VersionApproval], asking: str) -> set[str]:
    """Return the approvers except the one who requests the change. Spellings of a name are the same person."""
    found = {person(row.actor): row.actor for row in approvals}
    found.pop(person(asking), None)
    return set(found.values())


def person(name: str) -> str:
    """
    Return the normalized form of a name for comparisons.

    Auth managers may use a name as an external system provides it, where `Ann` and `ann` are the same account.
    """
    return normalize("NFKC", name).strip().casefold()


def has_expired(evidence: VersionEvidence, now: datetime) -> bool:
    """Return whether evidence has expired."""
    return evidence.expires_at is not None and evidence.expires_at <= now


def _rows(model: type[Row], versions: Collection[VersionIdentity], *, session: Session) -> list[Row]:
    """Read the records of versions, oldest first."""
    present = {version.dag_version_id: version for version in versions}
    ids = list(present)
    found: list[Row] = []
    for start in range(0, len(ids), IDS_IN_A_STATEMENT):
        query = select(model).where(model.dag_version_id.in_(ids[start : start + IDS_IN_A_STATEMENT]))
        found += session.scalars(query.order_by(model.id))
    return [row for row in found if is_about(row, present[row.dag_version_id])]
