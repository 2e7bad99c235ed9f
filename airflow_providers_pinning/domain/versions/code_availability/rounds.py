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
"""Select the managed versions to check, and record the results."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.versions.code_availability.finding import CodeProblem, CodeState, Finding, Trouble
from airflow_providers_pinning.models import ManagedVersion

RETRY_AFTER = timedelta(seconds=60)
"""Retry delay for unavailable code. It doubles with each failed check."""

RETRY_PASSING = timedelta(minutes=10)
"""Maximum retry delay if the remote did not answer, or the host had a problem, which are temporary."""

RETRY_LASTING = timedelta(hours=1)
"""Maximum retry delay if the code was missing."""

CHECKS_A_ROUND = 100
"""Maximum number of bundle versions to check in one round."""

ROWS_A_TRANSACTION = 1000
"""Number of managed versions to write in a transaction, so that changes of them do not wait for long."""

_PASSING = [problem.value for problem in CodeProblem if problem.is_passing]


def _backoff(longest: timedelta) -> ColumnElement:
    """Build the latest time of a failed check that is due again, by the number of failed checks."""
    now = timezone.utcnow()
    pauses: dict[int, datetime] = {}
    pause = RETRY_AFTER
    while pause < longest:
        pauses[len(pauses) + 1] = now - pause
        pause *= 2
    return case(pauses, value=ManagedVersion.code_attempts, else_=now - longest)


def conditions(bundle_names: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions for due checks: never checked, not found, or checked long ago."""
    now = timezone.utcnow()
    here = and_(ManagedVersion.bundle_name.in_(bundle_names), ManagedVersion.bundle_version.is_not(None))
    # Each uses all columns of an index up to the time, to find a few of very many versions.
    states = ManagedVersion.code_state.in_([state.value for state in CodeState])
    checked, attempts = ManagedVersion.code_checked_at, ManagedVersion.code_attempts
    is_passing = func.coalesce(ManagedVersion.code_problem, "").in_(_PASSING)
    return (
        and_(here, states, checked.is_(None)),
        and_(
            attempts > 0,
            checked < now - RETRY_AFTER,
            or_(
                and_(is_passing, checked < _backoff(RETRY_PASSING)),
                and_(~is_passing, checked < _backoff(RETRY_LASTING)),
            ),
            here,
        ),
        and_(
            here,
            states,
            checked < now - timedelta(seconds=conf.code_check_interval()),
            func.coalesce(attempts, 0) == 0,
        ),
    )


def is_check_due(bundle_names: Collection[str], *, session: Session) -> bool:
    """Return whether a check of any managed version of these bundles is due."""
    never, failed, long_ago = (
        select(ManagedVersion.dag_version_id).where(condition).limit(1).exists()
        for condition in conditions(bundle_names)
    )
    return bool(session.scalar(select(or_(never, failed, long_ago))))


def due(bundle_names: Collection[str]) -> Select:
    """
    Select the bundle versions of a round, alternating between never checked, not found and checked long ago.

    So however many there are of one kind, they do not starve the others.
    """
    never, failed, long_ago = conditions(bundle_names)
    kind = func.min(case((never, 0), (failed, 1), else_=2)).label("kind")
    places = (
        select(
            ManagedVersion.bundle_name,
            ManagedVersion.bundle_version,
            kind,
            func.min(ManagedVersion.code_checked_at).label("checked_at"),
        )
        .where(or_(never, failed, long_ago))
        .group_by(ManagedVersion.bundle_name, ManagedVersion.bundle_version)
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=places.c.kind, order_by=(places.c.checked_at, places.c.bundle_name, places.c.bundle_version)
    )
    return select(places.c.bundle_name, places.c.bundle_version).order_by(turn, places.c.kind).limit(CHECKS_A_ROUND)


def note(
    finding: Finding, trouble: Trouble | None, version_ids: list[UUID], *, place: tuple[str, str], session: Session
) -> None:
    """
    Record the result for managed versions, in several transactions.

    :param place: the checked bundle and commit; a version may have been accepted with another commit meanwhile
    """
    values = _values(finding, trouble)
    bundle_name, bundle_version = place
    for some in pages(version_ids, ROWS_A_TRANSACTION):
        session.execute(
            update(ManagedVersion)
            .where(
                ManagedVersion.dag_version_id.in_(some),
                ManagedVersion.bundle_name == bundle_name,
                ManagedVersion.bundle_version == bundle_version,
            )
            .values(values)
            .execution_options(synchronize_session=False)
        )
        session.commit()


def _values(finding: Finding, trouble: Trouble | None) -> dict[str, Any]:
    checked: dict[str, Any] = {"code_checked_at": timezone.utcnow()}
    if trouble is None:
        found = {"code_source": finding.source.value, "code_ref": finding.ref} if finding.source else {}
        return {
            **checked,
            **found,
            "code_state": CodeState.AVAILABLE.value,
            "code_message": finding.remark,
            "code_problem": None,
            "code_attempts": None,
        }
    checked["code_attempts"] = func.coalesce(ManagedVersion.code_attempts, 0) + 1
    told = {"code_problem": trouble.problem.value, "code_message": trouble.message}
    if not trouble.problem.is_passing:
        return {**checked, **told, "code_state": CodeState.MISSING.value, "code_source": None, "code_ref": None}
    # Nothing new is known about the remote, so the previous result stands, with its reason.
    is_missing = ManagedVersion.code_state == CodeState.MISSING.value
    for name, value in told.items():
        checked[name] = case((is_missing, getattr(ManagedVersion, name)), else_=value)
    if finding.source:
        is_unknown = ManagedVersion.code_state == CodeState.UNKNOWN.value
        for name, value in (("code_state", CodeState.AVAILABLE.value), ("code_source", finding.source.value)):
            checked[name] = case((is_unknown, value), else_=getattr(ManagedVersion, name))
    return checked
