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
"""Approvals of exactly the version that the user saw."""

from __future__ import annotations

from airflow._shared.timezones import timezone
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import NotApprovedError
from airflow_providers_pinning.domain.history.events import Change, find_repeated
from airflow_providers_pinning.domain.history.version_events import record_of
from airflow_providers_pinning.domain.policies.evidence import about_version
from airflow_providers_pinning.domain.policies.records import approvals_of, columns_of
from airflow_providers_pinning.domain.policies.views import ApprovalView
from airflow_providers_pinning.domain.versions.identity import find_version, require_dag
from airflow_providers_pinning.models import Event, VersionApproval
from airflow_providers_pinning.vocabulary import EventKind


def approve(dag_id: str, version_number: int, change: Change, *, session: Session) -> ApprovalView:
    """
    Approve a version in the name of the caller. A caller who already approved it changes nothing.

    A repeated request does not approve again, because its approval may have been revoked since.

    :raises UnknownVersionError: if there is no such version
    :raises VersionDriftedError: if it is not the version that the caller saw
    """
    require_dag(dag_id, lock=True, session=session)
    request = {"action": "approve", "dag_id": dag_id, "version_number": version_number}
    if repeated := find_repeated(change, request, session=session):
        return _made_by(repeated, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    about_version(dag_id, version, change, session=session)
    present = _own(approvals_of([version], session=session).get(version.dag_version_id, []), change.caller.name)
    if present is not None:
        if change.idempotency_key:
            # So that the key cannot make a change later either.
            facts = {"approval": {"id": present.id}}
            record_of(EventKind.CONFIRMED, dag_id, version, change, request, facts, session=session)
        return ApprovalView.of(present)
    row = VersionApproval(**columns_of(dag_id, version, change), reason=change.reason)
    session.add(row)
    session.flush()
    record_of(EventKind.APPROVED, dag_id, version, change, request, {"approval": {"id": row.id}}, session=session)
    return ApprovalView.of(row)


def revoke(
    dag_id: str, version_number: int, change: Change, *, actor: str | None = None, session: Session
) -> ApprovalView:
    """
    Revoke an approval.

    :param actor: user whose approval to revoke (default: the caller)
    :raises NotApprovedError: if there is no such approval
    """
    require_dag(dag_id, lock=True, session=session)
    whose = actor or change.caller.name
    request = {"action": "revoke", "dag_id": dag_id, "version_number": version_number, "actor": whose}
    if repeated := find_repeated(change, request, session=session):
        return _made_by(repeated, session=session)
    version = find_version(dag_id, version_number=version_number, session=session)
    row = _own(approvals_of([version], session=session).get(version.dag_version_id, []), whose)
    if row is None:
        raise NotApprovedError(
            f"Dag {dag_id!r}, {version.label}, has no approval of {whose}. See its approvals.",
            dag_id=dag_id,
            version_number=version_number,
        )
    row.revoked_at, row.revoked_by, row.revoke_reason = timezone.utcnow(), change.caller.name, change.reason
    session.flush()
    facts = {"approval": {"id": row.id, "actor": whose}}
    record_of(EventKind.APPROVAL_REVOKED, dag_id, version, change, request, facts, session=session)
    return ApprovalView.of(row)


def _made_by(event: Event, *, session: Session) -> ApprovalView:
    """Return the current state of the approval that an earlier request with the same key was about."""
    return ApprovalView.of(session.get_one(VersionApproval, (event.evidence or {})["approval"]["id"]))


def _own(approvals: list[VersionApproval], actor: str) -> VersionApproval | None:
    return next((row for row in approvals if row.actor == actor), None)
