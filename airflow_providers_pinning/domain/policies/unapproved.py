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
"""Which Dags have a version that waits for somebody's approval: release policies or a task of Airflow ask for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Set
from typing import NamedTuple

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.policies.matching import Matcher, facts_of
from airflow_providers_pinning.domain.policies.model import ChangeKind, Policy
from airflow_providers_pinning.domain.policies.records import approvals_of, approvers
from airflow_providers_pinning.domain.policies.store import in_force
from airflow_providers_pinning.domain.versions.identity import identities_of
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin, VersionApproval
from airflow_providers_pinning.vocabulary import APPROVAL_IS_FOR

_BEGINNING = APPROVAL_IS_FOR.partition("{")[0]
_ASKED_ABOUT = re.compile(
    re.escape(APPROVAL_IS_FOR)
    .replace(re.escape("{version_number}"), r"\d+")
    .replace(re.escape("{target_dag_id}"), r"([^`\n]+)")
)
_WAITING = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)


def unapproved(*, session: Session) -> set[str]:
    """
    Return the ids of the Dags of which a version waits for an approval, whether or not they are pinned.

    :param session: database session
    """
    return _asked_by_policies(session=session) | _asked_by_tasks(session=session)


def narrow(wanted: bool | None, *, session: Session) -> Callable[[Collection[str]], Set[str]] | None:
    """
    Return what leaves the Dags that wait for an approval, or the others.

    :param wanted: which of them; ``None`` leaves all
    :param session: database session
    """
    if wanted is None:
        return None
    waiting = unapproved(session=session)
    return waiting.intersection if wanted else lambda dag_ids: set(dag_ids) - waiting


class _Candidate(NamedTuple):
    """The newest candidate above the active version of a pinned Dag, of which there may be very many."""

    dag_id: str
    version_number: int
    bundle_name: str | None


def _asked_by_policies(*, session: Session) -> set[str]:
    """Find the pinned Dags whose newest candidate has fewer approvals than their policies ask for."""
    asking = [policy for policy in in_force(session=session).policies.policies if policy.requires.approvals]
    if not asking:
        return set()
    candidates = _newest_candidates(session=session)
    matcher = Matcher(asking)
    bundles = {one.dag_id: one.bundle_name for one in candidates if one.bundle_name}
    facts = facts_of([one.dag_id for one in candidates], matcher.kinds, bundles=bundles, session=session)
    needed = {
        one.dag_id: count
        for one in candidates
        if one.dag_id in facts and (count := _approvals(matcher.find(facts[one.dag_id])))
    }
    agreed = _agreed([one for one in candidates if one.dag_id in needed], session=session)
    return {dag_id for dag_id, count in needed.items() if agreed.get(dag_id, 0) < count}


def _approvals(policies: Iterable[Policy]) -> int:
    """Return how many approvals policies ask for together."""
    return max((one.requires.approvals for one in policies if ChangeKind.PIN not in one.exempt), default=0)


def _newest_candidates(*, session: Session) -> list[_Candidate]:
    newest = (
        select(ManagedVersion.dag_id, func.max(ManagedVersion.version_number).label("number"))
        .join(Pin, and_(Pin.dag_id == ManagedVersion.dag_id, ManagedVersion.version_number > Pin.version_number))
        .where(ManagedVersion.state == VersionState.CANDIDATE.value, Pin.dag_version_id.is_not(None))
        .group_by(ManagedVersion.dag_id)
        .subquery()
    )
    rows = session.execute(
        select(ManagedVersion.dag_id, ManagedVersion.version_number, ManagedVersion.bundle_name).join(
            newest, and_(newest.c.dag_id == ManagedVersion.dag_id, newest.c.number == ManagedVersion.version_number)
        )
    )
    return [_Candidate(*row) for row in rows]


def _agreed(candidates: Iterable[_Candidate], *, session: Session) -> dict[str, int]:
    """Count the people who approved candidates as they are now, by Dag; most have no approval, and are not read."""
    numbers = {one.dag_id: one.version_number for one in candidates}
    rows = session.execute(
        select(ManagedVersion.dag_id, ManagedVersion.version_number, ManagedVersion.dag_version_id)
        .join(VersionApproval, VersionApproval.dag_version_id == ManagedVersion.dag_version_id)
        .where(ManagedVersion.state == VersionState.CANDIDATE.value, VersionApproval.revoked_at.is_(None))
        .distinct()
    )
    dag_ids = {version_id: dag_id for dag_id, number, version_id in rows if numbers.get(dag_id) == number}
    present = [
        version for page in pages(dag_ids, DAGS_IN_A_STATEMENT) for version in identities_of(page, session=session)
    ]
    return {
        dag_ids[version_id]: len(approvers(approvals, ""))
        for version_id, approvals in approvals_of(present, session=session).items()
    }


def _asked_by_tasks(*, session: Session) -> set[str]:
    """Find the Dags about which ``ApproveDagVersionOperator`` asks and nobody has answered."""
    questions = session.scalars(
        select(HITLDetail.body)
        .join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        .where(
            HITLDetail.responded_at.is_(None),
            TaskInstance.state.in_(_WAITING),
            HITLDetail.body.contains(_BEGINNING, autoescape=True),
        )
    )
    return {found for text in questions for found in _ASKED_ABOUT.findall(text or "")[-1:]}
