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
"""Record releases, and find the result of an earlier request with the same key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_AT_ONCE, pages
from airflow_providers_pinning.domain.errors import (
    IdempotencyKeyReusedError,
    ReleaseBlockedError,
    RevisionConflictError,
)
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.seen import seen_rules
from airflow_providers_pinning.domain.releases.access import MAX_NAMED, check_access
from airflow_providers_pinning.domain.releases.plan import CONCERNED, ReleaseReport, report_of
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import Release, ReleaseDag
from airflow_providers_pinning.vocabulary import ReleaseAction, ReleaseOutcome


def find_repeated(
    change: Change, request: Mapping[str, Any], access: Access, *, session: Session
) -> ReleaseReport | None:
    """
    Find the release of an earlier request with the same idempotency key.

    :raises IdempotencyKeyReusedError: if the key was sent with another request
    :raises DagsForbiddenError: if the caller may not change the Dags of that release
    """
    if change.idempotency_key is None:
        return None
    release = session.scalar(select(Release).where(Release.idempotency_key == change.idempotency_key))
    if release is None:
        return None
    if release.request != request:
        raise IdempotencyKeyReusedError(
            f"The idempotency key {change.idempotency_key!r} was used for another release, {release.id}. Use a new key "
            "for a new request.",
            idempotency_key=change.idempotency_key,
        )
    rows = session.scalars(select(ReleaseDag).where(ReleaseDag.release_id == release.id)).all()
    changed = {row.dag_id for row in rows if ReleaseOutcome(row.outcome) in CONCERNED}
    check_access(changed, (), access, session=session)
    return report_of(release, rows, repeated=True)


def refuse_blocked(report: ReleaseReport) -> None:
    """
    Refuse a release if one of its Dags cannot be changed.

    :raises ReleaseBlockedError: with the reasons for all such Dags
    """
    blocked = report.of(ReleaseOutcome.BLOCKED)
    if not blocked:
        return
    told = [f"{dag.dag_id} ({dag.reason}): {dag.message}" for dag in blocked[:MAX_NAMED]]
    if (more := len(blocked) - MAX_NAMED) > 0:
        told.append(f"{more} more.")
    them = "it" if len(blocked) == 1 else "them"
    remedy = "correct the document" if report.action is ReleaseAction.APPLY else f"exclude {them} by name"
    raise ReleaseBlockedError(
        f"{plural(len(blocked), 'Dag')} of {len(report.dags)} cannot be changed, so none was. Fix the cause, or "
        f"{remedy}. {' '.join(told)}",
        blocked=[{"dag_id": dag.dag_id, "reason": dag.reason, "message": dag.message} for dag in blocked],
    )


def refuse_another_plan(report: ReleaseReport, expected: str | None) -> None:
    """
    Refuse a release that differs from the confirmed plan.

    :param report: what it would do now, with its Dags locked
    :param expected: hash of the plan; ``None`` says that there was none
    :raises RevisionConflictError: with the hash of what it would do now
    """
    if expected is not None and expected != report.plan_hash:
        raise RevisionConflictError(
            "What would change is not what the plan showed: a pin, a version or the Dags of the release changed since. "
            "Nothing was changed. Plan it again (REST: dry_run=true), and confirm what it shows then.",
            plan_hash=report.plan_hash,
        )


def with_seen_rules(report: ReleaseReport, *, session: Session) -> ReleaseReport:
    """Add to a plan which rules it was checked against, by which a confirmation is bound to them."""
    seen = seen_rules(session=session)
    return replace(report, policy_revision=seen.policy_revision, freeze_id=seen.freeze_id)


def keep(
    report: ReleaseReport,
    change: Change,
    request: Mapping[str, Any],
    *,
    rolls_back: str | None = None,
    session: Session,
) -> ReleaseReport:
    """Record a release, with the outcome for each Dag."""
    release = Release(
        id=report.release_id,
        action=report.action.value,
        bundle_name=report.bundle_name,
        bundle_version=report.bundle_version,
        request=dict(request),
        idempotency_key=change.idempotency_key,
        warnings=list(report.warnings),
        changed=len(report.concerned),
        effective_from=report.effective_from,
        rolls_back=rolls_back,
        **change.as_columns(),
    )
    session.add(release)
    session.flush()
    # They are not needed in the session, which would cost more than writing them.
    for page in pages(report.dags, DAGS_AT_ONCE):
        session.execute(insert(ReleaseDag), [dag.as_row(release.id) for dag in page])
    return replace(
        report, actor=release.actor, reason=release.reason, created_at=release.created_at, rolls_back=rolls_back
    )
