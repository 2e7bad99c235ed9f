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
"""External evidence, such as the result of CI, a release tool or a data quality task for exactly one version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.history.version_events import record_of
from airflow_providers_pinning.domain.policies.records import columns_of, is_about
from airflow_providers_pinning.domain.policies.views import ApprovalView, EvidenceView
from airflow_providers_pinning.domain.versions.expected import check_same
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, find_version, require_dag
from airflow_providers_pinning.models import VersionApproval, VersionEvidence
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class Finding:
    """The result of a check of a version."""

    name: str
    verdict: str
    """``successful``, ``failed`` or ``inconclusive``."""
    url: str | None = None
    expires_at: datetime | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Recorded:
    """All records about a version's current content, newest first."""

    version: VersionIdentity
    evidence: list[EvidenceView]
    approvals: list[ApprovalView]


def record_evidence(
    dag_id: str, version_number: int, finding: Finding, change: Change, *, session: Session
) -> EvidenceView:
    """
    Record evidence on a version. The newest of each name counts. A version whose content changes loses it.

    :raises UnknownVersionError: if there is no such version
    :raises VersionDriftedError: if it is not the version that the caller saw
    """
    require_dag(dag_id, lock=True, session=session)
    request = {
        "action": "evidence",
        "dag_id": dag_id,
        "version_number": version_number,
        "name": finding.name,
        "verdict": finding.verdict,
        "url": finding.url,
        "expires_at": finding.expires_at and finding.expires_at.isoformat(),
    }
    if repeated := events.find_repeated(change, request, session=session):
        return EvidenceView.of(session.get_one(VersionEvidence, (repeated.evidence or {})["evidence"]["id"]))
    version = find_version(dag_id, version_number=version_number, session=session)
    about_version(dag_id, version, change, session=session)
    row = VersionEvidence(
        **columns_of(dag_id, version, change),
        name=finding.name,
        verdict=finding.verdict,
        url=finding.url,
        details=dict(finding.details) if finding.details else None,
        expires_at=finding.expires_at,
    )
    session.add(row)
    session.flush()
    facts = {"id": row.id, "name": row.name, "verdict": row.verdict, "url": row.url}
    record_of(EventKind.EVIDENCE, dag_id, version, change, request, {"evidence": facts}, session=session)
    return EvidenceView.of(row)


def recorded_of(dag_id: str, version_number: int, *, session: Session) -> Recorded:
    """Return the evidence and the approvals for a version's current content."""
    require_dag(dag_id, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    evidence = session.scalars(
        select(VersionEvidence)
        .where(VersionEvidence.dag_version_id == version.dag_version_id)
        .order_by(VersionEvidence.id.desc())
    )
    approvals = session.scalars(
        select(VersionApproval)
        .where(VersionApproval.dag_version_id == version.dag_version_id)
        .order_by(VersionApproval.id.desc())
    )
    return Recorded(
        version,
        [EvidenceView.of(row) for row in evidence if is_about(row, version)],
        [ApprovalView.of(row) for row in approvals if is_about(row, version)],
    )


def about_version(dag_id: str, version: VersionIdentity, change: Change, *, session: Session) -> None:
    """
    Check that a version is the one that the caller saw.

    :raises VersionDriftedError: if it is not
    """
    check_same(dag_id, version, dag_hash=change.expected_dag_hash, bundle_version=change.expected_bundle_version)
